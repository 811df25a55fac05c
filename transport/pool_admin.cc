// What operators and the transport's life cycle ask of the whole pool.

#include <utility>

#include "transport/io/clock.h"
#include "transport/pool.h"
#include "transport/pool_effects.h"

namespace spillway {
namespace {

// A certificate, key or root changed, and nothing else.
bool DifferOnlyInTls(PoolKey a, const PoolKey& b) {
  a.tls_digest = b.tls_digest;
  a.roots_digest = b.roots_digest;
  a.client_certificate_digest = b.client_certificate_digest;
  a.client_key_digest = b.client_key_digest;
  return a == b;
}

}  // namespace

std::vector<std::shared_ptr<PoolEntry>> Pool::AllEntries() {
  std::vector<std::shared_ptr<PoolEntry>> all;
  for (const auto& shard : shards_) {
    MutexLock lock(shard->mu);
    for (const auto& [key, entry] : shard->entries) all.push_back(entry);
  }
  return all;
}

template <typename Event>
void Pool::ApplyToAll(Event&& event) {
  for (const std::shared_ptr<PoolEntry>& entry : AllEntries()) {
    PoolShard& shard = entry->shard;
    Effects effects;
    {
      MutexLock lock(shard.mu);
      const Instant now = Now();
      Actions actions;
      event(*entry, now, actions);
      Resolve(shard, entry, actions, now, effects);
    }
    Run(effects);
  }
}

std::vector<PoolSnapshot> Pool::Snapshot() {
  std::vector<PoolSnapshot> out;
  const Instant now = Now();
  for (const std::shared_ptr<PoolEntry>& entry : AllEntries()) {
    MutexLock lock(entry->shard.mu);
    PoolSnapshot& snapshot = out.emplace_back();
    snapshot.key = entry->key;
    snapshot.destination = entry->key.destination;
    snapshot.limits = entry->machine.limits();
    snapshot.state = entry->machine.Snapshot(now);
    snapshot.retry_budget = entry->retry_budget.remaining_ratio(now);
    for (const PoolEntry::Slot& slot : entry->slots) {
      if (slot.info == nullptr) continue;
      snapshot.protocol = slot.info->protocol;
      snapshot.oldest_connection_age =
          std::max(snapshot.oldest_connection_age, now - slot.info->opened);
    }
  }
  for (const auto& shard : shards_) {
    MutexLock lock(shard->mu);
    Sweep(*shard, now);
  }
  return out;
}

std::uint32_t Pool::CloseIdle(const std::string& filter) {
  std::uint32_t closed = 0;
  ApplyToAll([&](PoolEntry& entry, Instant now, Actions& actions) {
    const bool chosen =
        filter.empty() || entry.key.destination == filter || entry.key.host == filter;
    if (chosen) closed += entry.machine.CloseIdle(now, actions);
  });
  return closed;
}

void Pool::ApplyPolicy(const Policy& policy, PoolEntry& entry, Instant now, Actions& actions) {
  Result<Route> route = PlanRoute(policy, entry.origin.AsRouteRequest());
  if (route.has_error() || route->key != entry.key) {
    // Requests of the new policy find another key; those under way here finish (KG16).
    const bool certificates = route.has_value() && DifferOnlyInTls(route->key, entry.key);
    return entry.machine.RetireKey(
        certificates ? CloseReason::kCertRotated : CloseReason::kPolicyChanged, now, actions);
  }
  entry.plans = std::move(route->plans);
  entry.http2 = route->destination->http2;
  entry.retry_budget.SetLimits(route->destination->retry);
  entry.machine.SetLimits(route->destination->pool, now, actions);
}

void Pool::SetPolicy(std::shared_ptr<const Policy> policy) {
  {
    // First: an entry that is made from now on asks for it.
    MutexLock lock(policy_mu_);
    latest_policy_ = policy;
  }
  ApplyToAll([&](PoolEntry& entry, Instant now, Actions& actions) {
    ApplyPolicy(*policy, entry, now, actions);
  });
}

void Pool::Drain() {
  ApplyToAll(
      [](PoolEntry& entry, Instant now, Actions& actions) { entry.machine.Drain(now, actions); });
}

void Pool::CloseAll() {
  closed_.store(true);
  Drain();
  for (const std::shared_ptr<PoolEntry>& entry : AllEntries()) {
    std::vector<std::shared_ptr<Connection>> connections;
    std::vector<std::shared_ptr<Dial>> dials;
    {
      MutexLock lock(entry->shard.mu);
      for (PoolEntry::Slot& slot : entry->slots) {
        if (slot.connection != nullptr) connections.push_back(slot.connection);
        if (slot.dial != nullptr) dials.push_back(std::move(slot.dial));
      }
    }
    for (const auto& connection : connections) connection->Close(CloseReason::kDrain);
    for (const auto& dial : dials) dial->Cancel();
  }
  for (const auto& shard : shards_) {
    shard->loop.Post([&timer = shard->timer] { timer.cancel(); });
  }
}

}  // namespace spillway
