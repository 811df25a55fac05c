// Byte classes of HTTP and URLs, as tables: no locale, no sign extension, no <cctype>.
//
// Thread safety: pure functions over constants.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace spillway {

namespace ascii_internal {

inline constexpr std::uint8_t kToken = 1;   // RFC 9110 5.6.2 tchar
inline constexpr std::uint8_t kField = 2;   // field-content and blanks: TAB, SP, VCHAR, obs-text
inline constexpr std::uint8_t kTarget = 4;  // printable ASCII without SP, "#" and "\"
inline constexpr std::uint8_t kDigit = 8;
inline constexpr std::uint8_t kHex = 16;
inline constexpr std::uint8_t kAlpha = 32;

constexpr std::array<std::uint8_t, 256> MakeClasses() {
  std::array<std::uint8_t, 256> classes{};
  for (std::size_t b = 0; b < 256; ++b) {
    const bool digit = b >= '0' && b <= '9';
    const std::size_t lower = b | 0x20;
    const bool alpha = lower >= 'a' && lower <= 'z' && b < 0x80;
    std::uint8_t bits = 0;
    if (digit) bits |= kDigit | kHex;
    if (alpha) bits |= kAlpha;
    if (alpha && lower <= 'f') bits |= kHex;
    if (digit || alpha) bits |= kToken;
    if (b == '\t' || (b >= 0x20 && b != 0x7f)) bits |= kField;
    if (b > 0x20 && b < 0x7f && b != '#' && b != '\\') bits |= kTarget;
    classes[b] = bits;
  }
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) {
    classes[static_cast<unsigned char>(c)] |= kToken;
  }
  return classes;
}

inline constexpr std::array<std::uint8_t, 256> kClasses = MakeClasses();

constexpr bool Has(char c, std::uint8_t bits) {
  return (kClasses[static_cast<unsigned char>(c)] & bits) != 0;
}

}  // namespace ascii_internal

constexpr bool IsTokenByte(char c) { return ascii_internal::Has(c, ascii_internal::kToken); }
constexpr bool IsFieldByte(char c) { return ascii_internal::Has(c, ascii_internal::kField); }
constexpr bool IsTargetByte(char c) { return ascii_internal::Has(c, ascii_internal::kTarget); }
constexpr bool IsDigit(char c) { return ascii_internal::Has(c, ascii_internal::kDigit); }
constexpr bool IsHexDigit(char c) { return ascii_internal::Has(c, ascii_internal::kHex); }
constexpr bool IsAlpha(char c) { return ascii_internal::Has(c, ascii_internal::kAlpha); }
constexpr bool IsBlank(char c) { return c == ' ' || c == '\t'; }

constexpr char LowerAscii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

// Value of a hex digit; the caller checked IsHexDigit.
constexpr unsigned HexValue(char c) {
  return IsDigit(c) ? static_cast<unsigned>(c - '0') : static_cast<unsigned>((c | 0x20) - 'a' + 10);
}

// Loops of their own: a predicate passed by pointer is called a byte at a time.
constexpr bool AreTokenBytes(std::string_view text) {
  for (const char c : text) {
    if (!IsTokenByte(c)) return false;
  }
  return true;
}
constexpr bool AreFieldBytes(std::string_view text) {
  for (const char c : text) {
    if (!IsFieldByte(c)) return false;
  }
  return true;
}

// `text` without blanks (SP, TAB) at either end: RFC 9110 OWS.
constexpr std::string_view TrimBlanks(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace spillway
