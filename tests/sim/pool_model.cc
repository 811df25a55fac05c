#include "tests/sim/pool_model.h"

#include <utility>
#include <variant>

namespace spillway {
namespace {

using State = ModelConnection::State;

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
    ModelConnection* next = nullptr;
    for (ModelConnection& c : connections) {
      if (c.shared_order > 0 && (next == nullptr || c.shared_order > next->shared_order)) next = &c;
    }
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
      c->state = State::kOpen;
      c->capacity = e.capacity;
      c->opened_at = c->last_used_at = now;
      c->last_used_order = ++order_;
      known_capacity = std::max(e.capacity, 1U);
      failing = false;
      failures = 0;
      if (draining || !c->current) {
        Retire(*c, draining ? CloseReason::kDrain : CloseReason::kFlushed);
      }
      return;
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
      Forget(e.conn);
      return;
    case PoolEventKind::kGoAway:
      Retire(*c, CloseReason::kGoAway);
      return;
    case PoolEventKind::kCapacity:
      c->capacity = e.capacity;
      if (c->open()) known_capacity = std::max(e.capacity, 1U);
      RetireIfWorn(*c);
      return;
    default:
      return BeginRelease(*c);
  }
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
    if (!event->verdict.reusable) Retire(c, event->verdict.why_not);
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
      Retire(c, draining ? CloseReason::kDrain : CloseReason::kFlushed);
    }
    if (event->kind == PoolEventKind::kFlush) c.current = false;
  }
  if (event->kind == PoolEventKind::kFlush) {
    for (ModelWaiter& w : waiters) w.dialled_for_since = now;
  }
}

void PoolModel::Retire(ModelConnection& c, CloseReason why) {
  if (!c.open()) return;
  c.state = State::kDraining;
  c.retired_for = why;
  c.shared_order = 0;
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

void PoolModel::Finish() {
  std::vector<ModelConnection*> now_shared;
  for (ModelConnection& c : connections) {
    const bool shared = c.in_use > 0 && HasRoom(c);
    if (!shared) c.shared_order = 0;
    if (shared && c.shared_order == 0) now_shared.push_back(&c);
  }
  // Several at once only by new limits, which are applied slot by slot.
  std::sort(now_shared.begin(), now_shared.end(),
            [](const auto* a, const auto* b) { return a->id.slot < b->id.slot; });
  for (ModelConnection* c : now_shared) c->shared_order = ++order_;
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

std::pair<Duration, CloseReason> PoolModel::IdleLimit(const ModelConnection& c) const {
  if (c.hint) {
    const Duration left = *c.hint - limits.keep_alive_margin;
    if (left < limits.idle_timeout) return {left, CloseReason::kLearnedIdle};
  }
  return {limits.idle_timeout, CloseReason::kIdleTimeout};
}

Instant PoolModel::IdleEnd(const ModelConnection& c) const {
  return After(c.last_used_at, std::max(IdleLimit(c).first, Duration::zero()));
}

Instant PoolModel::EarliestAgeEnd(const ModelConnection& c) const {
  if (limits.max_age == kForever) return kNever;
  const double least = static_cast<double>(limits.max_age.count()) * (1 - limits.max_age_jitter);
  return After(c.opened_at, Duration(static_cast<Duration::rep>(least)));
}

std::uint32_t PoolModel::Idle() const {
  return Count(connections, [](const auto& c) { return c.idle(); });
}
std::uint32_t PoolModel::Open() const {
  return Count(connections, [](const auto& c) { return c.open(); });
}
std::uint32_t PoolModel::Dials() const {
  return Count(connections, [](const auto& c) { return c.state == State::kDialling; });
}
std::uint32_t PoolModel::ExpectedDials() const {
  return Count(connections, [](const auto& c) { return c.state == State::kDialling && c.current; });
}
std::uint32_t PoolModel::Draining() const {
  return Count(connections, [](const auto& c) { return c.state == State::kDraining; });
}
std::uint32_t PoolModel::Streams() const {
  std::uint32_t streams = 0;
  for (const ModelConnection& c : connections) streams += c.in_use;
  return streams;
}
std::uint32_t PoolModel::Fresh() const {
  return Count(waiters, [](const auto& w) { return w.fresh; });
}

std::uint64_t PoolModel::DialsWanted() const {
  const std::uint64_t sharing = waiters.size() - Fresh();
  return Fresh() + (sharing + known_capacity - 1) / known_capacity;
}

std::vector<WaiterId> PoolModel::ShareOfOneDial() const {
  std::vector<WaiterId> share;
  bool alone = false;
  for (const ModelWaiter& w : waiters) {
    if (w.expires() <= now) continue;
    if (share.empty()) alone = w.fresh;
    if (share.empty() || (!alone && !w.fresh && share.size() < known_capacity)) {
      share.push_back(w.id);
    }
  }
  return share;
}

const ModelConnection* PoolModel::OldestIdle() const {
  const ModelConnection* oldest = nullptr;
  for (const ModelConnection& c : connections) {
    if (!c.idle()) continue;
    if (oldest == nullptr || c.last_used_order < oldest->last_used_order) oldest = &c;
  }
  return oldest;
}

const ModelConnection* PoolModel::OldestUsedIdle() const {
  const ModelConnection* oldest = nullptr;
  for (const ModelConnection& c : connections) {
    if (!c.idle() || c.uses == 0 || !HasRoom(c)) continue;
    if (oldest == nullptr || c.last_used_order < oldest->last_used_order) oldest = &c;
  }
  return oldest;
}

}  // namespace spillway
