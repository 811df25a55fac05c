// A second set of books about one HostPool, kept from its inputs and actions alone.
//
// What it is: the plainest account there can be: two vectors, walked from end to end. It shares no
// code with the machine. Begin() books what an event means by policy, Apply() what an action means;
// oracles (pool_oracles.h) compare the two with what the policy allows.
// Thread safety: none.

#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "tests/sim/pool_event.h"

namespace spillway {

struct ModelConnection {
  enum class State { kDialling, kOpen, kDraining };
  ConnId id;
  State state = State::kDialling;
  bool current = true;  // while dialling: no flush and no retirement since
  std::uint32_t peer_capacity = 0;
  bool multiplexed = false;
  bool served = false;
  std::uint32_t in_use = 0;
  std::uint64_t uses = 0;
  Instant opened_at;
  Instant last_used_at;
  std::uint64_t last_used_order = 0;
  std::optional<Duration> hint;
  CloseReason retired_for = CloseReason::kError;  // while draining, or no longer current

  bool open() const { return state == State::kOpen; }
  bool idle() const { return open() && in_use == 0; }
};

struct ModelWaiter {
  WaiterId id = 0;
  bool fresh = false;
  Instant arrived;
  Instant deadline = kNever;
  Instant queue_end = kNever;
  Instant dialled_for_since;  // arrival, or the flush that made earlier dials worthless
  bool disturbed = false;     // something other than failing dials bore on its wait
  Instant expires() const { return std::min(deadline, queue_end); }
};

class PoolModel {
 public:
  explicit PoolModel(const PoolLimits& first_limits) : limits(first_limits) {}

  void Begin(const PoolEvent& event);
  void Apply(const Action& action);

  ModelConnection* Find(ConnId id);
  ModelWaiter* FindWaiter(WaiterId id);

  // What `c` may carry at once.
  std::uint32_t Capacity(const ModelConnection& c) const {
    return std::min(c.peer_capacity, std::max(1U, limits.max_streams));
  }
  bool HasRoom(const ModelConnection& c) const {
    return c.open() && c.in_use < Capacity(c) && (limits.max_uses == 0 || c.uses < limits.max_uses);
  }
  // The idle limit of `c` and the reason that goes with it.
  std::pair<Duration, CloseReason> IdleLimit(const ModelConnection& c) const;
  Instant IdleEnd(const ModelConnection& c) const;
  // The age at which `c` may end / must have ended.
  Instant EarliestAgeEnd(const ModelConnection& c) const;
  Instant LatestAgeEnd(const ModelConnection& c) const {
    return After(c.opened_at, limits.max_age);
  }
  // Past the end that no jitter can move.
  bool Overdue(const ModelConnection& c) const {
    return now >= IdleEnd(c) || now >= LatestAgeEnd(c);
  }
  std::uint32_t max_connections() const { return std::max(1U, limits.max_connections); }
  std::uint32_t max_dials() const { return std::max(1U, limits.max_dials); }
  std::uint32_t target_streams() const { return std::max(1U, limits.target_streams); }
  std::uint32_t Idle() const;
  // Those that max_idle is about.
  std::uint32_t SingleIdle() const;
  std::uint32_t Open() const;
  std::uint32_t Dials() const;
  std::uint32_t ExpectedDials() const;
  std::uint32_t Draining() const;
  std::uint32_t Streams() const;
  std::uint32_t Total() const { return static_cast<std::uint32_t>(connections.size()); }
  std::uint32_t Fresh() const;
  // What one dial would serve.
  std::uint32_t ShareOfDial() const;
  // Dials that the waiters call for, and the one that relieves a crowd.
  std::uint64_t DialsWanted() const;
  // The busy connection to take for one more exchange, or nullptr.
  ModelConnection* NextShared();
  // Every connection with room carries its target.
  bool Crowded() const;
  // One lies idle because its peer allows no exchange.
  bool Barred() const;
  // `opened` could serve nothing that others have no room for.
  bool Superfluous(const ModelConnection& opened) const;
  const ModelConnection* OldestIdle() const;
  const ModelConnection* OldestSingleIdle() const;
  // Whom the connection of one dial would have served: the longest waiter, and those who share.
  std::vector<WaiterId> ShareOfOneDial() const;
  // An idle connection that a fresh waiter cannot use, and that may be given up for it.
  const ModelConnection* OldestUsedIdle() const;
  bool Empty() const { return connections.empty() && waiters.empty(); }

  PoolLimits limits;
  Instant now;
  std::vector<ModelConnection> connections;
  std::vector<ModelWaiter> waiters;  // in order of arrival
  std::uint32_t known_capacity = 1;
  std::uint32_t fruitless = 0;  // connections in a row that ended without having served
  bool draining = false;
  bool stalled = false;
  Duration learned_hint{};

  // Back-off: kept by the oracles, who see how long it lasts.
  bool failing = false;
  std::uint32_t failures = 0;
  Instant backoff_latest_end;  // the back-off is over by then
  Instant forget_earliest;
  Instant forget_latest;
  std::shared_ptr<const Failure> last_failure;

  // Of the event at hand.
  const PoolEvent* event = nullptr;
  bool stale = false;  // its connection is unknown, or not in a state for it: nothing happens
  bool cancel_expected = false;
  bool surplus_expected = false;
  bool gave_up = false;  // a fruitless connection that backs off ended
  std::uint32_t closes = 0;
  std::vector<WaiterId> dialled_for;  // whom a dial that failed was to serve

  // Totals.
  HostPoolSnapshot totals;

 private:
  // Whether the connection that `event` is about is one that it can be about.
  bool Reaches(const PoolEvent& event);
  void BeginAcquire();
  void BeginConnection();
  void BeginRelease(ModelConnection& c);
  void BeginAll();
  void Retire(ModelConnection& c, CloseReason why);
  void BeginConnected(ModelConnection& c);
  void NoteFruitless(const ModelConnection& c);
  void NoteServed(ModelConnection& c);
  bool SomebodyWaits() const;
  // Retires `c` when age, uses or the origin's word forbid another use.
  void RetireIfWorn(ModelConnection& c);
  void Forget(ConnId id);
  void EndWait(WaiterId id);
  std::uint64_t& GrantTotal(const ModelConnection& c);

  std::uint64_t order_ = 0;
};

}  // namespace spillway
