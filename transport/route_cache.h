// Routes that were planned already, so that a warm request plans nothing.
//
// What it is: from scheme, host, port and, where policy isolates, tenant to the pool entry and the
// destination. Routes of another policy are not found.
// Thread safety: any thread. Invariants: at most kMaxRoutes; it keeps no pool entry alive.

#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "transport/base/mutex.h"
#include "transport/base/policy.h"
#include "transport/pool.h"

namespace spillway {

class RouteCache {
 public:
  static constexpr std::size_t kMaxRoutes = 16'384;

  struct Hit {
    std::shared_ptr<PoolEntry> entry;
    const Destination* destination = nullptr;  // inside the policy asked for
    std::shared_ptr<const std::string> rule;
  };

  std::optional<Hit> Find(const Url& url, const std::string& tenant,
                          const std::shared_ptr<const Policy>& policy);
  // `origin` is what the route was planned for.
  void Store(const OriginRequest& origin, const std::shared_ptr<const Policy>& policy,
             const Hit& hit);

 private:
  struct Key {
    std::string host;
    std::uint16_t port = 0;
    bool secure = false;
    std::string tenant;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const;
  };
  struct Entry {
    std::weak_ptr<const Policy> policy;  // only compared, never locked
    bool isolated = false;               // the entry of an origin whose routes depend on the tenant
    std::weak_ptr<PoolEntry> entry;
    const Destination* destination = nullptr;
    std::shared_ptr<const std::string> rule;
  };
  struct Shard {
    Mutex mu;
    std::unordered_map<Key, Entry, KeyHash> entries SPILLWAY_GUARDED_BY(mu);
  };
  static constexpr std::size_t kShards = 16;

  Shard& ShardFor(const Key& key) { return shards_[KeyHash()(key) % kShards]; }
  void Put(Key key, Entry entry);

  std::array<Shard, kShards> shards_;
};

}  // namespace spillway
