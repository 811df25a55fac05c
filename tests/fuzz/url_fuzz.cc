// Any text into the URL parser.
//
// Oracles: what it accepts satisfies the invariants of url.h, prints to a text that parses to the
// same Url, and reads to the same scheme, host and port for Boost.URL (C-034).

#include <arpa/inet.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <boost/url/src.hpp>
#include <boost/url/urls.hpp>

#include "transport/base/check.h"
#include "transport/base/header_list.h"
#include "transport/base/url.h"

namespace spillway {
namespace {

namespace urls = boost::urls;

std::string Text(urls::string_view text) { return {text.data(), text.size()}; }

void CheckInvariants(const Url& url) {
  SPILLWAY_CHECK(url.scheme == "http" || url.scheme == "https");
  SPILLWAY_CHECK(url.port != 0);
  SPILLWAY_CHECK(url.target.starts_with('/'));
  for (const char c : url.target) SPILLWAY_CHECK(c > ' ' && c < 0x7f && c != '#' && c != '\\');
  SPILLWAY_CHECK(!url.host.empty() && url.host.size() <= 253 && url.host.back() != '.');
  for (const char c : url.host) {
    const bool letter_or_digit = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    const bool other =
        url.host_kind == HostKind::kIpv6 ? c == ':' || c == '.' : c == '-' || c == '_' || c == '.';
    SPILLWAY_CHECK(letter_or_digit || other);
  }
  // Only a host of kind kIpv4 may be what getaddrinfo() calls a number.
  in_addr address{};
  SPILLWAY_CHECK((inet_aton(url.host.c_str(), &address) != 0) ==
                 (url.host_kind == HostKind::kIpv4));
}

std::string HostOf(const urls::url_view& url) {
  if (url.host_type() != urls::host_type::ipv6) return Text(url.encoded_host());
  in6_addr address{};
  const auto bytes = url.host_ipv6_address().to_bytes();
  std::copy(bytes.begin(), bytes.end(), address.s6_addr);
  char text[INET6_ADDRSTRLEN];
  SPILLWAY_CHECK(inet_ntop(AF_INET6, &address, text, sizeof(text)) != nullptr);
  return text;
}

// `text` up to the end of its authority is what both must read alike. Beyond it we take bytes that
// RFC 3986 does not, as url.h says.
void CheckAgainstBoost(std::string_view text, const Url& ours) {
  const std::size_t authority = text.find("//") + 2;
  const std::string_view front = text.substr(0, text.find_first_of("/?", authority));
  const bool ascii = std::all_of(front.begin(), front.end(), [](char c) { return c > 0; });
  const std::string given = ascii ? std::string(front) : ours.Text();
  const auto theirs = urls::parse_uri(urls::string_view(given.data(), given.size()));
  if (!ascii && !theirs) return;  // the target alone may be at fault
  SPILLWAY_CHECK(theirs.has_value());
  SPILLWAY_CHECK(EqualsIgnoreCase(Text(theirs->scheme()), ours.scheme));
  SPILLWAY_CHECK(!theirs->has_userinfo() && !theirs->has_fragment());
  const std::string host = HostOf(*theirs);
  const bool their_ipv4 = theirs->host_type() == urls::host_type::ipv4;
  if (their_ipv4 && ours.host_kind == HostKind::kName) {
    // Boost.URL 1.81 reads 10.0.0.1.example as the address 10.0.0.1 and drops the rest.
    SPILLWAY_CHECK(ours.host.starts_with(host) && ours.host.size() > host.size());
    return;
  }
  SPILLWAY_CHECK(EqualsIgnoreCase(host, ours.host));
  SPILLWAY_CHECK(their_ipv4 == (ours.host_kind == HostKind::kIpv4));
  SPILLWAY_CHECK((theirs->host_type() == urls::host_type::ipv6) ==
                 (ours.host_kind == HostKind::kIpv6));
  const std::uint16_t default_port = ours.scheme == "https" ? 443 : 80;
  const std::uint16_t port = theirs->has_port() ? theirs->port_number() : default_port;
  SPILLWAY_CHECK(port == ours.port);
}

void CheckText(std::string_view text) {
  const Result<Url> url = ParseUrl(text);
  const bool host_line = IsAuthority(text);
  if (host_line) {
    // A Host line is an authority of a URL too.
    SPILLWAY_CHECK(ParseUrl(std::string("http://").append(text)).has_value());
  }
  if (!url) {
    SPILLWAY_CHECK(url.error().field == "url" && !url.error().message.empty());
    return;
  }
  SPILLWAY_CHECK(!host_line);
  CheckInvariants(*url);
  // Printing and parsing again changes nothing (C-034).
  const Result<Url> again = ParseUrl(url->Text());
  SPILLWAY_CHECK(again.has_value() && *again == *url && again->Text() == url->Text());
  SPILLWAY_CHECK(IsAuthority(url->Authority()) && IsAuthority(url->HostPort()));
  CheckAgainstBoost(text, *url);
}

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  spillway::CheckText(text);
  return 0;
}
