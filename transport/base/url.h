// The one parser of URLs. Policy, DNS, SNI, pool key and the Host line all use its output, so that
// no two of them can ever read the same text differently (rule R10, cases C-025 to C-034).
//
// What it is: Url is a parsed absolute http or https URL in canonical form. ParseUrl is strict: odd
// spellings are refused, never repaired.
// Thread safety: plain values; ParseUrl is a pure function.
// Invariants of a Url that ParseUrl returned:
//  - scheme is "http" or "https";
//  - host is lower case and one of: LDH labels (an internationalised host already converted to its
//    A-labels, UTS 46 strict), a dotted-quad IPv4 address, or a canonical IPv6 address without
//    brackets and without zone; no trailing dot;
//  - port is 1..65535; the scheme's default is filled in;
//  - target begins with "/" (or is "*" when asked for), has no fragment and only bytes that may
//    stand in a request target, exactly as the caller wrote them.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "transport/base/failure.h"

namespace spillway {

enum class HostKind : std::uint8_t { kName, kIpv4, kIpv6 };

struct Url {
  std::string scheme;
  std::string host;
  std::uint16_t port = 0;
  HostKind host_kind = HostKind::kName;
  std::string target;  // path and query

  bool operator==(const Url&) const = default;

  bool HasDefaultPort() const;
  // host[:port] for a Host line: brackets round IPv6, the port only when it is not the default.
  std::string Authority() const;
  // "host:port", always with the port, brackets round IPv6.
  std::string HostPort() const;
  // Canonical text; ParseUrl(Text()) gives an equal Url.
  std::string Text() const;
};

inline constexpr std::size_t kMaxUrlBytes = std::size_t{16} * 1024;

// Parses an absolute URL. Errors: BadRequest("url", why), value never echoed. Refuses userinfo,
// fragments, backslashes, blanks, controls, odd numeric hosts (127.1, 0x7f.1, 2130706433), zones,
// percent-encoded hosts, trailing dots, ports that are not plain decimal 1..65535.
//
// Choices where the standards leave one:
//  - A label may hold underscores (container and service names do), and no hyphen at either end.
//  - A host whose last label reads as a number is a dotted quad without leading zeros or refused.
//  - An internationalised host is converted by UTS 46, non-transitional, STD3; an "xn--" label in
//    the text must be exactly what its own Unicode form converts to. Neither may give an address.
//  - Path and query: printable ASCII but blank, "#" and "\" passes byte for byte, which includes
//    bytes outside RFC 3986 that clients send (`"<>^{|}` and the backtick) and any "%". Nothing is
//    encoded or decoded. "" becomes "/", "?q" becomes "/?q"; "//x" and "/.." stay as they are.
Result<Url> ParseUrl(std::string_view text);

// True when `text` is host[:port] as a Host line may carry it: the host and port rules of ParseUrl,
// ASCII only, case free.
bool IsAuthority(std::string_view text);

}  // namespace spillway
