#include "server/utf8.h"

#include <cstdint>

namespace spillway {
namespace {

// Length of the valid sequence that begins at `at`; 0 when there is none.
std::size_t SequenceLength(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[at + i]); };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return 1;
  // The first byte fixes the length and, with these bounds, which second bytes are not overlong,
  // surrogates or beyond U+10FFFF (RFC 3629 section 4).
  std::size_t length = 0;
  std::uint8_t low = 0x80;
  std::uint8_t high = 0xbf;
  if (first >= 0xc2 && first <= 0xdf) {
    length = 2;
  } else if (first >= 0xe0 && first <= 0xef) {
    length = 3;
    if (first == 0xe0) low = 0xa0;
    if (first == 0xed) high = 0x9f;
  } else if (first >= 0xf0 && first <= 0xf4) {
    length = 4;
    if (first == 0xf0) low = 0x90;
    if (first == 0xf4) high = 0x8f;
  } else {
    return 0;
  }
  if (text.size() - at < length) return 0;
  if (byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xbf) return 0;
  }
  return length;
}

}  // namespace

std::optional<TextFault> FindTextFault(std::string_view text) {
  std::size_t line = 1;
  std::size_t line_start = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto fault = [&](std::string_view what) {
      return TextFault{line, at - line_start + 1, what};
    };
    const std::size_t length = SequenceLength(text, at);
    if (length == 0) return fault("not valid UTF-8");
    const auto c = static_cast<std::uint8_t>(text[at]);
    if (c == 0) return fault("a NUL byte");
    if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f) {
      return fault("a control character");
    }
    at += length;
    if (c == '\n') {
      ++line;
      line_start = at;
    }
  }
  return std::nullopt;
}

}  // namespace spillway
