// What this binary was built from: the version of the VERSION file and the git commit.
//
// Constants written by the build (bazel/build_info.bzl); safe to read from any thread, cannot fail.
#pragma once

#include <string_view>

namespace spillway {

// The content of the VERSION file, such as "0.1.0"; "unknown" when the build could not read it.
std::string_view BuildVersion();

// The abbreviated commit, with "-dirty" after it when tracked files differed from that commit;
// "unknown" when built outside a git work tree.
std::string_view BuildCommit();

}  // namespace spillway
