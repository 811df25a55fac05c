#!/bin/sh
# Runs a test written in Python; see py.bzl.
export PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 "$@"
