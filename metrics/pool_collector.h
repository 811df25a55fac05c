// Levels of the pools, made from snapshots at scrape time.
//
// What it is: asks the transport how its pools stand, and adds up what belongs to the same
// destination label. A level is therefore always what the pools say now and cannot drift.
// What it owns: for each pool key, the queue integral it last reported.
// Thread safety: none; used by the one scrape that runs.
// Invariants: a series' queue integral never decreases. It is what its machines report; what a
// machine accumulated after its last snapshot is recovered, once the machine is gone, from the
// waits that ended.

#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <unordered_map>
#include <vector>

#include "metrics/destination_guard.h"
#include "transport/records.h"

namespace spillway {

struct PoolLevels {
  std::array<std::uint64_t, kProtocolVersions.size()> idle{};    // by version
  std::array<std::uint64_t, kProtocolVersions.size()> active{};  // by version
  std::uint64_t connecting = 0;
  std::uint64_t draining = 0;
  std::uint64_t waiting = 0;
  std::uint64_t streams = 0;
  std::uint64_t streams_limit = 0;
  std::uint64_t connections_limit = 0;
  std::uint64_t idle_limit = 0;
  std::uint64_t queue_limit = 0;
  Duration learned_idle{};  // shortest; zero: none
  double retry_budget = 1;  // least

  void Add(const PoolSnapshot& pool);
};

class PoolCollector {
 public:
  using Source = std::function<std::vector<PoolSnapshot>()>;

  // Null: there are no pools.
  void SetSource(Source source) { source_ = std::move(source); }

  // Levels of each entry of `shown`, whose first is `_other`; brings their series' queue integral
  // (ScrapeState::queue_nanos) up to date.
  std::vector<PoolLevels> Collect(std::span<const DestinationGuard::Shown> shown);

 private:
  // Which entry of `shown` a pool key belongs to.
  class Places;
  // What `pool` waited since it was last asked.
  std::uint64_t NewQueueNanos(const PoolSnapshot& pool);

  Source source_;
  std::unordered_map<PoolKey, std::uint64_t, PoolKeyHash> last_;
  std::unordered_map<PoolKey, std::uint64_t, PoolKeyHash> seen_;
};

}  // namespace spillway
