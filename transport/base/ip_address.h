// An IPv4 or IPv6 address in binary form.
//
// Thread safety: a plain value.
// Invariants: an IPv4 address uses the first four bytes; the rest are zero.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace spillway {

struct IpAddress {
  enum class Family : std::uint8_t { kIpv4, kIpv6 } family = Family::kIpv4;
  std::array<std::uint8_t, 16> bytes{};

  bool operator==(const IpAddress&) const = default;
  std::string Text() const;  // canonical, without brackets
  // Dotted quad or RFC 4291 text without zone; nullopt for anything else.
  static std::optional<IpAddress> Parse(std::string_view text);
};

}  // namespace spillway
