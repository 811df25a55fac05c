// What policy says about one URL: which destination, which way, which pool.
//
// What it is: the one function that turns a URL into a pool key and connect plans. A request and
// Admin.Explain go through it alike, so that an explanation can never differ from the deed.
// Thread safety: pure functions; plain values.
// Invariants: two routes with equal keys have equal plans, but for plans' time limits; everything
// in a plan that decides whom the connection reaches, or as whom, is in the key (K6, C-069).

#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "transport/base/failure.h"
#include "transport/base/policy.h"
#include "transport/base/pool_key.h"
#include "transport/connect/connect_plan.h"

namespace spillway {

struct RouteRequest {
  Url url;
  std::string_view tenant;  // identity of the caller; "" when it has none
  bool http1_only = false;  // after HTTP_1_1_REQUIRED (O-158), upgrades (K4)
  bool switching = false;   // an upgrade or CONNECT: no proxy may stand between, only tunnel
};

struct Route {
  const Destination* destination = nullptr;  // inside the policy
  std::string rule;          // the match that won, "*.example.com:443"; "" for the fallback
  std::string proxy_reason;  // why this proxy or none: "no_proxy entry .corp", "destination", ...
  PoolKey key;
  std::vector<ConnectPlan> plans;  // never empty
};

// Errors: kHttpRequestDenied when the destination refuses; kProxyConfigurationError when the
// environment's proxy cannot be used (N3, N4).
Result<Route> PlanRoute(const Policy& policy, const RouteRequest& request);

}  // namespace spillway
