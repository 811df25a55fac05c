// Which limits and timeouts apply to a request: an immutable set of named destinations.
//
// What it is: every request pins one Policy (a shared pointer) for its whole life, so a later
// policy can never change a request halfway. A Destination is one entry of the configuration file;
// `fallback` covers whatever matches none.
// Thread safety: immutable once shared.
// Invariants: destination names are unique and non-empty; no two destinations match the same
// (host pattern, port) pair (Policy::Build refuses it); the fallback's name is "".

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "transport/base/failure.h"
#include "transport/base/field_rules.h"
#include "transport/base/options.h"
#include "transport/base/url.h"

namespace spillway {

// One way a destination recognises its requests. Empty `schemes`/`ports` match any.
struct DestinationMatch {
  std::string scheme;             // "" any, "http" or "https"
  std::string host;               // exact canonical host, or "*.suffix" (any number of labels above)
  std::vector<std::uint16_t> ports;
};

struct Destination {
  std::string name;
  std::vector<DestinationMatch> matches;
  PoolLimits pool;
  Timeouts timeouts;
  ResponseLimits response;
  RetryLimits retry;
};

class Policy {
 public:
  // Checks the invariants. Errors: BadRequest whose field is "destinations[2].matches[0].host" ...
  static Result<std::shared_ptr<const Policy>> Build(std::uint64_t version,
                                                     std::vector<Destination> destinations,
                                                     Destination fallback,
                                                     RequestFieldLimits request_limits);

  // The most specific match: exact host before suffix, longer suffix before shorter, with port
  // before without, with scheme before without; else the fallback.
  const Destination& Match(const Url& url) const;

  std::uint64_t version() const { return version_; }
  const std::vector<Destination>& destinations() const { return destinations_; }
  const Destination& fallback() const { return fallback_; }
  const RequestFieldLimits& request_limits() const { return request_limits_; }

 private:
  Policy() = default;
  std::uint64_t version_ = 0;
  std::vector<Destination> destinations_;
  Destination fallback_;
  RequestFieldLimits request_limits_;
};

}  // namespace spillway
