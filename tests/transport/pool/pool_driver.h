// Drives one HostPool by hand and tells what it did in words, so that a test reads like a story.
//
// Connections are named a, b, c ... in the order of their dials. What an event made the machine do
// comes back as one line, e.g. "grant 1 a new; dial b" (see Describe). Invariants are checked after
// every event.
// Thread safety: none.

#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "transport/base/check.h"
#include "transport/pool/host_pool.h"

namespace spillway {

inline std::shared_ptr<const Failure> Refused() {
  Failure failure;
  failure.reason = Reason::kConnectionRefused;
  failure.source = Source::kOrigin;
  failure.phase = Phase::kConnect;
  failure.message = "connection refused";
  return std::make_shared<const Failure>(failure);
}

class PoolDriver {
 public:
  static constexpr std::uint64_t kSeed = 7;

  explicit PoolDriver(const PoolLimits& limits = NoJitter(), std::uint32_t expected_capacity = 1)
      : pool_(limits, kSeed, expected_capacity) {}

  // Defaults, with ages that a test can foretell.
  static PoolLimits NoJitter() {
    PoolLimits limits;
    limits.max_age_jitter = 0;
    return limits;
  }

  HostPool& pool() { return pool_; }
  Instant now() const { return now_; }
  // Time passes, nobody ticks.
  void Sleep(Duration by) { now_ = After(now_, by); }

  std::string Acquire(WaiterId waiter, Duration deadline = kForever) {
    return Do([&](Actions& out) { pool_.Acquire({waiter, After(now_, deadline)}, now_, out); });
  }
  std::string AcquireFresh(WaiterId waiter) {
    return Do([&](Actions& out) {
      pool_.Acquire({.waiter = waiter, .deadline = kNever, .fresh_connection = true}, now_, out);
    });
  }
  // "yes" or "no", and what else it did.
  std::string Cancel(WaiterId waiter) {
    bool queued = false;
    const std::string did = Do([&](Actions& out) { queued = pool_.Cancel(waiter, now_, out); });
    return (queued ? "yes" : "no") + (did.empty() ? "" : "; " + did);
  }
  std::string Connected(char name, std::uint32_t capacity = 1) {
    return Do([&](Actions& out) { pool_.OnConnected(Id(name), capacity, now_, out); });
  }
  std::string DialFailed(char name) {
    return Do([&](Actions& out) { pool_.OnDialFailed(Id(name), Refused(), now_, out); });
  }
  std::string Denied(char name) {
    return Do([&](Actions& out) { pool_.OnDialDenied(Id(name), now_, out); });
  }
  std::string Allowed() {
    return Do([&](Actions& out) { pool_.OnDialAllowed(now_, out); });
  }
  std::string Capacity(char name, std::uint32_t capacity) {
    return Do([&](Actions& out) { pool_.OnCapacity(Id(name), capacity, now_, out); });
  }
  std::string GoAway(char name) {
    return Do([&](Actions& out) { pool_.OnGoAway(Id(name), now_, out); });
  }
  std::string Closed(char name) {
    return Do([&](Actions& out) { pool_.OnClosed(Id(name), now_, out); });
  }
  std::string Release(char name, const ReleaseVerdict& verdict = {.reusable = true}) {
    return Do([&](Actions& out) { pool_.Release(Id(name), verdict, now_, out); });
  }
  std::string ReleaseUnused(char name) {
    return Do([&](Actions& out) { pool_.ReleaseUnused(Id(name), now_, out); });
  }
  std::string Flush(CloseReason why = CloseReason::kFlushed) {
    return Do([&](Actions& out) { pool_.Flush(why, now_, out); });
  }
  std::string RetireKey(CloseReason why) {
    return Do([&](Actions& out) { pool_.RetireKey(why, now_, out); });
  }
  // "unknown" when there was nothing to retire.
  std::string Retire(char name, CloseReason why) {
    bool found = false;
    const std::string did =
        Do([&](Actions& out) { found = pool_.RetireConnection(Id(name), why, now_, out); });
    return found ? did : "unknown";
  }
  std::string CloseIdle() {
    return Do([&](Actions& out) { pool_.CloseIdle(now_, out); });
  }
  std::string Drain() {
    return Do([&](Actions& out) { pool_.Drain(now_, out); });
  }
  std::string Evict() {
    bool evicted = false;
    std::string did = Do([&](Actions& out) { evicted = pool_.EvictOldestIdle(now_, out); });
    return evicted ? did : "none idle";
  }
  std::string SetLimits(const PoolLimits& limits) {
    return Do([&](Actions& out) { pool_.SetLimits(limits, now_, out); });
  }
  std::string Tick() {
    std::string did = Do([&](Actions& out) { pool_.Tick(now_, out); });
    SPILLWAY_CHECK(pool_.NextDeadline() > now_);
    return did;
  }
  // Time passes and the shell's timer calls, as often as it was asked to.
  std::string SleepTicking(Duration by) {
    const Instant until = After(now_, by);
    std::string did;
    while (pool_.NextDeadline() <= until) {
      now_ = std::max(now_, pool_.NextDeadline());
      const std::string now_did = Tick();
      if (!now_did.empty()) did += (did.empty() ? "" : "; ") + now_did;
    }
    now_ = until;
    return did;
  }

  // Brings up `count` connections (a, b, ...), idle, the last one newest.
  void Fill(int count) {
    for (int i = 0; i < count; ++i) Acquire(kFiller + static_cast<WaiterId>(i));
    for (int i = 0; i < count; ++i) Connected(static_cast<char>('a' + i));
    for (int i = 0; i < count; ++i) Release(static_cast<char>('a' + i));
  }

  HostPoolSnapshot Now() const { return pool_.Snapshot(now_); }
  ConnId Id(char name) const { return conns_.at(static_cast<std::size_t>(name - 'a')); }
  // The failure of the last Fail action.
  const Failure& why() const { return *why_; }
  Duration idle_time() const { return idle_time_; }

 private:
  static constexpr WaiterId kFiller = 1000;

  template <typename Event>
  std::string Do(Event event) {
    Actions actions;
    event(actions);
    pool_.CheckInvariants(now_);
    std::string did;
    for (const Action& action : actions) {
      did += (did.empty() ? "" : "; ") +
             std::visit([this](const auto& each) { return Describe(each); }, action);
    }
    return did;
  }

  std::string Describe(const DialAction& dial) {
    conns_.push_back(dial.conn);
    return "dial " + Name(dial.conn);
  }
  std::string Describe(const GrantAction& grant) {
    idle_time_ = grant.idle_time;
    return "grant " + std::to_string(grant.waiter) + " " + Name(grant.conn) +
           (grant.reused ? " reused" : " new");
  }
  std::string Describe(const FailAction& fail) {
    why_ = fail.why;
    return "fail " + std::to_string(fail.waiter) + " " + std::string(Label(fail.why->reason));
  }
  std::string Describe(const CloseAction& close) {
    return "close " + Name(close.conn) + " " + std::string(Label(close.why));
  }
  std::string Name(ConnId id) const {
    const auto found = std::find(conns_.begin(), conns_.end(), id);
    SPILLWAY_CHECK(found != conns_.end());
    return std::string(1, static_cast<char>('a' + (found - conns_.begin())));
  }

  HostPool pool_;
  Instant now_ = Instant(seconds(1000));
  std::vector<ConnId> conns_;
  std::shared_ptr<const Failure> why_;
  Duration idle_time_{};
};

}  // namespace spillway
