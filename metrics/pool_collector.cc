#include "metrics/pool_collector.h"

#include <algorithm>
#include <string>

namespace spillway {
namespace {

std::string DestinationOf(const PoolSnapshot& pool) {
  if (!pool.destination.empty()) return pool.destination;
  return DestinationLabel::Host(pool.key.host, pool.key.port).destination;
}

std::uint64_t EndedWaits(const DestinationSeries& series) {
  std::uint64_t nanos = 0;
  for (const auto& outcome : series.waits) nanos += outcome.Sum();
  return nanos;
}

}  // namespace

void PoolLevels::Add(const PoolSnapshot& pool) {
  const std::size_t version = KeyProtocolIndex(pool.key.protocol);
  idle[version] += pool.state.idle;
  active[version] += pool.state.active;
  connecting += pool.state.connecting;
  draining += pool.state.draining;
  waiting += pool.state.waiting;
  connections_limit += pool.limits.max_connections;
  idle_limit += pool.limits.max_idle;
  queue_limit += pool.limits.max_waiters;
  const Duration learned = pool.state.learned_idle_timeout;
  if (learned > Duration::zero()) {
    learned_idle = learned_idle > Duration::zero() ? std::min(learned_idle, learned) : learned;
  }
}

std::vector<PoolLevels> PoolCollector::Collect(std::span<const DestinationGuard::Shown> shown) {
  std::vector<PoolLevels> levels(shown.size());
  std::unordered_map<std::string, std::size_t> by_label;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    if (shown[i].feeds_levels) by_label.emplace(shown[i].slot->label.destination, i);
  }
  // Before the pools are asked: a wait that ends in between must not count here and again in what
  // the machine reports next time.
  std::vector<std::uint64_t> ended;
  ended.reserve(shown.size());
  for (const auto& entry : shown) ended.push_back(EndedWaits(*entry.series));
  seen_.clear();
  for (const PoolSnapshot& pool : source_ ? source_() : std::vector<PoolSnapshot>()) {
    const auto found = by_label.find(DestinationOf(pool));
    const std::size_t at = found == by_label.end() ? 0 : found->second;
    levels[at].Add(pool);
    shown[at].series->scrape.queue_nanos += NewQueueNanos(pool);
  }
  last_.swap(seen_);
  for (std::size_t i = 0; i < shown.size(); ++i) {
    std::uint64_t& nanos = shown[i].series->scrape.queue_nanos;
    nanos = std::max(nanos, ended[i]);
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
