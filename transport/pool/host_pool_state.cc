// HostPool: how things stand, and that they stand as they must.

#include <sstream>

#include "transport/base/check.h"
#include "transport/pool/host_pool.h"

namespace spillway {

HostPoolSnapshot HostPool::Snapshot(Instant now) const {
  now = std::max(now, last_now_);
  HostPoolSnapshot s;
  s.idle = table_.idle_count();
  s.active = table_.open_count() - s.idle;
  s.connecting = table_.dial_count();
  s.draining = table_.draining_count();
  s.waiting = waiters_.size();
  s.streams = table_.streams();
  s.stream_limit = table_.open_capacity();
  s.backing_off = backoff_.active() && now < backoff_.until();
  s.stalled = stalled_;
  if (const ConnEntry* oldest = table_.OldestIdle()) s.oldest_idle_since = oldest->last_used_at;
  s.oldest_waiter_since = waiters_.OldestSince();
  s.learned_idle_timeout = learned_idle_timeout_;
  s.grants_idle = totals_.grants_idle;
  s.grants_new = totals_.grants_new;
  s.grants_coalesced = totals_.grants_coalesced;
  s.grants_stream = totals_.grants_stream;
  s.dials = totals_.dials;
  s.dial_failures = totals_.dial_failures;
  s.dials_unused = totals_.dials_unused;
  s.waiter_seconds = waiters_.WaiterSeconds(now);
  return s;
}

std::string HostPoolSnapshot::Text() const {
  std::ostringstream out;
  out << "idle " << idle << ", active " << active << ", connecting " << connecting << ", draining "
      << draining << ", waiting " << waiting << ", streams " << streams << " of " << stream_limit;
  if (backing_off) out << ", backing off";
  if (stalled) out << ", stalled";
  out << "; grants idle " << grants_idle << ", new " << grants_new << ", coalesced "
      << grants_coalesced << ", stream " << grants_stream << "; dials " << dials << ", failed "
      << dial_failures << ", unused " << dials_unused;
  return out.str();
}

void HostPool::CheckInvariants(Instant now) const {
  table_.CheckInvariants(limits_.max_uses);
  waiters_.CheckInvariants();
  idle_ends_.CheckInvariants();
  std::size_t armed = 0;
  bool spare = false;
  bool unused_spare = false;
  table_.ForEach([&](const ConnEntry& c) {
    SPILLWAY_CHECK(idle_ends_.At(c.id.slot) == c.armed_at);
    armed += c.armed_at != kNever ? 1 : 0;
    if (ConnectionTable::IsIdle(c)) {
      SPILLWAY_CHECK_NOTE(c.armed_at <= IdleEnd(c).at, "an idle connection has a timer in time");
    }
    if (!ConnectionTable::HasRoom(c, limits_.max_uses)) return;
    spare = spare || now < c.age_ends_at;
    unused_spare = unused_spare || (c.uses == 0 && now < c.age_ends_at);
  });
  SPILLWAY_CHECK_NOTE(idle_ends_.size() == armed, "no timer without a connection");
  SPILLWAY_CHECK_NOTE(waiters_.any_count() == 0 || !spare, "work conserving");
  SPILLWAY_CHECK_NOTE(waiters_.fresh_count() == 0 || !unused_spare, "work conserving");
  SPILLWAY_CHECK(LimitedIdle() <= limits_.max_idle);
  SPILLWAY_CHECK(!draining_ || (waiters_.empty() && table_.open_count() == 0 && !stalled_));
  SPILLWAY_CHECK(!backoff_.active() || backoff_.failing());
  if (!waiters_.empty()) {
    const bool wakes = table_.total() > 0 || stalled_ || NextDeadline() != kNever;
    SPILLWAY_CHECK_NOTE(wakes, "a waiter has something to wait for");
  }
}

}  // namespace spillway
