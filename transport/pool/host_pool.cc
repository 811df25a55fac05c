#include "transport/pool/host_pool.h"

#include <utility>

#include "transport/base/check.h"
#include "transport/pool/jitter.h"
#include "transport/pool/refusal.h"

namespace spillway {

HostPool::HostPool(const PoolLimits& limits, std::uint64_t jitter_seed,
                   std::uint32_t expected_capacity)
    : limits_(limits),
      jitter_seed_(jitter_seed),
      backoff_(jitter_seed),
      known_capacity_(expected_capacity) {}

Instant HostPool::Advance(Instant now, Actions& actions) {
  last_now_ = std::max(last_now_, now);
  if (waiters_.NextExpiry() <= last_now_) ExpireWaiters(last_now_, actions);
  backoff_.Advance(last_now_);
  return last_now_;
}

// --- Connections come ---

void HostPool::OnConnected(ConnId conn, std::uint32_t capacity, Instant now, Actions& actions) {
  ConnEntry* c = table_.Find(conn);
  if (c == nullptr || c->state != ConnState::kConnecting) return;
  now = Advance(now, actions);
  if (fruitless_ < kFruitlessBeforeBackoff) backoff_.Clear();
  known_capacity_ = capacity;
  const bool disowned = !c->expected;
  table_.Open(*c);
  table_.SetCapacity(*c, capacity, MaxStreams());
  c->opened_at = now;
  SetAgeEnd(*c);
  table_.Touch(*c, now);
  if (draining_ || disowned) {
    Close(*c, draining_ ? CloseReason::kDrain : c->retired_for, actions);
  } else if (Superfluous(*c)) {
    Close(*c, CloseReason::kSurplus, actions);
  } else {
    Offer(*c, totals_.grants_new, now, actions);
  }
  Settle(now, actions);
}

void HostPool::OnCapacity(ConnId conn, std::uint32_t capacity, Instant now, Actions& actions) {
  ConnEntry* c = table_.Find(conn);
  if (c == nullptr || c->state == ConnState::kConnecting) return;
  now = Advance(now, actions);
  table_.SetCapacity(*c, capacity, MaxStreams());
  if (c->state == ConnState::kOpen) {
    known_capacity_ = capacity;
    Reconsider(*c, totals_.grants_idle, now, actions);
  }
  Settle(now, actions);
}

// Go closes every connection to an HTTP/2 origin that comes up second (H5). That throws a handshake
// away which a busy key wants back at once, so here the others must have room to spare: twice the
// exchanges now running would still find each of them below its target.
bool HostPool::Superfluous(const ConnEntry& c) const {
  if (!c.multiplexed || !waiters_.empty()) return false;
  if (table_.LeastLoaded() == nullptr && table_.NewestIdle() == nullptr) return false;
  const std::uint64_t others = table_.multiplexed_open_count() - 1;
  return std::uint64_t{table_.open_streams()} * 2 < others * TargetStreams();
}

// --- Connections return ---

void HostPool::Release(ConnId conn, const ReleaseVerdict& verdict, Instant now, Actions& actions) {
  ConnEntry* c = table_.Find(conn);
  if (c == nullptr) return;
  now = Advance(now, actions);
  SPILLWAY_CHECK_NOTE(c->in_use > 0, "released more often than granted");
  table_.EndUse(*c);
  table_.Touch(*c, now);
  if (verdict.idle_hint) {
    c->idle_hint = std::max(*verdict.idle_hint, Duration::zero());
    learned_idle_timeout_ = *c->idle_hint;
  }
  if (verdict.reusable || verdict.why_not == CloseReason::kOriginClose) NoteServed(*c);
  if (c->state == ConnState::kDraining) {
    if (c->in_use == 0) Close(*c, c->retired_for, actions);
  } else if (!verdict.reusable) {
    if (verdict.why_not == CloseReason::kGoAway) NoteFruitless(*c, now);
    Retire(*c, verdict.why_not, actions);
  } else if (const auto why = WornOut(*c, now)) {
    Retire(*c, *why, actions);
  } else {
    Offer(*c, totals_.grants_coalesced, now, actions);
  }
  Settle(now, actions);
}

void HostPool::ReleaseUnused(ConnId conn, Instant now, Actions& actions) {
  ConnEntry* c = table_.Find(conn);
  if (c == nullptr) return;
  now = Advance(now, actions);
  SPILLWAY_CHECK_NOTE(c->in_use > 0 && c->uses > 0, "released more often than granted");
  table_.EndUse(*c);
  --c->uses;
  if (c->state == ConnState::kDraining) {
    if (c->in_use == 0) Close(*c, c->retired_for, actions);
  } else {
    Reconsider(*c, totals_.grants_coalesced, now, actions);
  }
  Settle(now, actions);
}

void HostPool::Reconsider(ConnEntry& c, std::uint64_t& total, Instant now, Actions& actions) {
  const End end = IdleEnd(c);
  if (const auto why = WornOut(c, now)) {
    Retire(c, *why, actions);
  } else if (ConnectionTable::IsIdle(c) && end.at <= now) {
    Close(c, end.why, actions);
  } else {
    Offer(c, total, now, actions);
  }
}

std::optional<CloseReason> HostPool::WornOut(const ConnEntry& c, Instant now) const {
  if (now >= c.age_ends_at) return CloseReason::kMaxAge;
  if (limits_.max_uses != 0 && c.uses >= limits_.max_uses) return CloseReason::kMaxUses;
  if (c.idle_hint == Duration::zero()) return CloseReason::kLearnedIdle;
  return std::nullopt;
}

void HostPool::Offer(ConnEntry& c, std::uint64_t& total, Instant now, Actions& actions) {
  if (ConnectionTable::IsIdle(c) && OverLimit()) {
    Close(c, CloseReason::kLru, actions);
    return;
  }
  if (!waiters_.empty()) ServeWaiters(c, total, now, actions);
  if (ConnectionTable::IsIdle(c)) {
    if (const auto why = Surplus(c, now)) {
      Close(c, *why, actions);
      return;
    }
    Arm(c);
  }
  table_.Shelve(c, limits_.max_uses);
}

std::optional<CloseReason> HostPool::Surplus(const ConnEntry& c, Instant now) const {
  if (retired_.has_value()) return retired_;
  const End end = IdleEnd(c);
  if (end.at <= now) return end.why;  // no time is left, or none was given
  const bool was_idle = static_cast<std::size_t>(c.shelf) < kIdleShelves;
  if (!was_idle && !c.multiplexed && LimitedIdle() >= limits_.max_idle) return CloseReason::kLru;
  return std::nullopt;
}

// --- Connections go ---

void HostPool::OnGoAway(ConnId conn, Instant now, Actions& actions) {
  ConnEntry* c = table_.Find(conn);
  if (c == nullptr || c->state != ConnState::kOpen) return;
  now = Advance(now, actions);
  NoteFruitless(*c, now);
  Retire(*c, CloseReason::kGoAway, actions);
  Settle(now, actions);
}

void HostPool::OnClosed(ConnId conn, Instant now, Actions& actions) {
  ConnEntry* c = table_.Find(conn);
  if (c == nullptr) return;
  now = Advance(now, actions);
  const bool barred = c->shelf == Shelf::kBarred && c->uses == 0 && !waiters_.empty();
  if (barred) NoteFruitless(*c, now);
  Forget(*c);
  Settle(now, actions);
}

void HostPool::Close(ConnEntry& c, CloseReason why, Actions& actions) {
  actions.emplace_back(CloseAction{c.id, why});
  Forget(c);
}

void HostPool::Retire(ConnEntry& c, CloseReason why, Actions& actions) {
  if (c.in_use == 0) {
    Close(c, why, actions);
  } else {
    table_.StartDraining(c, why);
  }
}

void HostPool::Forget(ConnEntry& c) {
  if (c.state != ConnState::kConnecting && c.uses == 0) ++totals_.dials_unused;
  if (c.armed_at != kNever) idle_ends_.Clear(c.id.slot);
  table_.Remove(c);
}

bool HostPool::EvictOldestIdle(Instant now, Actions& actions) {
  now = Advance(now, actions);
  ConnEntry* oldest = table_.OldestIdle();
  if (oldest != nullptr) Close(*oldest, CloseReason::kLru, actions);
  Settle(now, actions);
  return oldest != nullptr;
}

std::uint32_t HostPool::CloseIdle(Instant now, Actions& actions) {
  now = Advance(now, actions);
  std::uint32_t closed = 0;
  while (ConnEntry* oldest = table_.OldestIdle()) {
    Close(*oldest, CloseReason::kFlushed, actions);
    ++closed;
  }
  Settle(now, actions);
  return closed;
}

void HostPool::Flush(CloseReason why, Instant now, Actions& actions) {
  now = Advance(now, actions);
  table_.ForEach([&](ConnEntry& c) {
    if (c.expected) table_.Disown(c, why);
    if (c.state == ConnState::kOpen) Retire(c, why, actions);
  });
  Settle(now, actions);
}

void HostPool::RetireKey(CloseReason why, Instant now, Actions& actions) {
  retired_ = why;
  Flush(why, now, actions);
}

bool HostPool::RetireConnection(ConnId conn, CloseReason why, Instant now, Actions& actions) {
  ConnEntry* c = table_.Find(conn);
  if (c == nullptr || (c->state != ConnState::kOpen && !c->expected)) return false;
  now = Advance(now, actions);
  if (c->expected) {
    table_.Disown(*c, why);
  } else {
    Retire(*c, why, actions);
  }
  Settle(now, actions);
  return true;
}

void HostPool::Drain(Instant now, Actions& actions) {
  now = Advance(now, actions);
  draining_ = true;
  stalled_ = false;
  FailAll(RefusedByDrain(), now, actions);
  table_.ForEach([&](ConnEntry& c) {
    if (c.state == ConnState::kOpen) Retire(c, CloseReason::kDrain, actions);
  });
  Settle(now, actions);
}

// --- Time ---

void HostPool::Tick(Instant now, Actions& actions) {
  now = Advance(now, actions);
  ExpireIdle(now, actions);
  Settle(now, actions);
}

Instant HostPool::NextDeadline() const {
  Instant next = std::min(idle_ends_.Earliest(), waiters_.NextExpiry());
  if (backoff_.active() && !waiters_.empty()) next = std::min(next, backoff_.until());
  if (backoff_.failing() && Empty() && !draining_) next = std::min(next, backoff_.forget_at());
  return next;
}

void HostPool::ExpireIdle(Instant now, Actions& actions) {
  while (idle_ends_.Earliest() <= now) {
    ConnEntry& c = table_.at(idle_ends_.EarliestSlot());
    idle_ends_.Clear(c.id.slot);
    c.armed_at = kNever;
    if (!ConnectionTable::IsIdle(c)) continue;  // armed again when it comes back
    const End end = IdleEnd(c);
    if (end.at <= now) {
      Close(c, end.why, actions);
    } else {
      Arm(c);
    }
  }
}

void HostPool::Arm(ConnEntry& c) {
  const Instant at = IdleEnd(c).at;
  if (at >= c.armed_at) return;  // lazy: the earlier entry fires and finds the truth
  c.armed_at = at;
  idle_ends_.Set(c.id.slot, at);
}

Duration HostPool::IdleLimit(const ConnEntry& c, CloseReason& why) const {
  why = CloseReason::kIdleTimeout;
  if (!c.idle_hint) return limits_.idle_timeout;
  const Duration left = *c.idle_hint - std::max(limits_.keep_alive_margin, Duration::zero());
  if (left >= limits_.idle_timeout) return limits_.idle_timeout;
  why = CloseReason::kLearnedIdle;
  return left;
}

HostPool::End HostPool::IdleEnd(const ConnEntry& c) const {
  End end{};
  const Duration limit = std::max(IdleLimit(c, end.why), Duration::zero());
  end.at = After(c.last_used_at, limit);
  if (c.age_ends_at < end.at) end = {c.age_ends_at, CloseReason::kMaxAge};
  return end;
}

void HostPool::SetAgeEnd(ConnEntry& c) {
  c.age_ends_at = kNever;
  if (limits_.max_age == kForever) return;
  const double jitter = std::clamp(limits_.max_age_jitter, 0.0, 1.0);
  const double part = jitter * JitterFraction(jitter_seed_, c.serial);
  const Duration cut(
      static_cast<Duration::rep>(static_cast<double>(limits_.max_age.count()) * part));
  c.age_ends_at = After(c.opened_at, limits_.max_age - cut);
}

void HostPool::SetLimits(const PoolLimits& limits, Instant now, Actions& actions) {
  now = Advance(now, actions);
  limits_ = limits;
  retired_.reset();
  table_.ForEach([&](ConnEntry& c) {
    if (c.state != ConnState::kOpen) return;
    SetAgeEnd(c);
    table_.SetCapacity(c, c.peer_capacity, MaxStreams());
    if (const auto why = WornOut(c, now)) {
      Retire(c, *why, actions);
      return;
    }
    table_.Shelve(c, limits_.max_uses);
    if (ConnectionTable::IsIdle(c)) Arm(c);
  });
  ExpireIdle(now, actions);
  while (table_.idle_count() > 0 && OverLimit()) {
    Close(*table_.OldestIdle(), CloseReason::kLru, actions);
  }
  while (LimitedIdle() > limits_.max_idle) {
    Close(*table_.OldestSingleIdle(), CloseReason::kLru, actions);
  }
  if (!waiters_.empty()) {
    table_.ForEach([&](ConnEntry& c) {
      if (c.state == ConnState::kOpen) Offer(c, totals_.grants_idle, now, actions);
    });
  }
  Settle(now, actions);
}

bool HostPool::Disposable(Instant now) const {
  if (!Empty() || stalled_) return false;
  return draining_ || !backoff_.failing() || now >= backoff_.forget_at();
}

const PoolLimits& HostPool::limits() const { return limits_; }

}  // namespace spillway
