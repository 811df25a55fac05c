"""Empty on purpose: rules_java and rules_proto load the file, nothing here uses its functions."""
