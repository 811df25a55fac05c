#include "transport/base/policy.h"

#include <algorithm>
#include <set>
#include <utility>

namespace spillway {
namespace {

constexpr std::string_view kWildcard = "*.";

bool Overlap(const std::vector<std::uint16_t>& a, const std::vector<std::uint16_t>& b) {
  return std::find_first_of(a.begin(), a.end(), b.begin(), b.end()) != a.end();
}

}  // namespace

Result<std::string> CanonicalHostPattern(std::string_view pattern, std::string_view field) {
  const bool suffix = pattern.starts_with(kWildcard);
  std::string host(suffix ? pattern.substr(kWildcard.size()) : pattern);
  if (host.find('*') != std::string::npos) {
    return BadRequest(field, "a wildcard stands for whole labels and only in front, as in *.suffix");
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

Result<std::shared_ptr<const Policy>> Policy::Build(std::uint64_t version,
                                                    std::vector<Destination> destinations,
                                                    Destination fallback,
                                                    RequestFieldLimits request_limits) {
  if (!fallback.name.empty()) return BadRequest("fallback.name", "must be empty");
  if (!fallback.matches.empty()) return BadRequest("fallback.matches", "must be empty");

  // Not make_shared: the constructor is private.
  std::shared_ptr<Policy> policy(new Policy());
  policy->version_ = version;
  policy->destinations_ = std::move(destinations);
  policy->fallback_ = std::move(fallback);
  policy->request_limits_ = request_limits;

  std::set<std::string_view> names;
  for (std::size_t i = 0; i < policy->destinations_.size(); ++i) {
    const Destination& destination = policy->destinations_[i];
    const std::string path = "destinations[" + std::to_string(i) + "]";
    if (destination.name.empty()) return BadRequest(path + ".name", "must not be empty");
    if (!names.insert(destination.name).second) {
      return BadRequest(path + ".name", "another destination has this name");
    }
    if (destination.matches.empty()) {
      return BadRequest(path + ".matches", "must have at least one entry");
    }
    for (std::size_t j = 0; j < destination.matches.size(); ++j) {
      const Result<void> added = policy->Add(i, destination.matches[j],
                                             path + ".matches[" + std::to_string(j) + "]");
      if (!added.has_value()) return added.error();
    }
  }
  return std::shared_ptr<const Policy>(std::move(policy));
}

Result<void> Policy::Add(std::size_t destination, const DestinationMatch& match,
                         std::string path) {
  if (!match.scheme.empty() && match.scheme != "http" && match.scheme != "https") {
    return BadRequest(path + ".scheme", "must be http or https");
  }
  const Result<std::string> canonical = CanonicalHostPattern(match.host, path + ".host");
  if (!canonical.has_value()) return canonical.error();
  if (*canonical != match.host) return BadRequest(path + ".host", "not in canonical form");

  Entry entry{match.scheme, match.ports, destination, std::move(path)};
  std::sort(entry.ports.begin(), entry.ports.end());
  if (!entry.ports.empty() && entry.ports.front() == 0) {
    return BadRequest(entry.path + ".ports", "a port is 1 to 65535");
  }
  if (std::adjacent_find(entry.ports.begin(), entry.ports.end()) != entry.ports.end()) {
    return BadRequest(entry.path + ".ports", "the same port twice");
  }

  const bool suffix = match.host.starts_with(kWildcard);
  std::vector<Entry>& entries =
      suffix ? suffixes_[match.host.substr(kWildcard.size())] : exact_[match.host];
  for (const Entry& other : entries) {
    // Equal rank means: both or neither name a scheme, both or neither name ports.
    if (other.scheme != entry.scheme) continue;
    const bool same_ports = other.ports.empty() && entry.ports.empty();
    if (same_ports || Overlap(other.ports, entry.ports)) {
      return BadRequest(entry.path + (same_ports ? ".host" : ".ports"),
                        "the same requests as " + other.path);
    }
  }
  // With ports before without; of equals, with a scheme before without.
  const auto rank = [](const Entry& e) {
    return std::pair(e.ports.empty(), e.scheme.empty());
  };
  const auto place = std::upper_bound(
      entries.begin(), entries.end(), entry,
      [&rank](const Entry& a, const Entry& b) { return rank(a) < rank(b); });
  entries.insert(place, std::move(entry));
  return {};
}

const Destination& Policy::Match(const Url& url) const {
  if (destinations_.empty()) return fallback_;
  if (const Destination* found = Find(exact_, url.host, url)) return *found;
  if (url.host_kind != HostKind::kName || suffixes_.empty()) return fallback_;
  // Each dot opens a shorter suffix; the host itself is not below its own suffix.
  const std::string_view host = url.host;
  for (std::size_t dot = host.find('.'); dot != std::string_view::npos;
       dot = host.find('.', dot + 1)) {
    if (const Destination* found = Find(suffixes_, host.substr(dot + 1), url)) return *found;
  }
  return fallback_;
}

const Destination* Policy::Find(const HostTable& table, std::string_view host,
                                const Url& url) const {
  const auto entries = table.find(host);
  if (entries == table.end()) return nullptr;
  for (const Entry& entry : entries->second) {
    const bool scheme = entry.scheme.empty() || entry.scheme == url.scheme;
    const bool port = entry.ports.empty() ||
                      std::binary_search(entry.ports.begin(), entry.ports.end(), url.port);
    if (scheme && port) return &destinations_[entry.destination];
  }
  return nullptr;
}

}  // namespace spillway
