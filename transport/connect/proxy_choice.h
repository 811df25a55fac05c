// Which proxies a URL goes through, by what its destination says (P1, N2, N4, N5, O-307).
//
// What it is: one pure function over a ProxyRule; its reason is what Admin.Explain shows.
// Thread safety: pure functions; plain values.
// Invariants: never silently direct. `direct` is true only where the rule, NO_PROXY or the lack of
// a variable says so.

#pragma once

#include <string>
#include <vector>

#include "transport/base/failure.h"
#include "transport/base/proxy.h"
#include "transport/base/url.h"

namespace spillway {

struct ProxyChoice {
  std::vector<ProxyServerPtr> servers;  // in their order, the next when one fails; null: directly
  std::string reason;  // "no_proxy entry .corp", "environment variable https_proxy", ...
};

// Errors: kProxyConfigurationError when the rule names no server that can be used.
Result<ProxyChoice> ChooseProxies(const ProxyRule& rule, const Url& url);

}  // namespace spillway
