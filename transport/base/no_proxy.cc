#include "transport/base/no_proxy.h"

#include <algorithm>
#include <utility>

#include "transport/base/ascii.h"
#include "transport/base/decimal.h"
#include "transport/base/failure.h"
#include "transport/base/header_list.h"

namespace spillway {
namespace {

constexpr unsigned kMappedBytes = 12;  // ::ffff:0:0/96

bool IsMapped(const IpAddress& address) {
  return address.family == IpAddress::Family::kIpv6 &&
         std::all_of(address.bytes.begin(), address.bytes.begin() + 10,
                     [](std::uint8_t byte) { return byte == 0; }) &&
         address.bytes[10] == 0xff && address.bytes[11] == 0xff;
}

// The IPv4 address that an IPv4-mapped one stands for; others as they are.
IpAddress Unmapped(const IpAddress& address) {
  if (!IsMapped(address)) return address;
  IpAddress out;
  std::copy(address.bytes.begin() + kMappedBytes, address.bytes.end(), out.bytes.begin());
  return out;
}

unsigned BitsOf(const IpAddress& address) {
  return address.family == IpAddress::Family::kIpv4 ? 32 : 128;
}

bool Contains(const IpAddress& network, unsigned prefix, const IpAddress& address) {
  if (network.family != address.family) return false;
  for (unsigned bit = 0; bit < prefix; bit += 8) {
    const unsigned mask = prefix - bit >= 8 ? 0xffU : (0xff00U >> (prefix - bit)) & 0xffU;
    if (((network.bytes.at(bit / 8) ^ address.bytes.at(bit / 8)) & mask) != 0) return false;
  }
  return true;
}

// Plain decimal, no leading zero but "0" itself.
std::optional<unsigned> ParseNumber(std::string_view text, unsigned max) {
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  const std::optional<std::uint64_t> value = ParseDecimal(text, max);
  if (!value) return std::nullopt;
  return static_cast<unsigned>(*value);
}

struct HostAndPort {
  std::string_view host;
  std::optional<std::string_view> port;
};

// "host:port" and "[v6]:port"; more than one colon without brackets is an IPv6 address.
std::optional<HostAndPort> Split(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    const std::string_view rest = text.substr(close + 1);
    HostAndPort out{text.substr(1, close - 1), std::nullopt};
    // Brackets belong round IPv6 addresses alone.
    if (out.host.find(':') == std::string_view::npos) return std::nullopt;
    if (rest.empty()) return out;
    if (!rest.starts_with(':')) return std::nullopt;
    out.port = rest.substr(1);
    return out;
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || text.find(':', colon + 1) != std::string_view::npos) {
    return HostAndPort{text, std::nullopt};
  }
  return HostAndPort{text.substr(0, colon), text.substr(colon + 1)};
}

}  // namespace

NoProxy NoProxy::Parse(std::string_view text) {
  NoProxy out;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view entry_text = TrimBlanks(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
    ++number;
    if (entry_text.empty()) continue;
    if (number > kMaxNoProxyEntries) {
      out.problems_.push_back("more than " + std::to_string(kMaxNoProxyEntries) + " entries");
      break;
    }
    Entry entry;
    if (const std::string_view why = ParseEntry(entry_text, entry); !why.empty()) {
      out.problems_.push_back("entry " + std::to_string(number) + ": ");
      out.problems_.back() += why;
      continue;
    }
    entry.text = entry_text;
    out.entries_.push_back(std::move(entry));
  }
  return out;
}

// Returns what is wrong; "" when `entry` is good.
std::string_view NoProxy::ParseEntry(std::string_view text, Entry& entry) {
  if (text == "*") return {};
  if (const std::size_t slash = text.find('/'); slash != std::string_view::npos) {
    const std::optional<IpAddress> address = IpAddress::Parse(text.substr(0, slash));
    if (!address) return "what stands before the slash is not an IP address";
    const std::optional<unsigned> prefix = ParseNumber(text.substr(slash + 1), BitsOf(*address));
    if (!prefix) return "what follows the slash is not a prefix length";
    entry.kind = Kind::kNetwork;
    entry.address = *address;
    entry.prefix = *prefix;
    if (IsMapped(*address) && *prefix >= kMappedBytes * 8) {
      entry.address = Unmapped(*address);
      entry.prefix -= kMappedBytes * 8;
    }
    return {};
  }
  const std::optional<HostAndPort> parts = Split(text);
  if (!parts) return "brackets stand round an IPv6 address, alone or before a port";
  if (parts->port) {
    const std::optional<unsigned> port = ParseNumber(*parts->port, UINT16_MAX);
    if (!port || *port == 0) return "the port is not a plain number from 1 to 65535";
    entry.port = static_cast<std::uint16_t>(*port);
  }
  std::string_view host = parts->host;
  if (const std::optional<IpAddress> address = IpAddress::Parse(host)) {
    entry.kind = Kind::kNetwork;
    entry.address = Unmapped(*address);
    entry.prefix = BitsOf(entry.address);
    return {};
  }
  if (host.find(':') != std::string_view::npos) return "is not an IPv6 address";
  entry.kind = Kind::kName;
  if (host.starts_with("*.")) host.remove_prefix(1);
  if (host.starts_with('.')) {
    host.remove_prefix(1);
    entry.kind = Kind::kBelowName;
  }
  if (host.ends_with('.')) host.remove_suffix(1);
  // The URL's own rules make the names on both sides comparable, international ones too.
  if (host.find_first_of("/?#@\\%[]:") != std::string_view::npos) return "is not a host name";
  const Result<Url> url = ParseUrl("http://" + std::string(host) + "/");
  if (!url || url->host_kind != HostKind::kName) {
    return "is not a host name, an IP address or a network";
  }
  entry.name = url->host;
  return {};
}

std::optional<std::string_view> NoProxy::Match(const Url& url) const {
  std::optional<IpAddress> address;
  if (url.host_kind != HostKind::kName) {
    address = IpAddress::Parse(url.host);
    if (address) address = Unmapped(*address);
  }
  for (const Entry& entry : entries_) {
    if (Matches(entry, url, address)) return entry.text;
  }
  return std::nullopt;
}

bool NoProxy::Matches(const Entry& entry, const Url& url, const std::optional<IpAddress>& address) {
  if (entry.port != 0 && entry.port != url.port) return false;
  switch (entry.kind) {
    case Kind::kEverything:
      return true;
    case Kind::kNetwork:
      return address && Contains(entry.address, entry.prefix, *address);
    case Kind::kName:
      if (url.host_kind == HostKind::kName && url.host == entry.name) return true;
      [[fallthrough]];
    case Kind::kBelowName:
      return url.host_kind == HostKind::kName && url.host.size() > entry.name.size() &&
             url.host.ends_with(entry.name) &&
             url.host[url.host.size() - entry.name.size() - 1] == '.';
  }
  return false;
}

std::string NoProxy::CanonicalText() const {
  std::string out;
  for (const Entry& entry : entries_) {
    if (!out.empty()) out += ',';
    switch (entry.kind) {
      case Kind::kEverything:
        out += '*';
        break;
      case Kind::kBelowName:
        out += '.';
        [[fallthrough]];
      case Kind::kName:
        out += entry.name;
        break;
      case Kind::kNetwork: {
        const bool brackets = entry.port != 0 && entry.address.family == IpAddress::Family::kIpv6;
        if (brackets) out += '[';
        out += entry.address.Text();
        if (brackets) out += ']';
        if (entry.prefix != BitsOf(entry.address)) out += "/" + std::to_string(entry.prefix);
        break;
      }
    }
    if (entry.port != 0) out += ":" + std::to_string(entry.port);
  }
  return out;
}

std::string_view LoopbackName(const Url& url) {
  if (url.host_kind == HostKind::kName) {
    return EqualsIgnoreCase(url.host, "localhost") ? "localhost" : std::string_view();
  }
  const std::optional<IpAddress> parsed = IpAddress::Parse(url.host);
  if (!parsed) return {};
  const IpAddress address = Unmapped(*parsed);
  IpAddress v4_loopback;
  v4_loopback.bytes[0] = 127;
  IpAddress v6_loopback;
  v6_loopback.family = IpAddress::Family::kIpv6;
  v6_loopback.bytes[15] = 1;
  const bool loopback = Contains(v4_loopback, 8, address) || Contains(v6_loopback, 128, address);
  return loopback ? "loopback address" : std::string_view();
}

}  // namespace spillway
