// PoolOracles: how things must stand after each event.

#include <cmath>
#include <utility>

#include "tests/sim/pool_oracles.h"

namespace spillway {
namespace {

using State = ModelConnection::State;

// A back-off is shortened by at most this part.
constexpr double kMostJitter = 0.25;

Duration BackoffOf(const PoolLimits& limits, std::uint32_t failures) {
  double delay = static_cast<double>(limits.backoff_initial.count());
  for (std::uint32_t i = 1; i < failures; ++i) delay *= 2;
  delay = std::min(delay, static_cast<double>(limits.backoff_max.count()));
  return Duration(static_cast<Duration::rep>(delay));
}

Duration Shortest(Duration delay) {
  return Duration(static_cast<Duration::rep>(
      std::ceil(static_cast<double>(delay.count()) * (1 - kMostJitter))));
}

}  // namespace

void PoolOracles::NoteDialFailure() {
  model_.dialled_for = model_.ShareOfOneDial();
  NoteBackoff(model_.event->why);
}

void PoolOracles::NoteBackoff(std::shared_ptr<const Failure> why) {
  model_.failing = true;
  model_.last_failure = std::move(why);
  if (was_backing_off_) return;
  backs_off_ = true;
  const Duration longest = BackoffOf(model_.limits, ++model_.failures);
  model_.backoff_latest_end = After(model_.now, longest);
  model_.forget_earliest = After(After(model_.now, Shortest(longest)), model_.limits.backoff_max);
  model_.forget_latest = After(model_.backoff_latest_end, model_.limits.backoff_max);
}

void PoolOracles::EndEvent(std::uint32_t result) {
  if (model_.stale) {
    Require(!EventIs(PoolEventKind::kRetire) || result == 0, "retire tells what it did not find");
    CheckSnapshot();
    return;
  }
  if (backs_off_) {
    const Duration longest = model_.backoff_latest_end - model_.now;
    const Instant surely = model_.now + Shortest(longest) - Duration(1);
    Require(longest == Duration::zero() || pool_.Snapshot(surely).backing_off,
            "a back-off is not too short");
    Require(!pool_.Snapshot(model_.backoff_latest_end).backing_off, "a back-off is not too long");
  }
  CheckResult(result);
  CheckForgetting();
  CheckConnections();
  CheckWaiters();
  CheckWorkConserving();
  CheckDemandIsMet();
  CheckTimers();
  CheckSnapshot();
  pool_.CheckInvariants(model_.now);
}

void PoolOracles::CheckResult(std::uint32_t result) {
  if (EventIs(PoolEventKind::kCancel)) {
    Require((result == 1) == model_.cancel_expected, "cancel tells whether it was in time");
    if (result == 0) ++coverage_.late_cancels;
  }
  if (EventIs(PoolEventKind::kEvict)) {
    Require((result == 1) == (idle_before_ > 0), "evict finds what is idle");
    Require(result == 0 || model_.closes >= 1, "evict closes");
  }
  if (EventIs(PoolEventKind::kRetire)) Require(result == 1, "retire tells that it retired");
  if (EventIs(PoolEventKind::kCloseIdle)) {
    Require(result == idle_before_ && model_.Idle() == 0, "close idle closes the idle");
  }
}

void PoolOracles::CheckForgetting() {
  if (!model_.Empty() || !model_.failing || model_.draining) return;
  const bool forgotten = pool_.NextDeadline() == kNever;
  Require(!forgotten || model_.now >= model_.forget_earliest, "failures are remembered");
  Require(forgotten || !EventIs(PoolEventKind::kTick) || model_.now < model_.forget_latest,
          "failures are forgotten in the end");
  if (!forgotten) return;
  ++coverage_.forgotten;
  model_.failing = false;
  model_.failures = 0;
  model_.fruitless = 0;
}

void PoolOracles::CheckConnections() {
  const PoolModel& m = model_;
  for (const ModelConnection& c : m.connections) {
    Require(c.state != State::kDraining || c.in_use > 0, "the retired close with their last use");
    Require(!c.open() || c.current, "a flush retires all");
    Require(!EventIs(PoolEventKind::kRetire) || m.event->conn != c.id || !c.open(),
            "the retired serve no more");
    if (!c.idle()) continue;
    Require(m.IdleLimit(c).first > Duration::zero(), "what may not lie idle does not");
    const bool judged = EventIs(PoolEventKind::kTick) || EventIs(PoolEventKind::kSetLimits) ||
                        m.event->conn == c.id;
    Require(!judged || !m.Overdue(c), "what is past its time goes");
  }
  Require(m.SingleIdle() <= m.limits.max_idle, "idle keeps to max_idle");
  if (m.Idle() > m.limits.max_idle) ++coverage_.idle_past_limit;
  Require(!m.surplus_expected || model_.Find(m.event->conn) == nullptr, "surplus is not kept");
  Require(m.Idle() == 0 || m.Total() <= m.max_connections(), "a shrunk limit takes the idle");
  Require(!m.draining || (m.Open() == 0 && m.waiters.empty()), "a drain leaves nothing open");
}

void PoolOracles::CheckWaiters() {
  const PoolModel& m = model_;
  const bool backing_off = pool_.Snapshot(m.now).backing_off;
  for (const ModelWaiter& w : m.waiters) {
    Require(w.expires() > m.now, "nobody waits past a limit");
    const bool can_hope = m.ExpectedDials() > 0 || (!w.fresh && m.Open() > 0);
    Require(!backing_off || can_hope, "nobody waits for a dead origin");
    Require(m.Total() > 0 || m.stalled, "who waits has something to wait for");
  }
  if (EventIs(PoolEventKind::kAcquire)) {
    const bool queued = !m.waiters.empty() && m.waiters.back().id == m.event->demand.waiter;
    Require(!queued || m.waiters.size() <= m.limits.max_waiters, "the queue keeps to its limit");
    Require(!queued || !was_backing_off_ || (!m.waiters.back().fresh && m.Open() > 0),
            "arrivals learn at once that the origin is dead");
  }
  for (const WaiterId id : m.dialled_for) {
    Require(model_.FindWaiter(id) == nullptr, "a failed dial fails whom it was to serve");
  }
}

void PoolOracles::CheckWorkConserving() {
  for (const ModelConnection& c : model_.connections) {
    if (!model_.HasRoom(c)) continue;
    for (const ModelWaiter& w : model_.waiters) {
      Require(w.fresh && c.uses > 0, "nobody waits beside what would serve");
    }
  }
}

void PoolOracles::CheckDemandIsMet() {
  const PoolModel& m = model_;
  if (m.draining || m.stalled || (m.waiters.empty() && !m.Crowded())) return;
  if (m.Barred()) {
    coverage_.barred += m.waiters.empty() ? 0 : 1;
    return;
  }
  if (pool_.Snapshot(m.now).backing_off) return;
  if (m.failing && m.ExpectedDials() > 0) return;
  if (m.Dials() >= m.max_dials()) return;
  const bool place =
      m.Total() < m.max_connections() || (m.OldestUsedIdle() != nullptr && m.Fresh() > 0);
  Require(!place || m.ExpectedDials() >= m.DialsWanted(), "dials keep up with demand");
}

void PoolOracles::CheckTimers() {
  const PoolModel& m = model_;
  const Instant next = pool_.NextDeadline();
  if (EventIs(PoolEventKind::kTick)) {
    Require(next > m.now, "after a tick no timer is in the past");
  }
  for (const ModelWaiter& w : m.waiters) {
    Require(next <= w.expires(), "a timer for every limited wait");
  }
  for (const ModelConnection& c : m.connections) {
    if (c.idle()) {
      Require(next <= std::min(m.IdleEnd(c), m.LatestAgeEnd(c)), "a timer for all that lies idle");
    }
  }
  if (!m.waiters.empty() && pool_.Snapshot(m.now).backing_off) {
    Require(next <= m.backoff_latest_end, "a timer for the end of a back-off");
  }
}

void PoolOracles::CheckSnapshot() {
  const PoolModel& m = model_;
  const HostPoolSnapshot s = pool_.Snapshot(m.now);
  Require(s.idle == m.Idle() && s.active == m.Open() - m.Idle(), "snapshot: idle and active");
  Require(s.connecting == m.Dials() && s.draining == m.Draining(), "snapshot: dials, draining");
  Require(s.waiting == m.waiters.size() && s.streams == m.Streams(), "snapshot: waiting, streams");
  std::uint64_t capacity = 0;
  for (const ModelConnection& c : m.connections) capacity += c.open() ? m.Capacity(c) : 0;
  Require(s.stream_limit == capacity, "snapshot: stream limit");
  Require(s.stalled == m.stalled, "snapshot: stalled");
  Require(s.learned_idle_timeout == m.learned_hint, "snapshot: learned idle timeout");
  const ModelConnection* oldest = m.OldestIdle();
  Require(s.oldest_idle_since == (oldest == nullptr ? kNever : oldest->last_used_at),
          "snapshot: oldest idle");
  Require(s.oldest_waiter_since == (m.waiters.empty() ? kNever : m.waiters.front().arrived),
          "snapshot: oldest waiter");
  Require(s.grants_idle == m.totals.grants_idle && s.grants_new == m.totals.grants_new,
          "snapshot: grants");
  Require(
      s.grants_coalesced == m.totals.grants_coalesced && s.grants_stream == m.totals.grants_stream,
      "snapshot: grants");
  Require(s.dials == m.totals.dials && s.dial_failures == m.totals.dial_failures &&
              s.dials_unused == m.totals.dials_unused,
          "snapshot: dials");
  double waited = m.totals.waiter_seconds;
  for (const ModelWaiter& w : m.waiters) waited += ToSeconds(m.now - w.arrived);
  Require(std::abs(s.waiter_seconds - waited) < 1e-6 * (1 + waited), "snapshot: waiter seconds");
  coverage_.grants_idle = s.grants_idle;
  coverage_.grants_new = s.grants_new;
  coverage_.grants_coalesced = s.grants_coalesced;
  coverage_.grants_stream = s.grants_stream;
}

void PoolOracles::AtRest() {
  Require(model_.waiters.empty(), "every wait ends");
  Require(model_.connections.empty(), "every connection ends");
  Require(pool_.NextDeadline() == kNever, "no timer outlives what it was for");
  Require(pool_.Disposable(model_.now), "what is empty may go");
}

}  // namespace spillway
