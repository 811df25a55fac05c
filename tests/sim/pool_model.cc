#include "tests/sim/pool_model.h"

#include <utility>
#include <variant>

namespace spillway {
namespace {

using State = ModelConnection::State;

// So many fruitless connections in a row are no accident.
constexpr std::uint32_t kFruitlessBeforeBackoff = 3;

template <typename Things, typename Predicate>
std::uint32_t Count(const Things& things, Predicate predicate) {
  return static_cast<std::uint32_t>(std::count_if(things.begin(), things.end(), predicate));
}

}  // namespace

ModelConnection* PoolModel::Find(ConnId id) {
  for (ModelConnection& c : connections) {
    if (c.id == id) return &c;
  }
  return nullptr;
}

ModelWaiter* PoolModel::FindWaiter(WaiterId id) {
  for (ModelWaiter& w : waiters) {
    if (w.id == id) return &w;
  }
  return nullptr;
}

void PoolModel::Begin(const PoolEvent& e) {
  event = &e;
  closes = 0;
  surplus_expected = gave_up = false;
  stale = !Reaches(e);
  if (stale) return;  // not even time passes by it
  now = std::max(now, e.now);
  switch (e.kind) {
    case PoolEventKind::kAcquire:
      return BeginAcquire();
    case PoolEventKind::kCancel: {
      const ModelWaiter* w = FindWaiter(e.demand.waiter);
      cancel_expected = w != nullptr && w->expires() > now;
      if (cancel_expected) EndWait(e.demand.waiter);
      return;
    }
    case PoolEventKind::kDialAllowed:
      stalled = false;
      return;
    case PoolEventKind::kTick:
    case PoolEventKind::kEvict:
    case PoolEventKind::kCloseIdle:
      return;
    case PoolEventKind::kFlush:
    case PoolEventKind::kDrain:
    case PoolEventKind::kSetLimits:
      return BeginAll();
    default:
      return BeginConnection();
  }
}

bool PoolModel::Reaches(const PoolEvent& e) {
  const ModelConnection* c = Find(e.conn);
  switch (e.kind) {
    case PoolEventKind::kConnected:
    case PoolEventKind::kDialFailed:
    case PoolEventKind::kDialDenied:
      return c != nullptr && c->state == State::kDialling;
    case PoolEventKind::kGoAway:
      return c != nullptr && c->open();
    case PoolEventKind::kRetire:
      return c != nullptr && (c->open() || (c->state == State::kDialling && c->current));
    case PoolEventKind::kCapacity:
    case PoolEventKind::kRelease:
    case PoolEventKind::kReleaseUnused:
      return c != nullptr && c->state != State::kDialling;
    case PoolEventKind::kClosed:
      return c != nullptr;
    default:
      return true;
  }
}

void PoolModel::BeginAcquire() {
  const Demand& demand = event->demand;
  // An aged connection that would be next to share takes no new exchanges.
  while (!draining && demand.deadline > now && !demand.fresh_connection) {
    ModelConnection* next = NextShared();
    if (next == nullptr || now < LatestAgeEnd(*next)) break;
    Retire(*next, CloseReason::kMaxAge);
  }
  ModelWaiter waiter;
  waiter.id = demand.waiter;
  waiter.fresh = demand.fresh_connection;
  waiter.arrived = waiter.dialled_for_since = now;
  waiter.deadline = demand.deadline;
  waiter.queue_end = After(now, std::max(limits.queue_timeout, Duration::zero()));
  waiters.push_back(waiter);
}

void PoolModel::BeginConnection() {
  const PoolEvent& e = *event;
  ModelConnection* c = Find(e.conn);
  switch (e.kind) {
    case PoolEventKind::kConnected:
      return BeginConnected(*c);
    case PoolEventKind::kDialDenied:
      --totals.dials;
      stalled = !draining;
      Forget(e.conn);
      return;
    case PoolEventKind::kDialFailed:
      ++totals.dial_failures;
      Forget(e.conn);
      return;
    case PoolEventKind::kClosed:
      if (c->idle() && c->uses == 0 && Capacity(*c) == 0 && SomebodyWaits()) NoteFruitless(*c);
      Forget(e.conn);
      return;
    case PoolEventKind::kGoAway:
      NoteFruitless(*c);
      Retire(*c, CloseReason::kGoAway);
      return;
    case PoolEventKind::kRetire:
      if (c->open()) return Retire(*c, e.reason);
      c->current = false;
      c->retired_for = e.reason;
      for (ModelWaiter& w : waiters) w.dialled_for_since = now;
      return;
    case PoolEventKind::kCapacity:
      c->peer_capacity = e.capacity;
      if (c->open()) known_capacity = e.capacity;
      if (e.capacity != 1) c->multiplexed = true;
      RetireIfWorn(*c);
      return;
    default:
      return BeginRelease(*c);
  }
}

void PoolModel::BeginConnected(ModelConnection& c) {
  c.state = State::kOpen;
  c.peer_capacity = event->capacity;
  c.multiplexed = event->capacity != 1;
  c.opened_at = c.last_used_at = now;
  c.last_used_order = ++order_;
  known_capacity = event->capacity;
  if (fruitless < kFruitlessBeforeBackoff) {
    failing = false;
    failures = 0;
  }
  if (draining || !c.current) {
    Retire(c, draining ? CloseReason::kDrain : c.retired_for);
  } else {
    surplus_expected = Superfluous(c);
  }
}

void PoolModel::NoteFruitless(const ModelConnection& c) {
  if (c.served) return;
  gave_up = ++fruitless >= kFruitlessBeforeBackoff;
}

void PoolModel::NoteServed(ModelConnection& c) {
  c.served = true;
  if (fruitless >= kFruitlessBeforeBackoff) {
    failing = false;
    failures = 0;
  }
  fruitless = 0;
}

bool PoolModel::SomebodyWaits() const {
  return Count(waiters, [this](const auto& w) { return w.expires() > now; }) > 0;
}

void PoolModel::BeginRelease(ModelConnection& c) {
  --c.in_use;
  if (event->kind == PoolEventKind::kReleaseUnused) {
    --c.uses;
  } else {
    c.last_used_at = now;
    c.last_used_order = ++order_;
    if (event->verdict.idle_hint) {
      c.hint = std::max(*event->verdict.idle_hint, Duration::zero());
      learned_hint = *c.hint;
    }
    const ReleaseVerdict& verdict = event->verdict;
    if (verdict.reusable || verdict.why_not == CloseReason::kOriginClose) NoteServed(c);
    if (!verdict.reusable) {
      if (c.open() && verdict.why_not == CloseReason::kGoAway) NoteFruitless(c);
      Retire(c, verdict.why_not);
    }
  }
  RetireIfWorn(c);
}

void PoolModel::BeginAll() {
  if (event->kind == PoolEventKind::kSetLimits) limits = event->limits;
  if (event->kind == PoolEventKind::kDrain) {
    draining = true;
    stalled = false;
  }
  for (ModelConnection& c : connections) {
    if (event->kind == PoolEventKind::kSetLimits) {
      RetireIfWorn(c);
    } else {
      Retire(c, event->kind == PoolEventKind::kDrain ? CloseReason::kDrain : event->reason);
    }
    if (event->kind == PoolEventKind::kFlush) {
      if (c.state == State::kDialling && c.current) c.retired_for = event->reason;
      c.current = false;
    }
  }
  if (event->kind == PoolEventKind::kFlush) {
    for (ModelWaiter& w : waiters) w.dialled_for_since = now;
  }
}

void PoolModel::Retire(ModelConnection& c, CloseReason why) {
  if (!c.open()) return;
  c.state = State::kDraining;
  c.retired_for = why;
}

void PoolModel::RetireIfWorn(ModelConnection& c) {
  if (now >= LatestAgeEnd(c)) Retire(c, CloseReason::kMaxAge);
  if (limits.max_uses != 0 && c.uses >= limits.max_uses) Retire(c, CloseReason::kMaxUses);
  if (c.hint == Duration::zero()) Retire(c, CloseReason::kLearnedIdle);
}

void PoolModel::Apply(const Action& action) {
  if (const auto* dial = std::get_if<DialAction>(&action)) {
    ModelConnection c;
    c.id = dial->conn;
    connections.push_back(c);
    ++totals.dials;
  } else if (const auto* grant = std::get_if<GrantAction>(&action)) {
    ModelConnection& c = *Find(grant->conn);
    ++GrantTotal(c);
    ++c.in_use;
    ++c.uses;
    EndWait(grant->waiter);
  } else if (const auto* fail = std::get_if<FailAction>(&action)) {
    EndWait(fail->waiter);
  } else if (const auto* close = std::get_if<CloseAction>(&action)) {
    ++closes;
    Forget(close->conn);
  }
}

std::uint64_t& PoolModel::GrantTotal(const ModelConnection& c) {
  if (c.in_use > 0) return totals.grants_stream;
  if (event->kind == PoolEventKind::kConnected) return totals.grants_new;
  const bool returned =
      event->kind == PoolEventKind::kRelease || event->kind == PoolEventKind::kReleaseUnused;
  return returned ? totals.grants_coalesced : totals.grants_idle;
}

void PoolModel::Forget(ConnId id) {
  const ModelConnection& c = *Find(id);
  if (c.state != State::kDialling && c.uses == 0) ++totals.dials_unused;
  std::erase_if(connections, [id](const ModelConnection& each) { return each.id == id; });
}

void PoolModel::EndWait(WaiterId id) {
  const ModelWaiter& waiter = *FindWaiter(id);
  totals.waiter_seconds += ToSeconds(now - waiter.arrived);
  std::erase_if(waiters, [id](const ModelWaiter& each) { return each.id == id; });
}

}  // namespace spillway
