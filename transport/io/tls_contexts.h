// One TlsContext for each distinct content of a profile (KG9 to KG13).
//
// What it is: a table by TlsProfile::digest. An entry lives as long as the profile it was last
// asked for (so as long as a policy has it) or a connection that uses it, whichever is longer.
// Thread safety: any thread.
// Invariants: equal digests share a context while any of its users lives; at most kMaxEntries.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "transport/base/failure.h"
#include "transport/base/mutex.h"
#include "transport/base/tls_profile.h"
#include "transport/io/tls_context.h"

namespace spillway {

struct TlsContextCounts {
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::size_t entries = 0;  // in use
};

class TlsContexts {
 public:
  // More than this, and contexts are made for each asking and not kept.
  static constexpr std::size_t kMaxEntries = 1024;

  // The context of a sealed profile. Errors: as TlsContext::Create.
  Result<std::shared_ptr<const TlsContext>> Get(const TlsProfilePtr& profile);

  // Drops what nobody uses any more, and counts the rest.
  TlsContextCounts Counts();

 private:
  struct Entry {
    std::weak_ptr<const TlsProfile> owner;
    std::shared_ptr<const TlsContext> kept;     // while the owner lives
    std::weak_ptr<const TlsContext> revivable;  // by a connection that still uses it
  };

  void Sweep() SPILLWAY_REQUIRES(mu_);

  Mutex mu_;
  std::unordered_map<std::string, Entry> entries_ SPILLWAY_GUARDED_BY(mu_);
  std::uint64_t hits_ SPILLWAY_GUARDED_BY(mu_) = 0;
  std::uint64_t misses_ SPILLWAY_GUARDED_BY(mu_) = 0;
};

}  // namespace spillway
