// Streams whose head frame has not come, and how long each is waited for.
//
// What it is: a map by due time with one timer for all. A timer for each stream would outlive
// nearly all of them by minutes, and there may be thousands of streams in a second.
// What it owns: what to call for those that wait; nothing of a stream that was removed.
// Thread safety: every function may be called from any thread; `overdue` is called on the timer's,
// without a lock. Add may lead to that as well, where its timer is over at once; Remove calls
// nobody, so that a lock may be held.
// Invariants: each `overdue` is called at most once, not before its due time, and never when Remove
// came first; at most one timer is set for the same due time, and none behind one that is set.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "transport/base/instant.h"
#include "transport/base/mutex.h"

namespace spillway {

class StreamHeadWatch final : public std::enable_shared_from_this<StreamHeadWatch> {
 public:
  using Now = std::function<Instant()>;
  // As Transport::RunAfter: calls once, early only when everything ends.
  using RunAfter = std::function<void(Duration, std::function<void()>)>;
  using Ticket = std::pair<Instant, std::uint64_t>;

  StreamHeadWatch(Now now, RunAfter run_after)
      : now_(std::move(now)), run_after_(std::move(run_after)) {}

  Ticket Add(Duration wait, std::function<void()> overdue);
  // Of one that may be gone already.
  void Remove(const Ticket& ticket);
  std::size_t size() const;

 private:
  // A timer for `due`, unless an earlier one is set, or the same. True: SetTimer is to be called.
  bool WantTimer(Instant due) SPILLWAY_REQUIRES(mu_);
  void SetTimer(Instant now, Instant due);
  void OnTimer(Instant due);

  const Now now_;
  const RunAfter run_after_;
  mutable Mutex mu_;
  std::map<Ticket, std::function<void()>> waiting_ SPILLWAY_GUARDED_BY(mu_);
  std::uint64_t added_ SPILLWAY_GUARDED_BY(mu_) = 0;
  std::set<Instant> timers_ SPILLWAY_GUARDED_BY(mu_);  // that are set
};

}  // namespace spillway
