// Which limits and timeouts apply to a request: an immutable set of named destinations.
//
// What it is: every request pins one Policy (a shared pointer) for its whole life, so a later
// policy can never change a request halfway. A Destination is one entry of the configuration file;
// `fallback` covers whatever matches none.
// Thread safety: immutable once shared.
// Invariants: destination names are unique and non-empty; no two matches of equal rank can be true
// of the same URL (Policy::Build refuses it); the fallback's name is "" and it has no matches.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "transport/base/failure.h"
#include "transport/base/field_rules.h"
#include "transport/base/ip_address.h"
#include "transport/base/options.h"
#include "transport/base/proxy.h"
#include "transport/base/tls_profile.h"
#include "transport/base/url.h"

namespace spillway {

// One way a destination recognises its requests. Empty `scheme`/`ports` match any.
struct DestinationMatch {
  std::string scheme;  // "" any, "http" or "https"
  std::string host;    // exact canonical host, or "*.suffix" (any number of labels above,
                       // at least one: the suffix itself does not match, case C-063), or a network
                       // "10.0.0.0/8", which is true of address literals in URLs only
  std::vector<std::uint16_t> ports;

  bool operator==(const DestinationMatch&) const = default;
  // "https://*.example.com:443,8443", with the parts that are set.
  std::string Text() const;
};

// "host", an IPv6 address with or without brackets, "*.suffix" or "address/bits", in any spelling
// that a URL may use, in the canonical form that a Url's host has. Errors: BadRequest naming
// `field`.
Result<std::string> CanonicalHostPattern(std::string_view pattern, std::string_view field);

// What is spoken with an origin.
enum class Protocol : std::uint8_t {
  kAuto,   // https: what ALPN chooses of h2 and http/1.1; http: HTTP/1.1
  kHttp1,  // HTTP/1.1; ALPN offers nothing else
  kHttp2,  // HTTP/2 or nothing; https only
  kH2c,    // HTTP/2 by prior knowledge in clear text (H21); http only
};
std::string_view Label(Protocol protocol);  // auto, http/1.1, h2, h2c

enum class AddressFamily : std::uint8_t { kAny, kIpv4Only, kIpv6Only };
std::string_view Label(AddressFamily family);  // any, ipv4, ipv6

// How the origins of a destination are found and bound.
struct AddressChoice {
  AddressFamily family = AddressFamily::kAny;
  std::optional<IpAddress> source;          // local address to connect from
  std::vector<IpAddress> static_addresses;  // used instead of a lookup
  std::string host_alias;                   // looked up instead of the URL's host; "" for that

  bool operator==(const AddressChoice&) const = default;
};

struct Destination {
  std::string name;
  std::vector<DestinationMatch> matches;
  PoolLimits pool;
  Timeouts timeouts;
  ResponseLimits response;
  RetryLimits retry;
  StreamLimits stream;
  ClientLimits client;
  bool trace_attempts = false;  // a span id of its own in each attempt's traceparent
  Http2Limits http2;
  Protocol protocol = Protocol::kAuto;
  TlsProfilePtr tls;  // null: the built-in one (system roots, TLS 1.2 and later)
  ProxyRule proxy;
  AddressChoice addresses;
  bool isolate_tenants = false;  // no two callers of different identity share a connection
  bool refuse = false;           // requests are PERMISSION_DENIED (the fallback, by choice)
};

class Policy {
 public:
  // Everything about the arguments of Build that breaks an invariant, in their order; each is a
  // BadRequest whose field is "destinations[2].matches[0].host" or the like. Empty: all is well.
  static std::vector<Failure> Check(const std::vector<Destination>& destinations,
                                    const Destination& fallback);

  // Errors: the first that Check finds.
  static Result<std::shared_ptr<const Policy>> Build(std::uint64_t version,
                                                     std::vector<Destination> destinations,
                                                     Destination fallback,
                                                     RequestFieldLimits request_limits);

  // The most specific match: exact host before suffix and network, longer suffix or network before
  // shorter, with port before without, with scheme before without; else the fallback. `rule`, when
  // given, gets the text of the match that won ("" for the fallback); it lives as long as this.
  const Destination& Match(const Url& url, std::string_view* rule = nullptr) const;

  std::uint64_t version() const { return version_; }
  const std::vector<Destination>& destinations() const { return destinations_; }
  const Destination& fallback() const { return fallback_; }
  const RequestFieldLimits& request_limits() const { return request_limits_; }
  // Whether any destination undoes content codings unasked: spares requests a match where none
  // does.
  bool may_decompress() const { return may_decompress_; }

 private:
  // A match under its host pattern, in the order in which Match tries them.
  struct Entry {
    std::string scheme;
    std::vector<std::uint16_t> ports;  // sorted
    std::size_t destination = 0;
    std::string rule;
  };
  struct HostHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view host) const {
      return std::hash<std::string_view>()(host);
    }
  };
  using HostTable = std::unordered_map<std::string, std::vector<Entry>, HostHash, std::equal_to<>>;

  Policy() = default;
  void BuildTables();
  const Entry* MatchEntry(const Url& url) const;

  std::uint64_t version_ = 0;
  std::vector<Destination> destinations_;
  Destination fallback_;
  RequestFieldLimits request_limits_;
  bool may_decompress_ = false;
  HostTable exact_;
  HostTable suffixes_;                     // keyed without the "*."
  HostTable networks_;                     // keyed as NetworkKey says
  std::vector<std::uint8_t> prefixes_v4_;  // lengths that occur in networks_, the longest first
  std::vector<std::uint8_t> prefixes_v6_;
};

}  // namespace spillway
