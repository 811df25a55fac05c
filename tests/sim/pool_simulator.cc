#include "tests/sim/pool_simulator.h"

#include <memory>
#include <string>
#include <variant>

namespace spillway {

PoolSimulator::PoolSimulator(std::uint64_t seed, PoolOracles::OnViolation on_violation)
    : random_(seed),
      scenario_(DrawPoolScenario(random_)),
      calm_at_(time_.now() + scenario_.stormy),
      on_violation_(std::move(on_violation)),
      pool_(scenario_.limits, seed, scenario_.longest_dial + kMostLag, on_violation_) {}

void PoolSimulator::Run() {
  ScheduleBurst(scenario_.bursts);
  ScheduleSurroundings();
  time_.At(calm_at_, [this] { CalmDown(); });
  std::uint64_t steps = 0;
  while (time_.Step()) {
    if (++steps > kMostSteps) on_violation_("a calm pool comes to rest");
  }
  pool_.oracles().AtRest();
}

PoolEvent PoolSimulator::About(PoolEventKind kind, ConnId conn) const {
  PoolEvent event;
  event.kind = kind;
  event.conn = conn;
  return event;
}

void PoolSimulator::Handle(PoolEvent event) {
  event.now = time_.now();
  if (Fault(scenario_.lagging)) event.now -= random_.Millis(1, 3);
  if (tail_.size() == kTail) tail_.pop_front();
  tail_.emplace_back(event, Actions{});
  ++event_count_;
  tail_.back().second = pool_.Handle(event);
  React(tail_.back().second);
  ScheduleTick();
}

void PoolSimulator::React(const Actions& actions) {
  for (const Action& action : actions) {
    if (const auto* dial = std::get_if<DialAction>(&action)) {
      StartDial(dial->conn);
    } else if (const auto* grant = std::get_if<GrantAction>(&action)) {
      StartExchange(grant->conn);
    } else if (const auto* close = std::get_if<CloseAction>(&action)) {
      gone_.push_back(close->conn);
    }
  }
}

// --- Callers ---

void PoolSimulator::ScheduleBurst(unsigned left) {
  if (left == 0 || !stormy()) return;
  time_.In(random_.Millis(0, 80), [this, left] {
    const auto size = random_.Between(1, scenario_.burst_size);
    for (std::uint64_t i = 0; i < size; ++i) {
      // Most of a burst at one instant, the rest close behind.
      time_.In(random_.Percent(70) ? Duration::zero() : random_.Millis(0, 5), [this] { Arrive(); });
    }
    ScheduleBurst(left - 1);
  });
}

void PoolSimulator::Arrive() {
  PoolEvent event = About(PoolEventKind::kAcquire);
  event.demand.waiter = ++last_waiter_;
  event.demand.fresh_connection = random_.Percent(scenario_.fresh);
  if (!random_.Percent(scenario_.without_deadline)) {
    event.demand.deadline = After(time_.now(), random_.Millis(0, 200));
  }
  const WaiterId waiter = event.demand.waiter;
  Handle(event);
  if (!Fault(scenario_.cancelled)) return;
  time_.In(random_.Millis(0, 60), [this, waiter] {
    PoolEvent cancel = About(PoolEventKind::kCancel);
    cancel.demand.waiter = waiter;
    Handle(cancel);
  });
}

// --- Dials ---

void PoolSimulator::StartDial(ConnId conn) {
  if (Fault(scenario_.denied)) {
    time_.In(Duration::zero(), [this, conn] { Deny(conn); });
    return;
  }
  if (Fault(outage_ ? 100 : scenario_.unanswered / 4)) {
    time_.In(scenario_.longest_dial, [this, conn] { EndDial(conn, false); });
    return;
  }
  const bool refused = Fault(scenario_.refused);
  const auto most = static_cast<std::uint64_t>(scenario_.longest_dial / milliseconds(1));
  time_.In(random_.Millis(0, stormy() ? most : 3),
           [this, conn, refused] { EndDial(conn, !refused); });
}

void PoolSimulator::EndDial(ConnId conn, bool connects) {
  if (Fault(scenario_.broken / 5)) {
    Handle(About(PoolEventKind::kClosed, conn));  // the shell gave the dial up
    return;
  }
  PoolEvent event = About(connects ? PoolEventKind::kConnected : PoolEventKind::kDialFailed, conn);
  if (connects) {
    event.capacity = DrawCapacity();
  } else {
    gone_.push_back(conn);
    Failure why;
    why.reason = Reason::kConnectionRefused;
    why.phase = Phase::kConnect;
    event.why = std::make_shared<const Failure>(why);
  }
  Handle(event);
}

void PoolSimulator::Deny(ConnId conn) {
  Handle(About(PoolEventKind::kDialDenied, conn));
  time_.In(random_.Millis(0, 60), [this] { Handle(About(PoolEventKind::kDialAllowed)); });
}

std::uint32_t PoolSimulator::DrawCapacity() {
  if (!scenario_.many_streams) return 1;
  return static_cast<std::uint32_t>(random_.Between(stormy() ? 0 : 1, 5));
}

// --- Exchanges ---

void PoolSimulator::StartExchange(ConnId conn) {
  const auto most = static_cast<std::uint64_t>(scenario_.longest_exchange / milliseconds(1));
  time_.In(random_.Millis(0, most), [this, conn] { EndExchange(conn); });
}

void PoolSimulator::EndExchange(ConnId conn) {
  // The connection may have died under the exchange; then its end is a stale one.
  if (pool_.model().Find(conn) != nullptr && Fault(scenario_.broken)) {
    gone_.push_back(conn);
    Handle(About(PoolEventKind::kClosed, conn));
    return;
  }
  if (Fault(scenario_.given_back_unused)) {
    Handle(About(PoolEventKind::kReleaseUnused, conn));
    return;
  }
  if (Fault(scenario_.going_away)) return AnswerWithGoAway(conn);
  PoolEvent event = About(PoolEventKind::kRelease, conn);
  event.verdict = DrawVerdict();
  Handle(event);
}

// The connection may hear of it before the exchange does, or the other way round.
void PoolSimulator::AnswerWithGoAway(ConnId conn) {
  PoolEvent release = About(PoolEventKind::kRelease, conn);
  release.verdict = {.reusable = false, .why_not = CloseReason::kGoAway};
  const bool exchange_first = random_.Percent(50);
  if (exchange_first) Handle(release);
  Handle(About(PoolEventKind::kGoAway, conn));
  if (!exchange_first) Handle(release);
}

ReleaseVerdict PoolSimulator::DrawVerdict() {
  ReleaseVerdict verdict;
  verdict.reusable = !Fault(scenario_.not_reusable);
  verdict.why_not =
      random_.Pick({CloseReason::kOriginClose, CloseReason::kError, CloseReason::kCancelled});
  if (random_.Percent(scenario_.hinted)) {
    verdict.idle_hint = random_.Pick({milliseconds(0), milliseconds(10), milliseconds(15),
                                      milliseconds(60), milliseconds(5000)});
  }
  return verdict;
}

// --- Origin and operator ---

void PoolSimulator::ScheduleSurroundings() {
  Scatter(scenario_.idle_closes, &PoolSimulator::CloseSomeIdle);
  Scatter(scenario_.goaways, &PoolSimulator::SendGoAway);
  Scatter(scenario_.capacity_changes, &PoolSimulator::ChangeCapacity);
  Scatter(scenario_.outages, &PoolSimulator::ToggleOutage);
  Scatter(scenario_.flushes, &PoolSimulator::Flush);
  Scatter(scenario_.retirements, &PoolSimulator::RetireOne);
  Scatter(scenario_.idle_purges, &PoolSimulator::PurgeIdle);
  Scatter(scenario_.evictions, &PoolSimulator::Evict);
  Scatter(scenario_.stale_handles, &PoolSimulator::UseStaleHandle);
  Scatter(scenario_.changes_limits ? 3 : 0, &PoolSimulator::ChangeLimits);
  Scatter(scenario_.drains ? 1 : 0, &PoolSimulator::Drain);
}

void PoolSimulator::Scatter(unsigned times, void (PoolSimulator::*act)()) {
  const auto most = static_cast<std::uint64_t>(scenario_.stormy / milliseconds(1));
  for (unsigned i = 0; i < times; ++i) {
    time_.In(random_.Millis(0, most - 1), [this, act] { (this->*act)(); });
  }
}

const ModelConnection* PoolSimulator::SomeConnection(bool idle) {
  std::vector<const ModelConnection*> found;
  for (const ModelConnection& c : pool_.model().connections) {
    if (!idle || c.idle()) found.push_back(&c);
  }
  return found.empty() ? nullptr : found[random_.Below(found.size())];
}

void PoolSimulator::CloseSomeIdle() {
  const ModelConnection* c = SomeConnection(true);
  if (c == nullptr) return;
  gone_.push_back(c->id);
  Handle(About(PoolEventKind::kClosed, c->id));
}

void PoolSimulator::SendGoAway() {
  const ModelConnection* c = SomeConnection(false);
  if (c == nullptr) return;
  const ConnId conn = c->id;
  Handle(About(PoolEventKind::kGoAway, conn));
  if (random_.Percent(50)) return;  // one step; else the second one names the last stream
  time_.In(random_.Millis(0, 20), [this, conn] { Handle(About(PoolEventKind::kGoAway, conn)); });
}

CloseReason PoolSimulator::DrawReason() {
  return random_.Pick({CloseReason::kFlushed, CloseReason::kPolicyChanged,
                       CloseReason::kCertRotated, CloseReason::kAddressGone});
}

void PoolSimulator::Flush() {
  PoolEvent event = About(PoolEventKind::kFlush);
  event.reason = DrawReason();
  Handle(event);
}

void PoolSimulator::RetireOne() {
  const ModelConnection* c = SomeConnection(false);
  if (c == nullptr) return;
  PoolEvent event = About(PoolEventKind::kRetire, c->id);
  event.reason = DrawReason();
  Handle(event);
}

void PoolSimulator::ChangeCapacity() {
  const ModelConnection* c = SomeConnection(false);
  if (c == nullptr) return;
  PoolEvent event = About(PoolEventKind::kCapacity, c->id);
  event.capacity = DrawCapacity();
  Handle(event);
}

void PoolSimulator::ToggleOutage() { outage_ = !outage_; }

void PoolSimulator::ChangeLimits() {
  PoolEvent event = About(PoolEventKind::kSetLimits);
  event.limits = DrawPoolLimits(random_, false);
  Handle(event);
}

void PoolSimulator::UseStaleHandle() {
  if (gone_.empty()) return;
  PoolEvent event =
      About(random_.Pick({PoolEventKind::kConnected, PoolEventKind::kDialFailed,
                          PoolEventKind::kDialDenied, PoolEventKind::kCapacity,
                          PoolEventKind::kGoAway, PoolEventKind::kClosed, PoolEventKind::kRelease,
                          PoolEventKind::kReleaseUnused, PoolEventKind::kRetire}),
            gone_[random_.Below(gone_.size())]);
  event.capacity = 1;
  event.verdict.reusable = true;
  event.why = std::make_shared<const Failure>();
  Handle(event);
}

void PoolSimulator::CalmDown() {
  outage_ = false;
  Handle(About(PoolEventKind::kDialAllowed));
}

// --- The shell's timer ---

void PoolSimulator::ScheduleTick() {
  const Instant next = pool_.pool().NextDeadline();
  if (next >= tick_at_) return;
  tick_at_ = next;
  const Duration late = Fault(scenario_.late_ticks) ? random_.Millis(1, 20) : Duration::zero();
  time_.At(After(next, late), [this, next] { OnTimer(next); });
}

void PoolSimulator::OnTimer(Instant scheduled_for) {
  if (scheduled_for != tick_at_) return;  // an earlier one took its place
  tick_at_ = kNever;
  Handle(About(PoolEventKind::kTick));
}

void PoolSimulator::PrintTail(std::FILE* out) const {
  for (const auto& [event, actions] : tail_) {
    std::fprintf(out, "%s\n", Text(event).c_str());
    for (const Action& action : actions) std::fprintf(out, "    %s\n", Text(action).c_str());
  }
}

}  // namespace spillway
