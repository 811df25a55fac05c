// Round trips that wait for a connection, in the order in which they came.
//
// What it owns: the waiters' entries. Each is in one of two FIFO lists, those that take any
// connection and those that demand a fresh one, so that the longest waiter that may take a given
// connection is found at once.
// Thread safety: none; HostPool's callers serialize.
// Invariants: an id waits at most once; Expiry is exact (one index entry a waiter with a limit).

#pragma once

#include <cstdint>
#include <optional>

#include <boost/unordered/unordered_flat_map.hpp>

#include "transport/base/instant.h"
#include "transport/pool/action.h"
#include "transport/pool/deadline_index.h"
#include "transport/pool/slab.h"

namespace spillway {

struct Waiter {
  SlotLink link;
  WaiterId id = 0;
  bool fresh_connection = false;
  std::uint32_t tenant = 0;
  std::uint64_t turn = 0;  // order of arrival
  Instant since;
  Instant expires_at = kNever;  // the earlier of deadline and queue timeout
  bool by_deadline = false;     // ... which of them
};

class WaitQueue {
 public:
  bool empty() const { return size() == 0; }
  std::uint32_t size() const { return any_.size() + fresh_.size(); }
  // Waiters that demand a fresh connection / that take any.
  std::uint32_t fresh_count() const { return fresh_.size(); }
  std::uint32_t any_count() const { return any_.size(); }
  // Whether the longest waiter demands a fresh connection. Only when not empty.
  bool LongestIsFresh() const {
    if (any_.empty() || fresh_.empty()) return any_.empty();
    return slab_[fresh_.front()].turn < slab_[any_.front()].turn;
  }

  // `waiter` with id, fresh_connection, tenant, since, expires_at and by_deadline filled in.
  void Push(const Waiter& waiter);
  // False when it is not here.
  bool Remove(WaiterId id, Instant now);
  // Takes the longest waiter that accepts a connection which `has_been_used`.
  std::optional<WaiterId> TakeLongestFor(bool has_been_used, Instant now);
  // Takes the longest waiter that demands a fresh connection.
  std::optional<WaiterId> TakeLongestFresh(Instant now);
  std::optional<WaiterId> TakeLongest(Instant now) { return TakeLongestFor(false, now); }
  // Takes a waiter whose limit has passed.
  std::optional<Waiter> TakeExpired(Instant now);

  Instant NextExpiry() const { return expiries_.Earliest(); }
  // Since when the longest waiter waits; kNever when nobody does.
  Instant OldestSince() const;
  // Integral of size() over time until `now`.
  double WaiterSeconds(Instant now) const {
    return seconds_ + size() * ToSeconds(now - counted_until_);
  }

  void CheckInvariants() const;

 private:
  SlotList<Waiter>& ListOf(const Waiter& waiter) { return waiter.fresh_connection ? fresh_ : any_; }
  std::optional<WaiterId> TakeFront(SlotList<Waiter>& list, Instant now);
  void Erase(std::uint32_t slot, Instant now);
  void CountUntil(Instant now) {
    seconds_ = WaiterSeconds(now);
    counted_until_ = now;
  }

  Slab<Waiter> slab_;
  SlotList<Waiter> any_;    // front is the longest
  SlotList<Waiter> fresh_;  // front is the longest
  boost::unordered_flat_map<WaiterId, std::uint32_t> slots_;
  DeadlineIndex expiries_;
  std::uint64_t turns_ = 0;
  double seconds_ = 0;
  Instant counted_until_;
};

}  // namespace spillway
