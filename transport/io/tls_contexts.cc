#include "transport/io/tls_contexts.h"

#include <utility>

#include "transport/base/check.h"

namespace spillway {

Result<std::shared_ptr<const TlsContext>> TlsContexts::Get(const TlsProfilePtr& profile) {
  SPILLWAY_CHECK_NOTE(!profile->digest.empty(), "a profile is sealed before it is used");
  {
    MutexLock lock(mu_);
    const auto found = entries_.find(profile->digest);
    if (found != entries_.end()) {
      Entry& entry = found->second;
      if (std::shared_ptr<const TlsContext> context = entry.revivable.lock()) {
        ++hits_;
        entry.owner = profile;
        entry.kept = context;
        return context;
      }
    }
    ++misses_;
  }
  // Reading roots takes milliseconds: outside the lock. Two threads may both do it; one wins.
  Result<std::shared_ptr<const TlsContext>> made = TlsContext::Create(*profile);
  if (!made) return made;
  MutexLock lock(mu_);
  Sweep();
  if (entries_.size() >= kMaxEntries && entries_.count(profile->digest) == 0) return made;
  Entry& entry = entries_[profile->digest];
  if (std::shared_ptr<const TlsContext> first = entry.revivable.lock()) return first;
  entry = Entry{profile, *made, *made};
  return made;
}

TlsContextCounts TlsContexts::Counts() {
  MutexLock lock(mu_);
  Sweep();
  return {hits_, misses_, entries_.size()};
}

void TlsContexts::Sweep() {
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    if (entry->second.owner.expired()) entry->second.kept.reset();
    entry = entry->second.revivable.expired() ? entries_.erase(entry) : std::next(entry);
  }
}

}  // namespace spillway
