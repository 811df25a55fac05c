// The central pool: one pure HostPool per key behind a sharded mutex, and the shell that does what
// the machines decide.
//
// Lock contract:
//  1. Under a shard's mutex only the machine runs, and its actions are turned into effects (who,
//     which connection); no callback, no socket, no post.
//  2. Effects run after the mutex is gone, each exactly once, on the thread that caused them.
//  3. Two shard mutexes are never held together. The connection budget's mutex is a leaf under
//  them.
//  4. A Grant is consumed by exactly one Lease.
// What it owns: the entries with their machines, connections and dials; one timer per shard.
// Thread safety: any thread.

#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "transport/base/mutex.h"
#include "transport/base/policy.h"
#include "transport/base/pool_key.h"
#include "transport/connect/address_watch.h"
#include "transport/connect/route.h"
#include "transport/connection/connection.h"
#include "transport/connection_budget.h"
#include "transport/io/dialer.h"
#include "transport/io/event_loop.h"
#include "transport/lease.h"
#include "transport/observer.h"
#include "transport/pool/host_pool.h"
#include "transport/retry/retry_policy.h"

namespace spillway {

// Who waits for a connection. Called exactly once per Acquire that Cancel did not undo.
class PoolWaiter {
 public:
  virtual ~PoolWaiter() = default;
  virtual void OnGrant(Lease lease) = 0;
  virtual void OnNoGrant(std::shared_ptr<const Failure> why) = 0;
};

struct AcquireRequest {
  Demand want;
  bool retry = false;  // not the first of its round trip: earns no retry tokens
};

struct PoolShard;

// What of a request decides its route.
struct OriginRequest {
  Url url;  // without path
  std::string tenant;
  bool http1_only = false;
  bool switching = false;

  RouteRequest AsRouteRequest() const { return {url, tenant, http1_only, switching}; }
};

// One pool key.
struct PoolEntry : std::enable_shared_from_this<PoolEntry> {
  PoolEntry(PoolShard& home, Route route, OriginRequest request, std::uint64_t seed,
            std::uint32_t expected_capacity, std::shared_ptr<KeyObserver> key_observer);

  PoolShard& shard;
  const PoolKey key;
  const OriginRequest origin;  // what any policy is asked about this key
  const std::shared_ptr<KeyObserver> observer;

  // Everything below is guarded by shard.mu.
  struct Slot {
    std::uint32_t generation = 0;
    std::shared_ptr<Dial> dial;
    std::shared_ptr<Connection> connection;
    std::shared_ptr<const ConnectionInfo> info;
  };
  std::vector<ConnectPlan> plans;  // of the latest policy
  AddressWatch addresses;          // of open connections to addresses that were looked up
  bool watched = false;            // the resolver looks the name up again and tells
  Http2Limits http2;
  HostPool machine;
  RetryBudget retry_budget;
  std::vector<Slot> slots;
  std::unordered_map<WaiterId, std::shared_ptr<PoolWaiter>> waiters;
  Instant armed = kNever;     // where this entry stands in shard.due
  std::uint32_t prepaid = 0;  // places of the budget taken in this key's name
};

struct PoolShard {
  explicit PoolShard(EventLoop& home) : loop(home), timer(home.context()) {}

  Mutex mu;
  std::unordered_map<PoolKey, std::shared_ptr<PoolEntry>, PoolKeyHash> entries
      SPILLWAY_GUARDED_BY(mu);
  // When entries want a tick. An entry is re-armed only when its deadline became earlier.
  std::set<std::pair<Instant, PoolEntry*>> due SPILLWAY_GUARDED_BY(mu);
  Instant timer_due SPILLWAY_GUARDED_BY(mu) = kNever;
  Instant next_sweep SPILLWAY_GUARDED_BY(mu){};
  EventLoop& loop;
  asio::steady_timer timer;  // on the loop only
};

class Pool {
 public:
  Pool(LoopGroup& loops, DialServices services, std::uint32_t max_connections,
       TransportObserver& observer);
  ~Pool();

  // `route` is what PlanRoute made of `request` under `policy`.
  std::shared_ptr<PoolEntry> EntryFor(Route route, const OriginRequest& request,
                                      const std::shared_ptr<const Policy>& policy);

  // `waiter` hears exactly one of OnGrant, OnNoGrant, perhaps before this returns, unless Cancel
  // undid it.
  void Acquire(const std::shared_ptr<PoolEntry>& entry, const AcquireRequest& demand,
               const std::shared_ptr<PoolWaiter>& waiter);
  // True: the waiter will hear nothing.
  bool Cancel(const std::shared_ptr<PoolEntry>& entry, WaiterId waiter);
  bool TryTakeRetry(PoolEntry& entry, Instant now);

  std::vector<PoolSnapshot> Snapshot();
  std::uint32_t CloseIdle(const std::string& filter);
  // New limits and plans for keys that stay; those whose route is another one now retire.
  void SetPolicy(std::shared_ptr<const Policy> policy);
  void Drain();
  // Drain, and close what is still leased or dialling.
  void CloseAll();
  const ConnectionBudget& budget() const { return budget_; }

 private:
  friend class Lease;
  class Effects;

  PoolShard& ShardFor(const PoolKey& key);
  std::vector<std::shared_ptr<PoolEntry>> AllEntries();
  static void ApplyPolicy(const Policy& policy, PoolEntry& entry, Instant now, Actions& actions);
  template <typename Event>
  void ApplyToAll(Event&& event);
  template <typename Event>
  void Apply(const std::shared_ptr<PoolEntry>& entry, Event&& event);
  void Resolve(PoolShard& shard, const std::shared_ptr<PoolEntry>& entry, Actions& actions,
               Instant now, Effects& effects) SPILLWAY_REQUIRES(shard.mu);
  void ResolveDial(const std::shared_ptr<PoolEntry>& entry, ConnId conn, Instant now,
                   Actions& actions, Effects& effects);
  void Run(Effects& effects);

  void ReleaseLease(const std::shared_ptr<PoolEntry>& entry, ConnId conn,
                    const ReleaseVerdict& verdict);
  void ReleaseLeaseUnused(const std::shared_ptr<PoolEntry>& entry, ConnId conn);
  void OnDialDone(const std::shared_ptr<PoolEntry>& entry, ConnId conn, EventLoop& loop,
                  DialOutcome outcome);
  void OnConnectionClosed(const std::shared_ptr<PoolEntry>& entry, ConnId conn,
                          const ConnectionInfo& info, const ConnectionEnd& end);
  // Retires `conn` once `name` has lost the address it goes to.
  void WatchAddress(const std::shared_ptr<PoolEntry>& entry, ConnId conn, const DialledName& name);
  bool OnAddresses(const std::shared_ptr<PoolEntry>& entry, const DnsAnswer& answer);

  void ReturnPlace();
  // True when an idle connection is being closed to make room.
  bool GiveUpAnIdleConnection();
  // The longest-stalled key is another one and has no connection at all.
  bool SomebodyStarves(const PoolEntry& releasing);

  // True when the shard's timer must be armed anew. Under the shard's mutex.
  static bool NoteDeadline(PoolShard& shard, PoolEntry& entry) SPILLWAY_REQUIRES(shard.mu);
  // Forgets keys with nothing in them, at most once a second and shard. A key that anybody still
  // holds is kept: the map's own pointer is then not the only one.
  static void Sweep(PoolShard& shard, Instant now) SPILLWAY_REQUIRES(shard.mu);
  void ArmTimer(PoolShard& shard);
  void OnTimer(PoolShard& shard);

  static constexpr std::size_t kShards = 16;

  LoopGroup& loops_;
  DialServices services_;
  TransportObserver& observer_;
  ConnectionBudget budget_;
  std::atomic<std::uint64_t> next_connection_id_{1};
  std::atomic<bool> closed_{false};
  std::atomic<bool> giving_up_{false};  // a connection is closing to make room
  std::vector<std::unique_ptr<PoolShard>> shards_;
  Mutex policy_mu_;                                                              // a leaf
  std::shared_ptr<const Policy> latest_policy_ SPILLWAY_GUARDED_BY(policy_mu_);  // null: the first
};

}  // namespace spillway
