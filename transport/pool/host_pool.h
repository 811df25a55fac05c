// All connection state of one pool key, as a pure machine.
//
// What it is: told what happened and when, it appends what to do (action.h). One model serves
// HTTP/1 and HTTP/2: a connection has `capacity` (exchanges it may carry at once; 1 on HTTP/1) and
// `in_use`. States: connecting, open, draining. Idle means open and unused.
// What it owns: the waiters, the connections' bookkeeping, the back-off; no socket, timer, lock or
// random source. Callers serialize access.
//
// Policy, each sentence with an oracle in the simulator:
//  - late binding: a dial serves demand, not a particular waiter; whichever connection is ready
//    first goes to the longest waiter (D1, D2); an orphaned dial is adopted by the next request;
//  - dials never exceed demand: connecting capacity <= waiters when a dial starts, within
//    max_connections and max_dials;
//  - reuse is newest-first (I1), expiry oldest-first, waiters FIFO;
//  - HTTP/2 (capacity above one): a busy connection below target_streams comes before an idle one,
//    the least loaded first. While the exchanges of those with room would fit on one fewer of them
//    within the target, the least loaded gets none, so that after a peak it falls idle and ends.
//    Once each that has room carries target_streams and none is idle, one more is dialled ahead of
//    need; max_streams caps what a peer allows;
//  - a multiplexed connection that opens to find nobody waiting is closed as surplus, unless the
//    exchanges running are at least half the target of the others (H5);
//  - while a connection lies idle because its peer allows no exchange, no dial starts: the peer has
//    said to wait, and another connection would hear the same (O-138);
//  - connections that end by GOAWAY, or after allowing nothing to those who waited, before an
//    exchange on them came to a good end are fruitless; from the third in a row on each backs off
//    as a failed dial does, until an exchange comes to a good end (O-149);
//  - max_idle counts connections that carry one exchange at a time (I9);
//  - a failed dial fails the longest waiter at once with that error, and those who would have
//  shared
//    its connection; while the key backs off with
//    no open connection, arrivals fail at once with the last dial failure. Back-off gates dials,
//    never grants; the first dial after it is a single probe until a dial succeeds;
//  - a waiter that demands a fresh connection takes only a never-used one;
//  - waiters are refused at max_waiters, and fail at the earlier of deadline and queue timeout;
//  - idle ends at idle_timeout or the origin's hint, whichever is earlier; age and uses are checked
//    at release and at acquire;
//  - Flush retires all, RetireConnection one: idle at once, leased ones when they come back, dials
//    under way once connected, each with the reason given.
//
// Invariants (CheckInvariants): no eligible waiter while capacity is spare; in_use never grows past
// capacity by a grant; connections and dials within limits; each list holds exactly the connections
// its predicate says; a draining connection has in_use > 0; every waiter gets exactly one of Grant,
// Fail, Cancel; after Tick(now) NextDeadline() > now; waiters exist => a dial, a leased connection,
// a stall or a timer exists.
//
// Cost: Acquire and Release touch the front of a list and at most one heap entry, whatever the
// number of connections; nothing is allocated once the slabs are warm. `now` may lag behind that of
// an earlier event by what it took to get the lock: time never runs backwards in here.

#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "transport/base/failure.h"
#include "transport/base/instant.h"
#include "transport/base/options.h"
#include "transport/pool/action.h"
#include "transport/pool/backoff.h"
#include "transport/pool/connection_table.h"
#include "transport/pool/deadline_index.h"
#include "transport/pool/wait_queue.h"

namespace spillway {

// What a round trip wants.
struct Demand {
  WaiterId waiter = 0;
  Instant deadline = kNever;
  bool fresh_connection = false;  // only a connection that never carried an exchange
  std::uint32_t tenant = 0;
};

// How an exchange left its connection.
struct ReleaseVerdict {
  bool reusable = false;
  CloseReason why_not = CloseReason::kError;  // when not reusable
  std::optional<Duration> idle_hint = {};     // Keep-Alive: timeout=N, margin not yet taken off
};

// How things stand, for metrics and Admin. Levels are counts now.
struct HostPoolSnapshot {
  std::uint32_t idle = 0;
  std::uint32_t active = 0;  // open and in use
  std::uint32_t connecting = 0;
  std::uint32_t draining = 0;
  std::uint32_t waiting = 0;
  std::uint32_t streams = 0;       // exchanges running
  std::uint64_t stream_limit = 0;  // exchanges that the open connections may carry at once
  bool backing_off = false;
  bool stalled = false;
  Instant oldest_idle_since = kNever;
  Instant oldest_waiter_since = kNever;
  Duration learned_idle_timeout{};  // zero: none seen
  // Running totals since the machine began.
  std::uint64_t grants_idle = 0;       // from an idle connection
  std::uint64_t grants_new = 0;        // first use of a connection this waiter's demand dialled
  std::uint64_t grants_coalesced = 0;  // waited and got a connection released by another
  std::uint64_t grants_stream = 0;     // another exchange on a busy connection (HTTP/2)
  std::uint64_t dials = 0;
  std::uint64_t dial_failures = 0;
  std::uint64_t dials_unused = 0;  // closed without ever carrying an exchange
  double waiter_seconds = 0;       // integral of the queue length
  std::string Text() const;        // one line, for logs and tests
};

// Demands for which a dial was wanted and put off, since the machine began.
struct DialsPutOff {
  std::uint64_t by_concurrency = 0;  // as many dials in flight as may be
  std::uint64_t by_backoff = 0;      // dials failed
};

class HostPool {
 public:
  // `jitter_seed` varies max age between connections; the machine draws nothing itself.
  // max_connections, max_dials, max_streams and target_streams below one count as one.
  // `expected_capacity`: what the first connection will likely carry, where the protocol is known
  // (HTTP/2 or nothing), so that a cold start does not dial once a waiter.
  HostPool(const PoolLimits& limits, std::uint64_t jitter_seed,
           std::uint32_t expected_capacity = 1);
  HostPool(const HostPool&) = delete;
  HostPool& operator=(const HostPool&) = delete;

  // A round trip wants a connection. Appends a Grant or a Fail for it, or queues it.
  void Acquire(const Demand& demand, Instant now, Actions& actions);
  // The waiter is gone. True when it was still queued here; false when it already got its outcome
  // (a Grant may be on its way: whoever receives it releases it unused).
  bool Cancel(WaiterId waiter, Instant now, Actions& actions);

  void OnConnected(ConnId conn, std::uint32_t capacity, Instant now, Actions& actions);
  void OnDialFailed(ConnId conn, const std::shared_ptr<const Failure>& why, Instant now,
                    Actions& actions);
  // The process-wide connection budget refused the dial just asked for: the key is stalled until
  // OnDialAllowed. Not an error, nobody fails.
  void OnDialDenied(ConnId conn, Instant now, Actions& actions);
  void OnDialAllowed(Instant now, Actions& actions);
  // The peer changed how many exchanges `conn` may carry (HTTP/2 SETTINGS).
  void OnCapacity(ConnId conn, std::uint32_t capacity, Instant now, Actions& actions);
  // No new exchanges on `conn`; it closes when its exchanges are done, now when there are none.
  void OnGoAway(ConnId conn, Instant now, Actions& actions);
  // `conn` is gone (peer closed, error). Leases on it end here; a Release that follows does
  // nothing.
  void OnClosed(ConnId conn, Instant now, Actions& actions);
  // One exchange on `conn` ended. As every event about a connection, ignored altogether when that
  // is already forgotten; releasing a connection more often than it was granted aborts.
  void Release(ConnId conn, const ReleaseVerdict& verdict, Instant now, Actions& actions);
  // A grant that was not used: nothing was sent, the connection is as it was, and the use does not
  // count.
  void ReleaseUnused(ConnId conn, Instant now, Actions& actions);

  // Runs whatever is due at `now`.
  void Tick(Instant now, Actions& actions);
  // When Tick wants to be called next; kNever when nothing is pending.
  Instant NextDeadline() const;

  void Flush(CloseReason why, Instant now, Actions& actions);
  void Flush(Instant now, Actions& actions) { Flush(CloseReason::kFlushed, now, actions); }
  // Flush, and whatever is still dialled for those who wait closes instead of lying idle: policy
  // sends nobody here any more. SetLimits takes that back.
  void RetireKey(CloseReason why, Instant now, Actions& actions);
  // Ends the service of one connection or dial; false when it is not known or already draining.
  bool RetireConnection(ConnId conn, CloseReason why, Instant now, Actions& actions);
  // Closes what is idle now; leased connections stay in service (CloseIdleConnections, I8).
  // Returns how many were closed.
  std::uint32_t CloseIdle(Instant now, Actions& actions);
  // No new waiters, waiters fail, idle connections close, leased ones close on return, dials under
  // way run on and their connections close at once.
  void Drain(Instant now, Actions& actions);
  // Gives up the longest-idle connection; false when none is idle.
  bool EvictOldestIdle(Instant now, Actions& actions);
  // Surplus idle connections close; waiters keep the queue timeout with which they came.
  void SetLimits(const PoolLimits& limits, Instant now, Actions& actions);

  // Nothing in it and nothing to remember: may be destroyed.
  bool Disposable(Instant now) const;
  const PoolLimits& limits() const;
  HostPoolSnapshot Snapshot(Instant now) const;
  const DialsPutOff& dials_put_off() const { return dials_put_off_; }
  // Aborts (SPILLWAY_CHECK) when an invariant does not hold. O(connections + waiters).
  void CheckInvariants(Instant now) const;

 private:
  // Fewer fruitless connections in a row may be an origin that restarts.
  static constexpr std::uint32_t kFruitlessBeforeBackoff = 3;

  // Running totals of the snapshot.
  struct Totals {
    std::uint64_t grants_idle = 0;
    std::uint64_t grants_new = 0;
    std::uint64_t grants_coalesced = 0;
    std::uint64_t grants_stream = 0;
    std::uint64_t dials = 0;
    std::uint64_t dial_failures = 0;
    std::uint64_t dials_unused = 0;
  };
  struct End {
    Instant at;
    CloseReason why;
  };

  // Begins every event: settles what time alone has decided. Returns the time of the event.
  Instant Advance(Instant now, Actions& actions);
  void ExpireWaiters(Instant now, Actions& actions);

  // host_pool_waiters.cc: who gets what.
  bool GrantAtOnce(const Demand& demand, Instant now, Actions& actions);
  // A busy connection for one more exchange, or nullptr. Retires those of age that it meets.
  ConnEntry* Sharable(Instant now, Actions& actions);
  // The idle connection to take first, or nullptr. Closes those past their time that it meets.
  ConnEntry* UsableIdle(bool unused, Instant now, Actions& actions);
  void Enqueue(const Demand& demand, Instant now, Actions& actions);
  // Counts the demand just queued if the dial that it wants will not be made.
  void NotePutOff();
  void Grant(ConnEntry& c, WaiterId waiter, std::uint64_t& total, Duration idle_time,
             Actions& actions);
  // Gives the room of `c` to waiters. `total` counts a first grant, on an unused connection.
  void ServeWaiters(ConnEntry& c, std::uint64_t& total, Instant now, Actions& actions);
  // A Fail for those whom the connection of one dial was to serve.
  void FailDialledFor(Instant now, Actions& actions);
  // A Fail for every waiter that nothing under way can serve.
  void FailStranded(Instant now, Actions& actions);
  void FailAll(const std::shared_ptr<const Failure>& why, Instant now, Actions& actions);

  // host_pool_dials.cc: when to dial.
  // Ends every event. Time alone may have ended a back-off, so none may leave without it.
  void Settle(Instant now, Actions& actions) {
    if (!waiters_.empty() || backoff_.failing() || Crowded()) SettleDemand(now, actions);
  }
  // Every connection with room is at its target.
  bool Crowded() const {
    const ConnEntry* least = table_.LeastLoaded();
    return least != nullptr && least->in_use >= TargetStreams() && table_.NewestIdle() == nullptr;
  }
  void SettleDemand(Instant now, Actions& actions);
  void StartDials(Actions& actions);
  std::uint64_t DialsWanted() const;
  bool MakeRoomForDial(Actions& actions);
  // `c` ends. Counts when it was of no use to anybody.
  void NoteFruitless(const ConnEntry& c, Instant now);
  void NoteServed(ConnEntry& c) {
    if (!c.served) c.served = true;
    if (fruitless_ > 0) EndFruitless();
  }
  void EndFruitless();

  // When and why an idle `c` would end.
  End IdleEnd(const ConnEntry& c) const;
  Duration IdleLimit(const ConnEntry& c, CloseReason& why) const;
  void SetAgeEnd(ConnEntry& c);
  // Why `c`, which just came back, may not be used again.
  std::optional<CloseReason> WornOut(const ConnEntry& c, Instant now) const;
  // Whether the others have room for all that `c`, which just opened, could be wanted for.
  bool Superfluous(const ConnEntry& c) const;
  // Why `c`, about to lie idle, is not kept.
  std::optional<CloseReason> Surplus(const ConnEntry& c, Instant now) const;
  // Serves waiters with `c`, then keeps or closes it. A shrunk connection limit comes first.
  void Offer(ConnEntry& c, std::uint64_t& total, Instant now, Actions& actions);
  // Offers `c`, which was not used just now, unless it is past its time.
  void Reconsider(ConnEntry& c, std::uint64_t& total, Instant now, Actions& actions);
  void Arm(ConnEntry& c);
  void Close(ConnEntry& c, CloseReason why, Actions& actions);
  // No new exchanges on `c`; closes it when it carries none.
  void Retire(ConnEntry& c, CloseReason why, Actions& actions);
  void Forget(ConnEntry& c);
  void ExpireIdle(Instant now, Actions& actions);
  bool Empty() const { return table_.total() == 0 && waiters_.empty(); }
  std::uint32_t MaxConnections() const { return std::max(1U, limits_.max_connections); }
  std::uint32_t MaxStreams() const { return std::max(1U, limits_.max_streams); }
  std::uint32_t TargetStreams() const { return std::max(1U, limits_.target_streams); }
  // What the next connection is expected to carry.
  std::uint32_t KnownCapacity() const { return std::clamp(known_capacity_, 1U, MaxStreams()); }
  std::uint32_t LimitedIdle() const {
    return table_.idle_count() - table_.multiplexed_idle_count();
  }
  // The limit shrank below what there is.
  bool OverLimit() const { return table_.total() > MaxConnections(); }

  PoolLimits limits_;
  std::uint64_t jitter_seed_;
  ConnectionTable table_;
  DeadlineIndex idle_ends_;
  WaitQueue waiters_;
  Backoff backoff_;
  Totals totals_;
  DialsPutOff dials_put_off_;
  Instant last_now_;
  std::uint32_t known_capacity_;  // what the peer of the last connection allowed
  std::uint32_t fruitless_ = 0;   // connections in a row that ended without serving anybody
  bool draining_ = false;
  std::optional<CloseReason> retired_;  // why nothing is kept idle
  bool stalled_ = false;
  Duration learned_idle_timeout_{};
};

}  // namespace spillway
