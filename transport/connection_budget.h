// The process-wide cap on origin connections, and who waits for a place under it.
//
// What it is: a counter with a queue of stalled pool keys. A place that comes free goes to the key
// that has been stalled longest, already taken in its name, so no newcomer can snatch it.
// Thread safety: any thread; its mutex is a leaf, it may be called under a pool shard's mutex.
// Invariants: used() <= limit; a key is queued at most once.

#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>

#include "transport/base/mutex.h"

namespace spillway {

struct PoolEntry;

class ConnectionBudget {
 public:
  explicit ConnectionBudget(std::uint32_t limit) : limit_(limit) {}

  // Takes a place; when there is none, queues `key` as stalled and answers false.
  bool TryTake(const std::shared_ptr<PoolEntry>& key);
  // Gives a place back. The key returned, if any, now owns it.
  std::shared_ptr<PoolEntry> Return();

  // The key that gets the next place; null when none is stalled.
  std::shared_ptr<PoolEntry> LongestStalled();
  bool has_stalled() const { return stalled_count_.load(std::memory_order_relaxed) > 0; }
  std::uint32_t used() const { return used_count_.load(std::memory_order_relaxed); }
  std::uint32_t limit() const { return limit_; }

 private:
  const std::uint32_t limit_;
  Mutex mu_;
  std::deque<std::shared_ptr<PoolEntry>> stalled_ SPILLWAY_GUARDED_BY(mu_);
  std::atomic<std::uint32_t> used_count_{0};     // written under mu_
  std::atomic<std::uint32_t> stalled_count_{0};  // written under mu_
};

}  // namespace spillway
