// Numbers as HTTP writes them: ASCII decimal digits and nothing else.
//
// Thread safety: pure functions.

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "transport/base/ascii.h"

namespace spillway {

// Largest length any message may declare: fits a signed 64-bit integer everywhere (O-042).
inline constexpr std::uint64_t kMaxBodyLength = INT64_MAX;

// Value of one or more decimal digits, at most `max`; nullopt for anything else: empty, sign,
// blank, hex, overflow. Leading zeros are digits.
constexpr std::optional<std::uint64_t> ParseDecimal(std::string_view text,
                                                    std::uint64_t max = kMaxBodyLength) {
  if (text.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (!IsDigit(c)) return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (digit > max || value > (max - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

}  // namespace spillway
