#include "tests/sim/pool_oracles.h"

#include <utility>
#include <variant>

#include "transport/pool/refusal.h"

namespace spillway {

PoolOracles::PoolOracles(const HostPool& pool, Duration longest_dial, OnViolation on_violation)
    : pool_(pool),
      longest_dial_(longest_dial),
      on_violation_(std::move(on_violation)),
      model_(pool.limits()) {}

void PoolOracles::BeginEvent(const PoolEvent& event) {
  ++coverage_.events[static_cast<std::size_t>(event.kind)];
  was_backing_off_ = pool_.Snapshot(std::max(event.now, model_.now)).backing_off;
  idle_before_ = model_.Idle();
  model_.Begin(event);
  if (model_.stale) {
    ++coverage_.stale_events;
    return;
  }
  backs_off_ = false;
  if (EventIs(PoolEventKind::kDialFailed)) NoteDialFailure();
  if (model_.gave_up) {
    ++coverage_.fruitless;
    NoteBackoff(RefusedAsFruitless());
  }
  // A connection that opens, even one that is not for them, ends the rule about dead origins.
  const bool disturbs = model_.Open() > 0 || model_.stalled || model_.Draining() > 0 ||
                        EventIs(PoolEventKind::kConnected) || EventIs(PoolEventKind::kDialDenied) ||
                        EventIs(PoolEventKind::kClosed) || EventIs(PoolEventKind::kSetLimits);
  for (ModelWaiter& w : model_.waiters) {
    if (disturbs) w.disturbed = true;
    if (w.expires() > model_.now) CheckDeadOrigin(w);
  }
}

void PoolOracles::Check(const Action& action) {
  std::visit(
      [this](const auto& each) {
        using T = std::decay_t<decltype(each)>;
        if constexpr (std::is_same_v<T, DialAction>) CheckDial(each);
        if constexpr (std::is_same_v<T, GrantAction>) CheckGrant(each);
        if constexpr (std::is_same_v<T, FailAction>) CheckFail(each);
        if constexpr (std::is_same_v<T, CloseAction>) CheckClose(each);
      },
      action);
  Require(!model_.stale, "a stale handle reaches nothing");
  model_.Apply(action);
}

void PoolOracles::CheckDial(const DialAction& dial) {
  ++coverage_.dials;
  Require(model_.Find(dial.conn) == nullptr, "a dial has a name of its own");
  Require(!model_.draining, "no dial in a drain");
  Require(!model_.stalled, "no dial while stalled");
  Require(model_.ExpectedDials() < model_.DialsWanted(), "dials never exceed demand");
  Require(model_.Total() < model_.max_connections(), "dials keep to max_connections");
  Require(model_.Dials() < model_.max_dials(), "dials keep to max_dials");
  Require(!pool_.Snapshot(model_.now).backing_off, "no dial during a back-off");
  Require(!model_.failing || model_.ExpectedDials() == 0, "one probe after a failure");
  Require(!model_.Barred(), "no dial beside a connection that allows nothing");
  if (model_.failing) ++coverage_.probes;
  if (model_.waiters.empty()) ++coverage_.ahead_of_need;
}

void PoolOracles::CheckGrant(const GrantAction& grant) {
  ++coverage_.grants;
  const ModelWaiter* waiter = model_.FindWaiter(grant.waiter);
  Require(waiter != nullptr, "a waiter gets one outcome");
  ModelConnection* c = model_.Find(grant.conn);
  Require(c != nullptr && c->open(), "only an open connection is granted");
  Require(c->in_use < c->peer_capacity, "no grant past the peer's capacity");
  Require(c->in_use < std::max(1U, model_.limits.max_streams), "no grant past max_streams");
  Require(model_.limits.max_uses == 0 || c->uses < model_.limits.max_uses,
          "no grant past max_uses");
  Require(c->current && !model_.draining, "no grant of what a flush or drain retired");
  Require(grant.reused == (c->uses > 0), "reused is told truly");
  Require(!waiter->fresh || c->uses == 0, "a fresh connection is a fresh one");
  Require(waiter->expires() > model_.now || waiter->arrived == model_.now,
          "no grant to a waiter whose time has passed");
  Require(waiter->deadline > model_.now, "no grant past a deadline");
  for (const ModelWaiter& other : model_.waiters) {
    if (other.id == waiter->id) break;
    Require(other.fresh && c->uses > 0, "waiters are served in turn");
  }
  if (EventIs(PoolEventKind::kAcquire)) {
    CheckChoice(*c);
  } else if (!EventIs(PoolEventKind::kSetLimits)) {
    Require(model_.event->conn == c->id, "only what came back or grew is granted to waiters");
  }
  const bool lay =
      c->in_use == 0 && (EventIs(PoolEventKind::kAcquire) || EventIs(PoolEventKind::kCapacity) ||
                         EventIs(PoolEventKind::kSetLimits));
  Require(grant.idle_time == (lay ? model_.now - c->last_used_at : Duration::zero()),
          "idle time is told truly");
  if (waiter->fresh) ++coverage_.grants_to_fresh;
}

// Busy below the target, the least loaded first; then idle, the newest first; then busy again.
void PoolOracles::CheckChoice(const ModelConnection& granted) {
  const bool fresh = model_.FindWaiter(model_.event->demand.waiter)->fresh;
  const ModelConnection* shared = fresh ? nullptr : model_.NextShared();
  if (granted.in_use > 0) {
    Require(shared != nullptr && shared->id == granted.id,
            "busy with room: the least loaded first");
    bool less_loaded = false;
    bool more_loaded = false;
    for (const ModelConnection& other : model_.connections) {
      if (other.in_use == 0 || !model_.HasRoom(other)) continue;
      less_loaded = less_loaded || other.in_use < granted.in_use;
      more_loaded = more_loaded || other.in_use > granted.in_use;
    }
    coverage_.passed_over += less_loaded ? 1 : 0;
    coverage_.spread += more_loaded && !less_loaded ? 1 : 0;
    if (granted.in_use < model_.target_streams()) return;
    for (const ModelConnection& other : model_.connections) {
      Require(!other.idle() || !model_.HasRoom(other), "at the target the idle are woken");
    }
    return;
  }
  Require(shared == nullptr || shared->in_use >= model_.target_streams(),
          "busy with room comes before idle");
  if (shared != nullptr) ++coverage_.woken;
  CheckNewestIdle(granted);
}

void PoolOracles::CheckNewestIdle(const ModelConnection& granted) {
  const bool fresh = model_.FindWaiter(model_.event->demand.waiter)->fresh;
  Require(!model_.Overdue(granted), "nothing too old is granted");
  for (const ModelConnection& other : model_.connections) {
    if (other.id == granted.id) continue;
    if (!other.idle() || !model_.HasRoom(other) || (fresh && other.uses > 0)) continue;
    Require(other.last_used_order < granted.last_used_order, "idle: the newest first");
  }
}

void PoolOracles::CheckFail(const FailAction& fail) {
  const ModelWaiter* waiter = model_.FindWaiter(fail.waiter);
  Require(waiter != nullptr, "a waiter gets one outcome");
  const Failure& why = *fail.why;
  ++coverage_.fails[static_cast<std::size_t>(why.reason)];
  Require(why.delivery == Delivery::kNotSent, "what waited was not sent");
  const bool arrives =
      EventIs(PoolEventKind::kAcquire) && model_.event->demand.waiter == fail.waiter;
  CheckDeadOrigin(*waiter);
  if (IsLastDialFailure(why)) {
    CheckDialFailureReaches(*waiter);
    Require(!pool_.Snapshot(model_.now).backing_off ||
                (why.retry_at > model_.now && why.retry_at <= model_.backoff_latest_end),
            "a dial failure says when the next dial may start");
    return;
  }
  Require(why.phase == Phase::kQueue, "the pool's refusals are of phase queue");
  switch (why.reason) {
    case Reason::kDeadlineExceeded:
      Require(model_.now >= waiter->deadline && waiter->deadline <= waiter->queue_end &&
                  why.source == Source::kCaller,
              "a deadline fails who is past it");
      return;
    case Reason::kPoolQueueTimeout:
      Require(model_.now >= waiter->queue_end && why.source == Source::kPool,
              "a queue timeout fails who is past it");
      return;
    case Reason::kPoolQueueFull:
      Require(arrives && model_.waiters.size() > model_.limits.max_waiters,
              "the queue is full at its limit");
      return;
    case Reason::kDraining:
      Require(model_.draining, "draining is told in a drain");
      return;
    default:
      Require(false, "a failure that the pool knows");
  }
}

// But for retry_at, which is the pool's word.
bool PoolOracles::IsLastDialFailure(const Failure& why) const {
  const auto& last = model_.last_failure;
  return last != nullptr && why.reason == last->reason && why.source == last->source &&
         why.phase == last->phase && why.message == last->message;
}

void PoolOracles::CheckDialFailureReaches(const ModelWaiter& waiter) {
  const auto& share = model_.dialled_for;
  if (std::find(share.begin(), share.end(), waiter.id) != share.end()) return;
  const bool arrives = EventIs(PoolEventKind::kAcquire) && model_.event->demand.waiter == waiter.id;
  Require(arrives || model_.ExpectedDials() == 0, "who has a dial to wait for waits");
  Require(waiter.fresh || model_.Open() == 0, "who has a connection to wait for waits");
  Require(EventIs(PoolEventKind::kDialFailed) || pool_.Snapshot(model_.now).backing_off,
          "a dial failure is told during the back-off");
  if (EventIs(PoolEventKind::kDialFailed)) ++coverage_.stranded;
}

void PoolOracles::CheckDeadOrigin(const ModelWaiter& waiter) {
  if (waiter.disturbed || longest_dial_ == kForever) return;
  ++coverage_.dead_origin_waits;
  Require(model_.now - waiter.dialled_for_since <= longest_dial_,
          "with a dead origin every wait ends within one dial time");
}

void PoolOracles::CheckClose(const CloseAction& close) {
  const ModelConnection* c = model_.Find(close.conn);
  Require(c != nullptr, "a connection closes once");
  Require(c->in_use == 0, "no connection closes under an exchange");
  ++coverage_.closes[static_cast<std::size_t>(close.why)];
  const bool aged = close.why == CloseReason::kMaxAge && model_.now >= model_.EarliestAgeEnd(*c);
  if (c->open()) {
    Require(aged || MayCloseIdle(*c, close.why), "a connection closes for its true reason");
  } else {
    Require(c->state == ModelConnection::State::kDraining, "a dial is never closed");
    Require(aged || close.why == c->retired_for, "a retired connection closes for that reason");
  }
}

bool PoolOracles::MayCloseIdle(const ModelConnection& c, CloseReason why) {
  if (why == CloseReason::kIdleTimeout || why == CloseReason::kLearnedIdle) {
    return model_.IdleLimit(c).second == why && model_.now >= model_.IdleEnd(c);
  }
  if (why == CloseReason::kLru) return MayCloseAsSurplus(c);
  if (why == CloseReason::kSurplus) return model_.surplus_expected && model_.event->conn == c.id;
  return why == CloseReason::kFlushed && EventIs(PoolEventKind::kCloseIdle);
}

bool PoolOracles::MayCloseAsSurplus(const ModelConnection& c) {
  const bool over_limit = model_.Total() > model_.max_connections();
  const bool is_oldest = model_.OldestIdle()->id == c.id;
  if (EventIs(PoolEventKind::kEvict) && is_oldest && model_.closes == 0) return true;
  const bool over_idle = !c.multiplexed && model_.SingleIdle() > model_.limits.max_idle;
  if (EventIs(PoolEventKind::kSetLimits)) {
    if (over_limit && is_oldest) return true;
    if (over_idle && model_.OldestSingleIdle()->id == c.id) return true;
  }
  if (model_.event->conn == c.id && (over_limit || over_idle)) {
    return true;  // the one that comes back is the one that goes
  }
  const bool gives_way = model_.Fresh() > 0 && model_.Total() >= model_.max_connections() &&
                         model_.ExpectedDials() < model_.DialsWanted() &&
                         model_.OldestUsedIdle()->id == c.id;
  if (gives_way) ++coverage_.gave_way_to_fresh;
  return gives_way;
}

}  // namespace spillway
