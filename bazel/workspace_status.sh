#!/bin/sh
# What a stamped target may know about the tree it was built from. A STABLE_ key rebuilds its readers
# when it changes; only //bazel:build_info reads these.
commit=$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
if [ "$commit" != unknown ] && [ -n "$(git status --porcelain --untracked-files=no 2>/dev/null)" ]; then
  commit="$commit-dirty"
fi
echo "STABLE_GIT_COMMIT $commit"
echo "STABLE_VERSION $(cat VERSION 2>/dev/null || echo unknown)"
