// Under which names anybody may register one: the Public Suffix List, by libpsl.
//
// What it is: the newer of the list in the library and the system's own, read once.
// Thread safety: every function may be called from any thread.

#pragma once

#include <string>

namespace spillway {

// Whether cookies for `host` would reach origins that have nothing to do with each other: "com",
// "co.uk", "github.io", and every single label that the list does not know. `host` is canonical.
bool IsPublicSuffix(const std::string& host);

// The registrable domain that `host` belongs to; `host` itself when it is a public suffix.
std::string SiteOf(const std::string& host);

}  // namespace spillway
