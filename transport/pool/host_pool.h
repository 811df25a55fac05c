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
//  - a failed dial fails the longest waiter at once with that error; while the key backs off with
//    no open connection, arrivals fail at once with the last dial failure. Back-off gates dials,
//    never grants; the first dial after it is a single probe until a dial succeeds;
//  - a waiter that demands a fresh connection takes only a never-used one;
//  - waiters are refused at max_waiters, and fail at the earlier of deadline and queue timeout;
//  - idle ends at idle_timeout or the origin's hint, whichever is earlier; age and uses are checked
//    at release and at acquire;
//  - Flush retires all: idle at once, leased ones when they come back.
//
// Invariants (CheckInvariants): no eligible waiter while capacity is spare; in_use never grows past
// capacity by a grant; connections and dials within limits; each list holds exactly the connections
// its predicate says; a draining connection has in_use > 0; every waiter gets exactly one of Grant,
// Fail, Cancel; after Tick(now) NextDeadline() > now; waiters exist => a dial, a leased connection,
// a stall or a timer exists.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "transport/base/failure.h"
#include "transport/base/instant.h"
#include "transport/base/options.h"
#include "transport/pool/action.h"

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
  CloseReason why_not = CloseReason::kError;      // when not reusable
  std::optional<Duration> idle_hint = {};         // Keep-Alive: timeout=N, margin not yet taken off
};

// How things stand, for metrics and Admin. Levels are counts now.
struct HostPoolSnapshot {
  std::uint32_t idle = 0;
  std::uint32_t active = 0;      // open and in use
  std::uint32_t connecting = 0;
  std::uint32_t draining = 0;
  std::uint32_t waiting = 0;
  std::uint32_t streams = 0;     // exchanges running
  bool backing_off = false;
  bool stalled = false;
  Instant oldest_idle_since = kNever;
  Instant oldest_waiter_since = kNever;
  Duration learned_idle_timeout{};  // zero: none seen
  // Running totals since the machine began.
  std::uint64_t grants_idle = 0;      // from an idle connection
  std::uint64_t grants_new = 0;       // first use of a connection this waiter's demand dialled
  std::uint64_t grants_coalesced = 0; // waited and got a connection released by another
  std::uint64_t grants_stream = 0;    // another exchange on a busy connection (HTTP/2)
  std::uint64_t dials = 0;
  std::uint64_t dial_failures = 0;
  std::uint64_t dials_unused = 0;     // closed without ever carrying an exchange
  double waiter_seconds = 0;          // integral of the queue length
  std::string Text() const;           // one line, for logs and tests
};

class HostPool {
 public:
  // `jitter_seed` varies max age between connections; the machine draws nothing itself.
  HostPool(const PoolLimits& limits, std::uint64_t jitter_seed);
  ~HostPool();
  HostPool(const HostPool&) = delete;
  HostPool& operator=(const HostPool&) = delete;

  // A round trip wants a connection. Appends a Grant or a Fail for it, or queues it.
  void Acquire(const Demand& demand, Instant now, Actions& actions);
  // The waiter is gone. True when it was still queued here; false when it already got its outcome
  // (a Grant may be on its way: whoever receives it releases it unused).
  bool Cancel(WaiterId waiter, Instant now, Actions& actions);

  void OnConnected(ConnId conn, std::uint32_t capacity, Instant now, Actions& actions);
  void OnDialFailed(ConnId conn, std::shared_ptr<const Failure> why, Instant now,
                    Actions& actions);
  // The process-wide connection budget refused the dial just asked for: the key is stalled until
  // OnDialAllowed. Not an error, nobody fails.
  void OnDialDenied(ConnId conn, Instant now, Actions& actions);
  void OnDialAllowed(Instant now, Actions& actions);
  // The peer changed how many exchanges `conn` may carry (HTTP/2 SETTINGS).
  void OnCapacity(ConnId conn, std::uint32_t capacity, Instant now, Actions& actions);
  // No new exchanges on `conn`; it closes when its exchanges are done.
  void OnGoAway(ConnId conn, Instant now, Actions& actions);
  // `conn` is gone (peer closed, error). Leases on it end here; no Release follows.
  void OnClosed(ConnId conn, Instant now, Actions& actions);
  // One exchange on `conn` ended. Ignored for a connection already forgotten.
  void Release(ConnId conn, const ReleaseVerdict& verdict, Instant now, Actions& actions);
  // A grant that was not used: nothing was sent, the connection is as it was, and the use does not
  // count.
  void ReleaseUnused(ConnId conn, Instant now, Actions& actions);

  // Runs whatever is due at `now`.
  void Tick(Instant now, Actions& actions);
  // When Tick wants to be called next; kNever when nothing is pending.
  Instant NextDeadline() const;

  void Flush(Instant now, Actions& actions);
  // Closes what is idle now; leased connections stay in service (CloseIdleConnections, I8).
  // Returns how many were closed.
  std::uint32_t CloseIdle(Instant now, Actions& actions);
  // No new waiters, waiters fail, idle connections close, leased ones close on return.
  void Drain(Instant now, Actions& actions);
  // Gives up the longest-idle connection; false when none is idle.
  bool EvictOldestIdle(Instant now, Actions& actions);
  void SetLimits(const PoolLimits& limits, Instant now, Actions& actions);

  // Nothing in it and nothing to remember: may be destroyed.
  bool Disposable(Instant now) const;
  const PoolLimits& limits() const;
  HostPoolSnapshot Snapshot(Instant now) const;
  // Aborts (SPILLWAY_CHECK) when an invariant does not hold. O(connections + waiters).
  void CheckInvariants(Instant now) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace spillway
