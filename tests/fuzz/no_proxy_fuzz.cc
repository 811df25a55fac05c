// Any list and URL into the NO_PROXY matcher (O-305).
//
// Input: the list, a line end, the URL. Oracles: the first entry that matches alone is the one that
// matches; a list and its canonical text mean the same; a plain reading of Go's rules over the
// canonical text, by strings and inet_pton, says the same.

#include <arpa/inet.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "transport/base/check.h"
#include "transport/base/no_proxy.h"
#include "transport/base/url.h"

namespace spillway {
namespace {

std::vector<std::string> Split(std::string_view text) {
  std::vector<std::string> out;
  for (;;) {
    const std::size_t comma = text.find(',');
    out.emplace_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return out;
    text.remove_prefix(comma + 1);
  }
}

struct Address {
  unsigned char bytes[16] = {};
  bool operator==(const Address& other) const {
    return std::memcmp(bytes, other.bytes, sizeof(bytes)) == 0;
  }
};

// Any address as IPv6, IPv4 ones mapped.
std::optional<Address> Parse(const std::string& text) {
  Address out;
  if (inet_pton(AF_INET6, text.c_str(), out.bytes) == 1) return out;
  out = {};
  if (inet_pton(AF_INET, text.c_str(), out.bytes + 12) != 1) return std::nullopt;
  out.bytes[10] = out.bytes[11] = 0xff;
  return out;
}

bool SameBits(const Address& a, const Address& b, unsigned bits) {
  for (unsigned i = 0; i < bits; ++i) {
    const unsigned mask = 0x80U >> i % 8;
    if ((a.bytes[i / 8] & mask) != (b.bytes[i / 8] & mask)) return false;
  }
  return true;
}

// One entry of a canonical text.
bool PlainMatch(std::string entry, const Url& url) {
  if (entry == "*") return true;
  const std::optional<Address> host = Parse(url.host);
  if (const std::size_t slash = entry.find('/'); slash != std::string::npos) {
    const std::optional<Address> network = Parse(entry.substr(0, slash));
    SPILLWAY_CHECK(network.has_value());
    const bool ipv4 = entry.find(':') == std::string::npos;
    const auto bits = static_cast<unsigned>(std::stoi(entry.substr(slash + 1)));
    if (!host) return false;
    Address mapped;
    mapped.bytes[10] = mapped.bytes[11] = 0xff;
    if (ipv4 != SameBits(*host, mapped, 96)) return false;
    return SameBits(*host, *network, bits + (ipv4 ? 96 : 0));
  }
  if (const std::size_t bracket = entry.find("]:"); bracket != std::string::npos) {
    if (entry.substr(bracket + 2) != std::to_string(url.port)) return false;
    entry = entry.substr(1, bracket - 1);
  } else if (entry.find(':') != std::string::npos && entry.find(':') == entry.rfind(':')) {
    if (entry.substr(entry.find(':') + 1) != std::to_string(url.port)) return false;
    entry.resize(entry.find(':'));
  }
  if (const std::optional<Address> address = Parse(entry)) return host == address;
  if (host) return false;
  if (!entry.starts_with('.') && url.host == entry) return true;
  return url.host.ends_with(entry.starts_with('.') ? entry : "." + entry);
}

void Check(std::string_view text, const Url& url) {
  const NoProxy list = NoProxy::Parse(text);
  const std::optional<std::string_view> match = list.Match(url);
  std::optional<std::string> first;
  std::size_t bad = 0;
  for (const std::string& entry : Split(text)) {
    const NoProxy alone = NoProxy::Parse(entry);
    bad += alone.problems().size();
    if (first) continue;
    if (const auto found = alone.Match(url)) first = std::string(*found);
  }
  SPILLWAY_CHECK(list.problems().size() == bad);
  SPILLWAY_CHECK(match.has_value() == first.has_value());
  if (match) SPILLWAY_CHECK(*match == *first);

  const std::string canonical = list.CanonicalText();
  const NoProxy again = NoProxy::Parse(canonical);
  SPILLWAY_CHECK(again.problems().empty() && again.CanonicalText() == canonical);
  SPILLWAY_CHECK(again.Match(url).has_value() == match.has_value());
  bool plain = false;
  if (!list.empty()) {
    for (const std::string& entry : Split(canonical)) plain = plain || PlainMatch(entry, url);
  }
  SPILLWAY_CHECK(plain == match.has_value());
}

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kMaxInput = 4096;
  if (size > kMaxInput) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line_end = input.rfind('\n');
  if (line_end == std::string_view::npos) return 0;
  const spillway::Result<spillway::Url> url = spillway::ParseUrl(input.substr(line_end + 1));
  if (url) spillway::Check(input.substr(0, line_end), *url);
  return 0;
}
