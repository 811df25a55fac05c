#include "transport/pool.h"

#include <random>
#include <utility>

#include "transport/base/check.h"
#include "transport/io/clock.h"
#include "transport/pool_effects.h"

namespace spillway {
namespace {

constexpr std::chrono::seconds kSweepInterval{1};

// What the first connection is taken to carry until there is one. Most https origins speak HTTP/2:
// a cold burst dials a few connections and learns from the first, instead of paying a handshake for
// each request. An origin of HTTP/1 costs that burst one round trip more, once.
std::uint32_t ExpectedCapacity(const Route& route) {
  constexpr std::uint32_t kHttp2 = 100;
  constexpr std::uint32_t kMaybeHttp2 = 16;
  const ConnectPlan& plan = route.plans.front();
  if (plan.protocol == Protocol::kHttp2 || plan.protocol == Protocol::kH2c) return kHttp2;
  const bool choice = plan.origin_tls.has_value() && plan.origin_tls->alpn == AlpnOffer::kBoth;
  return choice ? kMaybeHttp2 : 1;
}

}  // namespace

PoolEntry::PoolEntry(PoolShard& home, Route route, OriginRequest request, std::uint64_t seed,
                     std::uint32_t expected_capacity, std::shared_ptr<KeyObserver> key_observer)
    : shard(home),
      key(std::move(route.key)),
      origin(std::move(request)),
      observer(std::move(key_observer)),
      plans(std::move(route.plans)),
      http2(route.destination->http2),
      machine(route.destination->pool, seed, expected_capacity),
      retry_budget(route.destination->retry) {}

Pool::Pool(LoopGroup& loops, DialServices services, std::uint32_t max_connections,
           TransportObserver& observer)
    : loops_(loops), services_(std::move(services)), observer_(observer), budget_(max_connections) {
  for (std::size_t i = 0; i < kShards; ++i) {
    shards_.push_back(std::make_unique<PoolShard>(loops_.at(i)));
  }
}

Pool::~Pool() = default;

PoolShard& Pool::ShardFor(const PoolKey& key) {
  return *shards_[(PoolKeyHash()(key) >> 7) % kShards];
}

std::shared_ptr<PoolEntry> Pool::EntryFor(Route route, const OriginRequest& request,
                                          const std::shared_ptr<const Policy>& policy) {
  PoolShard& shard = ShardFor(route.key);
  {
    MutexLock lock(shard.mu);
    const auto found = shard.entries.find(route.key);
    if (found != shard.entries.end()) return found->second;
  }
  // Made outside the mutex: observers choose labels, which takes a while.
  std::shared_ptr<KeyObserver> key_observer = observer_.ForKey(route.key, route.destination->name);
  const std::uint32_t expected = ExpectedCapacity(route);
  auto made = std::make_shared<PoolEntry>(shard, std::move(route), request, std::random_device{}(),
                                          expected, std::move(key_observer));
  std::shared_ptr<PoolEntry> entry;
  {
    MutexLock lock(shard.mu);
    Sweep(shard, Now());
    if (closed_.load()) {
      Actions none;  // an empty machine has nothing to do
      made->machine.Drain(Now(), none);
    }
    entry = shard.entries.emplace(made->key, made).first->second;
  }
  // A policy that came while this was made has not seen it.
  std::shared_ptr<const Policy> latest;
  {
    MutexLock lock(policy_mu_);
    latest = latest_policy_;
  }
  if (latest != nullptr && latest != policy) {
    Apply(entry, [&](HostPool&, Instant now, Actions& actions) {
      ApplyPolicy(*latest, *entry, now, actions);
    });
  }
  return entry;
}

// --- Events ---

void Pool::Acquire(const std::shared_ptr<PoolEntry>& entry, const AcquireRequest& demand,
                   const std::shared_ptr<PoolWaiter>& waiter) {
  const Instant now = Now();
  PoolShard& shard = entry->shard;
  Effects effects;
  DialsPutOff before;
  DialsPutOff after;
  {
    MutexLock lock(shard.mu);
    Actions actions;
    if (!demand.retry) entry->retry_budget.OnRequest();
    before = entry->machine.dials_put_off();
    entry->machine.Acquire(demand.want, now, actions);
    after = entry->machine.dials_put_off();
    // On the warm path the answer is among the actions and the table is never touched.
    effects.self_owner = &waiter;
    effects.self_id = demand.want.waiter;
    Resolve(shard, entry, actions, now, effects);
    if (effects.self_owner != nullptr) entry->waiters.emplace(demand.want.waiter, waiter);
  }
  Run(effects);
  if (after.by_backoff > before.by_backoff)
    entry->observer->OnDialThrottled(DialThrottle::kBackoff);
  if (after.by_concurrency > before.by_concurrency) {
    entry->observer->OnDialThrottled(DialThrottle::kConcurrency);
  }
}

bool Pool::Cancel(const std::shared_ptr<PoolEntry>& entry, WaiterId waiter) {
  bool cancelled = false;
  std::shared_ptr<PoolWaiter> dropped;
  Apply(entry, [&](HostPool& machine, Instant now, Actions& actions) {
    cancelled = machine.Cancel(waiter, now, actions);
    if (!cancelled) return;
    const auto found = entry->waiters.find(waiter);
    SPILLWAY_CHECK(found != entry->waiters.end());
    dropped = std::move(found->second);
    entry->waiters.erase(found);
  });
  return cancelled;
}

bool Pool::TryTakeRetry(PoolEntry& entry, Instant now) {
  MutexLock lock(entry.shard.mu);
  return entry.retry_budget.TryTake(now);
}

void Pool::ReleaseLease(const std::shared_ptr<PoolEntry>& entry, ConnId conn,
                        const ReleaseVerdict& verdict) {
  ReleaseVerdict given = verdict;
  if (verdict.reusable && budget_.has_stalled() && !GiveUpAnIdleConnection() &&
      SomebodyStarves(*entry) && !giving_up_.exchange(true)) {
    // Every connection is busy and a key has none at all: this one makes room for it.
    given.reusable = false;
    given.why_not = CloseReason::kLru;
  }
  bool kept = false;
  Apply(entry, [&](HostPool& machine, Instant now, Actions& actions) {
    const PoolEntry::Slot& slot = entry->slots[conn.slot];
    // One that carries others would only drain, and make room no sooner than they end.
    kept = given.why_not == CloseReason::kLru && slot.info != nullptr &&
           slot.info->protocol == "HTTP/2";
    machine.Release(conn, kept ? verdict : given, now, actions);
  });
  if (kept) giving_up_.store(false);
  if (budget_.has_stalled()) GiveUpAnIdleConnection();
}

void Pool::ReleaseLeaseUnused(const std::shared_ptr<PoolEntry>& entry, ConnId conn) {
  Apply(entry, [&](HostPool& machine, Instant now, Actions& actions) {
    machine.ReleaseUnused(conn, now, actions);
  });
  if (budget_.has_stalled()) GiveUpAnIdleConnection();
}

// --- The connection budget ---

void Pool::ReturnPlace() {
  giving_up_.store(false);
  // Each stalled key gets a chance to use the place; one that no longer needs it hands it on.
  while (const std::shared_ptr<PoolEntry> entry = budget_.Return()) {
    bool unused = false;
    PoolShard& shard = entry->shard;
    Effects effects;
    {
      MutexLock lock(shard.mu);
      ++entry->prepaid;
      Actions actions;
      const Instant now = Now();
      entry->machine.OnDialAllowed(now, actions);
      Resolve(shard, entry, actions, now, effects);
      unused = std::exchange(entry->prepaid, 0) > 0;
    }
    Run(effects);
    if (!unused) return;
  }
}

bool Pool::SomebodyStarves(const PoolEntry& releasing) {
  const std::shared_ptr<PoolEntry> stalled = budget_.LongestStalled();
  if (stalled == nullptr || stalled.get() == &releasing) return false;
  MutexLock lock(stalled->shard.mu);
  const HostPoolSnapshot state = stalled->machine.Snapshot(Now());
  return state.idle + state.active + state.connecting == 0;
}

bool Pool::GiveUpAnIdleConnection() {
  // One at a time: the place comes back when the connection has closed, and wakes the next.
  if (giving_up_.exchange(true)) return true;
  const Instant now = Now();
  std::shared_ptr<PoolEntry> oldest;
  Instant oldest_since = kNever;
  for (const std::shared_ptr<PoolEntry>& entry : AllEntries()) {
    MutexLock lock(entry->shard.mu);
    const Instant since = entry->machine.Snapshot(now).oldest_idle_since;
    if (since < oldest_since) {
      oldest_since = since;
      oldest = entry;
    }
  }
  bool evicted = false;
  if (oldest != nullptr) {
    Apply(oldest, [&](HostPool& machine, Instant at, Actions& actions) {
      evicted = machine.EvictOldestIdle(at, actions);
    });
  }
  if (!evicted) giving_up_.store(false);
  return evicted;
}

// --- Time ---

bool Pool::NoteDeadline(PoolShard& shard, PoolEntry& entry) {
  const Instant next = entry.machine.NextDeadline();
  if (next >= entry.armed) return false;
  if (entry.armed != kNever) shard.due.erase({entry.armed, &entry});
  entry.armed = next;
  shard.due.emplace(next, &entry);
  if (next >= shard.timer_due) return false;
  shard.timer_due = next;
  return true;
}

void Pool::Sweep(PoolShard& shard, Instant now) {
  if (now < shard.next_sweep) return;
  shard.next_sweep = After(now, kSweepInterval);
  for (auto item = shard.entries.begin(); item != shard.entries.end();) {
    PoolEntry& entry = *item->second;
    if (item->second.use_count() > 1 || !entry.machine.Disposable(now)) {
      ++item;
      continue;
    }
    if (entry.armed != kNever) shard.due.erase({std::exchange(entry.armed, kNever), &entry});
    // The route cache may be taking hold of it at this moment.
    const std::weak_ptr<PoolEntry> gone = item->second;
    item->second = nullptr;
    item->second = gone.lock();
    if (item->second == nullptr) {
      item = shard.entries.erase(item);
    } else {
      ++item;
    }
  }
}

void Pool::ArmTimer(PoolShard& shard) {
  shard.loop.Post([this, &shard] {
    Instant due = kNever;
    {
      MutexLock lock(shard.mu);
      due = shard.due.empty() ? kNever : shard.due.begin()->first;
      shard.timer_due = due;
    }
    if (due == kNever || closed_.load(std::memory_order_relaxed)) return;
    shard.timer.expires_after(Until(due, Now()));
    shard.timer.async_wait([this, &shard](const boost::system::error_code& error) {
      if (!error) OnTimer(shard);
    });
  });
}

void Pool::OnTimer(PoolShard& shard) {
  const Instant now = Now();
  std::vector<Effects> all;
  {
    MutexLock lock(shard.mu);
    std::vector<std::shared_ptr<PoolEntry>> due;
    while (!shard.due.empty() && shard.due.begin()->first <= now) {
      PoolEntry* entry = shard.due.begin()->second;
      shard.due.erase(shard.due.begin());
      entry->armed = kNever;
      due.push_back(entry->shared_from_this());
    }
    for (const std::shared_ptr<PoolEntry>& entry : due) {
      Actions actions;
      entry->machine.Tick(now, actions);
      Resolve(shard, entry, actions, now, all.emplace_back());
      all.back().arm = nullptr;
    }
    due.clear();
    Sweep(shard, now);
  }
  for (Effects& effects : all) Run(effects);
  ArmTimer(shard);
}

}  // namespace spillway
