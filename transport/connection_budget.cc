#include "transport/connection_budget.h"

#include <algorithm>

#include "transport/base/check.h"

namespace spillway {

bool ConnectionBudget::TryTake(const std::shared_ptr<PoolEntry>& key) {
  MutexLock lock(mu_);
  if (used() < limit_) {
    used_count_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  if (std::find(stalled_.begin(), stalled_.end(), key) == stalled_.end()) {
    stalled_.push_back(key);
    stalled_count_.fetch_add(1, std::memory_order_relaxed);
  }
  return false;
}

std::shared_ptr<PoolEntry> ConnectionBudget::Return() {
  MutexLock lock(mu_);
  SPILLWAY_CHECK(used() > 0);
  if (stalled_.empty()) {
    used_count_.fetch_sub(1, std::memory_order_relaxed);
    return nullptr;
  }
  std::shared_ptr<PoolEntry> next = std::move(stalled_.front());
  stalled_.pop_front();
  stalled_count_.fetch_sub(1, std::memory_order_relaxed);
  return next;
}

std::shared_ptr<PoolEntry> ConnectionBudget::LongestStalled() {
  MutexLock lock(mu_);
  return stalled_.empty() ? nullptr : stalled_.front();
}

}  // namespace spillway
