#!/usr/bin/env bash
# Runs check.py on the work tree that this test was built from.
set -euo pipefail
exec python3 "$(readlink -f "$(dirname "$0")/check.py")" "$@"
