// Its BUILD file is what is under test.
