#include "transport/route_cache.h"

#include <functional>
#include <utility>

namespace spillway {
namespace {

// A policy that is gone can be equal to none that exists: its control block is still ours.
bool SameOwner(const std::weak_ptr<const Policy>& a, const std::shared_ptr<const Policy>& b) {
  return !a.owner_before(b) && !b.owner_before(a);
}

}  // namespace

std::size_t RouteCache::KeyHash::operator()(const Key& key) const {
  const std::hash<std::string> hash;
  return hash(key.host) ^ (std::size_t{key.port} << 1) ^ (key.secure ? 1U : 0U) ^
         (key.tenant.empty() ? 0 : hash(key.tenant) * 31);
}

std::optional<RouteCache::Hit> RouteCache::Find(const Url& url, const std::string& tenant,
                                                const std::shared_ptr<const Policy>& policy) {
  Key key{url.host, url.port, url.scheme == "https", ""};
  for (int step = 0; step < 2; ++step) {
    Shard& shard = ShardFor(key);
    MutexLock lock(shard.mu);
    const auto found = shard.entries.find(key);
    if (found == shard.entries.end()) return std::nullopt;
    const Entry& entry = found->second;
    if (!SameOwner(entry.policy, policy)) return std::nullopt;
    if (!entry.isolated) {
      Hit hit{entry.entry.lock(), entry.destination, entry.rule};
      if (hit.entry == nullptr) return std::nullopt;
      return hit;
    }
    key.tenant = tenant.empty() ? "-" : "=" + tenant;
  }
  return std::nullopt;
}

void RouteCache::Store(const OriginRequest& origin, const std::shared_ptr<const Policy>& policy,
                       const Hit& hit) {
  Key key{origin.url.host, origin.url.port, origin.url.scheme == "https", ""};
  Entry entry{policy, false, hit.entry, hit.destination, hit.rule};
  if (hit.destination->isolate_tenants) {
    Put(key, Entry{policy, true, {}, hit.destination, nullptr});
    key.tenant = origin.tenant.empty() ? "-" : "=" + origin.tenant;
  }
  Put(std::move(key), std::move(entry));
}

void RouteCache::Put(Key key, Entry entry) {
  Shard& shard = ShardFor(key);
  MutexLock lock(shard.mu);
  // Planning again is cheap; remembering which were used is not.
  if (shard.entries.size() >= kMaxRoutes / kShards) shard.entries.clear();
  shard.entries.insert_or_assign(std::move(key), std::move(entry));
}

}  // namespace spillway
