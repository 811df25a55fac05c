// SHA-256 as text: how contents are compared without being shown.
//
// Thread safety: pure functions.

#pragma once

#include <string>
#include <string_view>

namespace spillway {

// 64 lower-case hex digits.
std::string Sha256Hex(std::string_view bytes);

}  // namespace spillway
