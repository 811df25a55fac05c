// Is a text clean UTF-8?
//
// Thread safety: pure functions.

#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace spillway {

// The first place in a text that is not valid UTF-8 (RFC 3629: no overlong forms, no surrogates,
// nothing above U+10FFFF), or a control character other than TAB, LF and CR.
struct TextFault {
  std::size_t line = 0;    // from 1
  std::size_t column = 0;  // in bytes, from 1
  std::string_view what;
};

std::optional<TextFault> FindTextFault(std::string_view text);

}  // namespace spillway
