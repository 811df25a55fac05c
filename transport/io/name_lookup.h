// The seam between the resolver and whoever really looks names up.
//
// Thread safety: of an implementation's own; `done` may run on any thread, but never inside Start.

#pragma once

#include <functional>
#include <memory>
#include <string>

#include "transport/base/policy.h"
#include "transport/connect/dns_cache.h"

namespace spillway {

using LookupDone = std::function<void(std::shared_ptr<const DnsAnswer>)>;

class NameLookup {
 public:
  virtual ~NameLookup() = default;
  // Calls `done` exactly once, or never after Stop().
  virtual void Start(const std::string& name, AddressFamily family, LookupDone done) = 0;
  // Ends what runs. A lookup that hangs is left behind, not waited for.
  virtual void Stop() = 0;
};

// A lookup that gave no address, in phase dns: `what` says why.
Failure LookupFailure(Reason reason, const std::string& what);

}  // namespace spillway
