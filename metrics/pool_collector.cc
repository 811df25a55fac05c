#include "metrics/pool_collector.h"

#include <algorithm>
#include <string>

namespace spillway {
void PoolLevels::Add(const PoolSnapshot& pool) {
  const std::size_t version =
      pool.protocol.empty() ? KeyProtocolIndex(pool.key.protocol) : ProtocolIndex(pool.protocol);
  idle[version] += pool.state.idle;
  active[version] += pool.state.active;
  connecting += pool.state.connecting;
  draining += pool.state.draining;
  waiting += pool.state.waiting;
  streams += pool.state.streams;
  streams_limit += pool.state.stream_limit;
  connections_limit += pool.limits.max_connections;
  idle_limit += pool.limits.max_idle;
  queue_limit += pool.limits.max_waiters;
  retry_budget = std::min(retry_budget, pool.retry_budget);
  const Duration learned = pool.state.learned_idle_timeout;
  if (learned > Duration::zero()) {
    learned_idle = learned_idle > Duration::zero() ? std::min(learned_idle, learned) : learned;
  }
}

class PoolCollector::Places {
 public:
  explicit Places(std::span<const DestinationGuard::Shown> shown) {
    for (std::size_t i = 0; i < shown.size(); ++i) {
      if (shown[i].feeds_levels) by_label_.emplace(shown[i].slot->label.destination, i);
    }
  }
  std::size_t Of(const PoolKey& key, const std::string& destination) const {
    const auto found = by_label_.find(
        destination.empty() ? DestinationLabel::Host(key.host, key.port).destination : destination);
    return found == by_label_.end() ? 0 : found->second;
  }

 private:
  std::unordered_map<std::string, std::size_t> by_label_;
};

std::vector<PoolLevels> PoolCollector::Collect(std::span<const DestinationGuard::Shown> shown) {
  const Places places(shown);
  std::vector<PoolLevels> levels(shown.size());
  // Before the pools are asked: a wait that ends in between must not count here and again in what
  // its machine reports next time.
  std::vector<std::uint64_t> ended;
  ended.reserve(shown.size());
  for (const auto& entry : shown) ended.push_back(entry.series->ended_queue_nanos.Sum(0));
  // Waits that ended are measured a little longer than the queue saw them, so they serve only
  // where a machine may be missing.
  std::vector<bool> has_pool(shown.size(), false);
  std::vector<bool> lost_one(shown.size(), false);
  seen_.clear();
  for (const PoolSnapshot& pool : source_ ? source_() : std::vector<PoolSnapshot>()) {
    const std::size_t at = places.Of(pool.key, pool.destination);
    levels[at].Add(pool);
    has_pool[at] = true;
    shown[at].series->scrape.queue_nanos += NewQueueNanos(pool);
    const auto before = last_.find(pool.key);
    if (before != last_.end() && seen_[pool.key] < before->second) lost_one[at] = true;
  }
  for (const auto& [key, nanos] : last_) {
    if (!seen_.contains(key)) lost_one[places.Of(key, key.destination)] = true;
  }
  last_.swap(seen_);
  for (std::size_t i = 0; i < shown.size(); ++i) {
    std::uint64_t& nanos = shown[i].series->scrape.queue_nanos;
    if (!has_pool[i] || lost_one[i]) nanos = std::max(nanos, ended[i]);
  }
  return levels;
}

std::uint64_t PoolCollector::NewQueueNanos(const PoolSnapshot& pool) {
  const auto nanos = static_cast<std::uint64_t>(std::max(pool.state.waiter_seconds, 0.0) * 1e9);
  seen_[pool.key] = nanos;
  const auto before = last_.find(pool.key);
  // Less than before: the machine is a new one under the same key.
  if (before == last_.end() || nanos < before->second) return nanos;
  return nanos - before->second;
}

}  // namespace spillway
