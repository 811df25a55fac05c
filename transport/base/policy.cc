#include "transport/base/policy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace spillway {
namespace {

constexpr std::string_view kWildcard = "*.";

constexpr std::uint8_t BitsOf(IpAddress::Family family) {
  return family == IpAddress::Family::kIpv4 ? 32 : 128;
}

// `address` with everything behind the first `prefix` bits zero.
IpAddress Masked(IpAddress address, std::uint8_t prefix) {
  for (std::size_t i = 0; i < address.bytes.size(); ++i) {
    const std::size_t kept = prefix > i * 8 ? std::min<std::size_t>(8, prefix - i * 8) : 0;
    address.bytes.at(i) &= static_cast<std::uint8_t>(0xFF00U >> kept);
  }
  return address;
}

// Family, length and bytes: unequal for unequal networks.
std::string NetworkKey(const IpAddress& address, std::uint8_t prefix) {
  std::string key;
  key += address.family == IpAddress::Family::kIpv4 ? '4' : '6';
  key += static_cast<char>(prefix);
  key.append(address.bytes.begin(), address.bytes.end());
  return key;
}

struct Network {
  IpAddress address;
  std::uint8_t prefix = 0;
};

// `host` is in canonical form and has a slash.
Network NetworkOf(std::string_view host) {
  const std::size_t slash = host.find('/');
  Network network;
  network.address = *IpAddress::Parse(host.substr(0, slash));
  std::from_chars(host.data() + slash + 1, host.data() + host.size(), network.prefix);
  return network;
}

Result<std::string> CanonicalNetwork(std::string_view pattern, std::string_view field) {
  const std::size_t slash = pattern.find('/');
  const std::string_view bits = pattern.substr(slash + 1);
  std::string_view text = pattern.substr(0, slash);
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  const std::optional<IpAddress> address = IpAddress::Parse(text);
  if (!address.has_value()) {
    return BadRequest(field, "a network is an IP address, a slash and a number of bits");
  }
  std::uint8_t prefix = 0;
  const auto [end, error] = std::from_chars(bits.data(), bits.data() + bits.size(), prefix);
  const bool number = error == std::errc() && end == bits.data() + bits.size() &&
                      (bits.size() == 1 || bits.front() != '0');
  if (!number || prefix > BitsOf(address->family)) {
    return BadRequest(field, address->family == IpAddress::Family::kIpv4
                                 ? "a network of IPv4 has 0 to 32 bits"
                                 : "a network of IPv6 has 0 to 128 bits");
  }
  if (Masked(*address, prefix) != *address) {
    return BadRequest(field, "the address of a network is zero behind its bits");
  }
  return address->Text() + "/" + std::to_string(prefix);
}

// Host, scheme and port, 0 for a match without ports: two matches tie when they share one.
using TieKey = std::tuple<std::string_view, std::string_view, std::uint16_t>;
using TieTable = std::map<TieKey, std::string>;  // to the path of the match that has it

// Checks one match beside those already in `ties`; at most one problem of each kind.
void CheckMatch(const DestinationMatch& match, const std::string& path, TieTable& ties,
                std::vector<Failure>& problems) {
  if (!match.scheme.empty() && match.scheme != "http" && match.scheme != "https") {
    problems.push_back(BadRequest(path + ".scheme", "must be http or https"));
  }
  const Result<std::string> canonical = CanonicalHostPattern(match.host, path + ".host");
  if (!canonical.has_value()) {
    problems.push_back(canonical.error());
  } else if (*canonical != match.host) {
    problems.push_back(BadRequest(path + ".host", "not in canonical form"));
  }
  if (std::find(match.ports.begin(), match.ports.end(), 0) != match.ports.end()) {
    problems.push_back(BadRequest(path + ".ports", "a port is 1 to 65535"));
    return;
  }
  const bool any_port = match.ports.empty();
  const std::vector<std::uint16_t> ports = any_port ? std::vector<std::uint16_t>{0} : match.ports;
  for (const std::uint16_t port : ports) {
    const auto [other, added] = ties.emplace(TieKey{match.host, match.scheme, port}, path);
    if (added) continue;
    problems.push_back(BadRequest(path + (any_port ? ".host" : ".ports"),
                                  other->second == path ? std::string("the same port twice")
                                                        : "as specific as " + other->second +
                                                              " and true of the same requests"));
    return;
  }
}

}  // namespace

std::string_view Label(Protocol protocol) {
  static constexpr std::array<std::string_view, 4> kLabels = {"auto", "http/1.1", "h2", "h2c"};
  return kLabels.at(static_cast<std::size_t>(protocol));
}

std::string_view Label(AddressFamily family) {
  static constexpr std::array<std::string_view, 3> kLabels = {"any", "ipv4", "ipv6"};
  return kLabels.at(static_cast<std::size_t>(family));
}

std::string DestinationMatch::Text() const {
  std::string text = scheme.empty() ? "" : scheme + "://";
  const bool brackets = host.find(':') != std::string::npos && !ports.empty();
  text += brackets ? "[" + host + "]" : host;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    text += (i == 0 ? ":" : ",") + std::to_string(ports[i]);
  }
  return text;
}

Result<std::string> CanonicalHostPattern(std::string_view pattern, std::string_view field) {
  const bool suffix = pattern.starts_with(kWildcard);
  if (pattern.find('/') != std::string_view::npos && !suffix &&
      pattern.find_first_not_of("0123456789abcdefABCDEF.:/[]") == std::string_view::npos &&
      std::count(pattern.begin(), pattern.end(), '/') == 1) {
    return CanonicalNetwork(pattern, field);
  }
  std::string host(suffix ? pattern.substr(kWildcard.size()) : pattern);
  if (host.find('*') != std::string::npos) {
    return BadRequest(field,
                      "a wildcard stands for whole labels and only in front, as in *.suffix");
  }
  // Anything that would end the host part of a URL is not part of a host.
  if (host.find_first_of("/?#@\\%") != std::string::npos) {
    return BadRequest(field, "not a host name or address");
  }
  const bool bare_ipv6 = host.find(':') != std::string::npos && !host.starts_with('[');
  if (bare_ipv6) host = "[" + host + "]";
  if (host.find(']') != std::string::npos && !host.ends_with(']')) {
    return BadRequest(field, "a host without a port; ports have a field of their own");
  }
  const Result<Url> url = ParseUrl("http://" + host + "/");
  if (!url.has_value()) {
    // A port was mistaken for an IPv6 address far more often than the other way round.
    const bool one_colon = std::count(pattern.begin(), pattern.end(), ':') == 1;
    return BadRequest(field, one_colon ? "a host without a port; ports have a field of their own"
                                       : "not a host name or address");
  }
  if (!suffix) return url->host;
  if (url->host_kind != HostKind::kName) {
    return BadRequest(field, "a wildcard needs a name behind it, not an address");
  }
  return std::string(kWildcard) + url->host;
}

std::vector<Failure> Policy::Check(const std::vector<Destination>& destinations,
                                   const Destination& fallback) {
  std::vector<Failure> problems;
  if (!fallback.name.empty()) problems.push_back(BadRequest("fallback.name", "must be empty"));
  if (!fallback.matches.empty()) {
    problems.push_back(BadRequest("fallback.matches", "must be empty"));
  }
  std::set<std::string_view> names;
  TieTable ties;
  for (std::size_t i = 0; i < destinations.size(); ++i) {
    const Destination& destination = destinations[i];
    const std::string path = "destinations[" + std::to_string(i) + "]";
    if (destination.name.empty()) {
      problems.push_back(BadRequest(path + ".name", "must not be empty"));
    } else if (!names.insert(destination.name).second) {
      problems.push_back(BadRequest(path + ".name", "another destination has this name"));
    }
    if (destination.matches.empty()) {
      problems.push_back(BadRequest(path + ".matches", "must have at least one entry"));
    }
    for (std::size_t j = 0; j < destination.matches.size(); ++j) {
      CheckMatch(destination.matches[j], path + ".matches[" + std::to_string(j) + "]", ties,
                 problems);
    }
  }
  return problems;
}

Result<std::shared_ptr<const Policy>> Policy::Build(std::uint64_t version,
                                                    std::vector<Destination> destinations,
                                                    Destination fallback,
                                                    RequestFieldLimits request_limits) {
  const std::vector<Failure> problems = Check(destinations, fallback);
  if (!problems.empty()) return problems.front();

  // Not make_shared: the constructor is private.
  std::shared_ptr<Policy> policy(new Policy());
  policy->version_ = version;
  policy->destinations_ = std::move(destinations);
  policy->fallback_ = std::move(fallback);
  policy->request_limits_ = request_limits;
  const auto decompresses = [](const Destination& destination) {
    return destination.client.decompression == Decompression::kAuto;
  };
  policy->may_decompress_ =
      decompresses(policy->fallback_) ||
      std::any_of(policy->destinations_.begin(), policy->destinations_.end(), decompresses);
  policy->BuildTables();
  return std::shared_ptr<const Policy>(std::move(policy));
}

void Policy::BuildTables() {
  for (std::size_t i = 0; i < destinations_.size(); ++i) {
    for (const DestinationMatch& match : destinations_[i].matches) {
      Entry entry{match.scheme, match.ports, i, match.Text()};
      std::sort(entry.ports.begin(), entry.ports.end());
      if (match.host.starts_with(kWildcard)) {
        suffixes_[match.host.substr(kWildcard.size())].push_back(std::move(entry));
      } else if (match.host.find('/') != std::string::npos) {
        const Network network = NetworkOf(match.host);
        const bool v4 = network.address.family == IpAddress::Family::kIpv4;
        (v4 ? prefixes_v4_ : prefixes_v6_).push_back(network.prefix);
        networks_[NetworkKey(network.address, network.prefix)].push_back(std::move(entry));
      } else {
        exact_[match.host].push_back(std::move(entry));
      }
    }
  }
  // With ports before without; of equals, with a scheme before without.
  const auto before = [](const Entry& a, const Entry& b) {
    return std::pair(a.ports.empty(), a.scheme.empty()) <
           std::pair(b.ports.empty(), b.scheme.empty());
  };
  for (HostTable* table : {&exact_, &suffixes_, &networks_}) {
    for (auto& [host, entries] : *table) {
      std::stable_sort(entries.begin(), entries.end(), before);
    }
  }
  for (std::vector<std::uint8_t>* prefixes : {&prefixes_v4_, &prefixes_v6_}) {
    std::sort(prefixes->begin(), prefixes->end(), std::greater<>());
    prefixes->erase(std::unique(prefixes->begin(), prefixes->end()), prefixes->end());
  }
}

const Destination& Policy::Match(const Url& url, std::string_view* rule) const {
  const Entry* entry = destinations_.empty() ? nullptr : MatchEntry(url);
  if (rule != nullptr) *rule = entry == nullptr ? std::string_view() : entry->rule;
  return entry == nullptr ? fallback_ : destinations_[entry->destination];
}

const Policy::Entry* Policy::MatchEntry(const Url& url) const {
  const auto find = [&url](const HostTable& table, std::string_view host) -> const Entry* {
    const auto entries = table.find(host);
    if (entries == table.end()) return nullptr;
    for (const Entry& entry : entries->second) {
      const bool scheme = entry.scheme.empty() || entry.scheme == url.scheme;
      const bool port = entry.ports.empty() ||
                        std::binary_search(entry.ports.begin(), entry.ports.end(), url.port);
      if (scheme && port) return &entry;
    }
    return nullptr;
  };
  if (const Entry* found = find(exact_, url.host)) return found;
  if (url.host_kind != HostKind::kName) {
    if (networks_.empty()) return nullptr;
    const std::optional<IpAddress> address = IpAddress::Parse(url.host);
    if (!address.has_value()) return nullptr;
    const bool v4 = address->family == IpAddress::Family::kIpv4;
    for (const std::uint8_t prefix : v4 ? prefixes_v4_ : prefixes_v6_) {
      const std::string key = NetworkKey(Masked(*address, prefix), prefix);
      if (const Entry* found = find(networks_, key)) return found;
    }
    return nullptr;
  }
  if (suffixes_.empty()) return nullptr;
  // Each dot opens a shorter suffix; the host itself is not below its own suffix.
  const std::string_view host = url.host;
  for (std::size_t dot = host.find('.'); dot != std::string_view::npos;
       dot = host.find('.', dot + 1)) {
    if (const Entry* found = find(suffixes_, host.substr(dot + 1))) return found;
  }
  return nullptr;
}

}  // namespace spillway
