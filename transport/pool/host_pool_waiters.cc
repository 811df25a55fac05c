// HostPool: who gets a connection, who waits, who is refused.

#include <algorithm>
#include <utility>

#include "transport/pool/host_pool.h"
#include "transport/pool/refusal.h"

namespace spillway {

void HostPool::Acquire(const Demand& demand, Instant now, Actions& actions) {
  now = Advance(now, actions);
  if (draining_) {
    actions.emplace_back(FailAction{demand.waiter, RefusedByDrain()});
  } else if (demand.deadline <= now) {
    const Failure* last_dial = backoff_.last_failure().get();
    actions.emplace_back(FailAction{demand.waiter, RefusedByDeadline(Duration::zero(), last_dial)});
  } else if (!GrantAtOnce(demand, now, actions)) {
    Enqueue(demand, now, actions);
  }
  Settle(now, actions);
}

void HostPool::NotePutOff() {
  if (waiters_.empty() || stalled_ || table_.barred_count() > 0) return;
  if (table_.expected_dials() >= DialsWanted()) return;
  if (backoff_.active() || (backoff_.failing() && table_.expected_dials() > 0)) {
    ++dials_put_off_.by_backoff;
  } else if (table_.dial_count() >= std::max(1U, limits_.max_dials)) {
    ++dials_put_off_.by_concurrency;
  }
}

ConnEntry* HostPool::Sharable(Instant now, Actions& actions) {
  while (ConnEntry* shared = table_.LeastLoaded()) {
    // The others could do without the least loaded one: let it fall idle.
    const std::uint64_t others = table_.shared_count() - 1;
    if (table_.open_streams() < others * TargetStreams()) shared = table_.SecondLeastLoaded();
    if (now < shared->age_ends_at) return shared;
    Retire(*shared, CloseReason::kMaxAge, actions);
  }
  return nullptr;
}

inline ConnEntry* HostPool::UsableIdle(bool unused, Instant now, Actions& actions) {
  while (ConnEntry* idle = unused ? table_.Newest(Shelf::kUnused) : table_.NewestIdle()) {
    const End end = IdleEnd(*idle);
    if (end.at > now) return idle;
    Close(*idle, end.why, actions);  // I1, I2: too old although no timer has fired yet
  }
  return nullptr;
}

// Never unfair: waiters that could take what is found here would have been given it already.
bool HostPool::GrantAtOnce(const Demand& demand, Instant now, Actions& actions) {
  const bool fresh = demand.fresh_connection;
  ConnEntry* shared = fresh || table_.shared_count() == 0 ? nullptr : Sharable(now, actions);
  if (shared == nullptr || shared->in_use >= TargetStreams()) {
    if (ConnEntry* idle = UsableIdle(fresh, now, actions)) {
      Grant(*idle, demand.waiter, totals_.grants_idle, now - idle->last_used_at, actions);
      return true;
    }
  }
  if (shared == nullptr) return false;
  Grant(*shared, demand.waiter, totals_.grants_stream, Duration::zero(), actions);
  return true;
}

void HostPool::Enqueue(const Demand& demand, Instant now, Actions& actions) {
  const auto refuse = [&](std::shared_ptr<const Failure> why) {
    actions.emplace_back(FailAction{demand.waiter, std::move(why)});
  };
  if (backoff_.active() && (demand.fresh_connection || table_.open_count() == 0)) {
    ++dials_put_off_.by_backoff;
    return refuse(backoff_.last_failure());
  }
  if (limits_.queue_timeout <= Duration::zero()) {
    return refuse(RefusedByQueueTimeout(Duration::zero(), backoff_.last_failure().get()));
  }
  if (waiters_.size() >= limits_.max_waiters) return refuse(RefusedByFullQueue());
  Waiter waiter;
  waiter.id = demand.waiter;
  waiter.fresh_connection = demand.fresh_connection;
  waiter.tenant = demand.tenant;
  waiter.since = now;
  const Instant queue_end = After(now, limits_.queue_timeout);
  waiter.by_deadline = demand.deadline <= queue_end;
  waiter.expires_at = std::min(demand.deadline, queue_end);
  waiters_.Push(waiter);
  NotePutOff();
}

void HostPool::Grant(ConnEntry& c, WaiterId waiter, std::uint64_t& total, Duration idle_time,
                     Actions& actions) {
  actions.emplace_back(GrantAction{waiter, c.id, c.uses > 0, c.in_use > 0, idle_time});
  ++total;
  table_.AddUse(c);
  table_.Shelve(c, limits_.max_uses);
}

void HostPool::ServeWaiters(ConnEntry& c, std::uint64_t& total, Instant now, Actions& actions) {
  while (ConnectionTable::HasRoom(c, limits_.max_uses)) {
    const auto waiter = waiters_.TakeLongestFor(c.uses > 0, now);
    if (!waiter) return;
    const bool lay_idle = static_cast<std::size_t>(c.shelf) < kIdleShelves;
    const Duration idle_time = lay_idle ? now - c.last_used_at : Duration::zero();
    Grant(c, *waiter, c.in_use > 0 ? totals_.grants_stream : total, idle_time, actions);
  }
}

bool HostPool::Cancel(WaiterId waiter, Instant now, Actions& actions) {
  now = Advance(now, actions);
  const bool was_queued = waiters_.Remove(waiter, now);
  Settle(now, actions);
  return was_queued;
}

void HostPool::ExpireWaiters(Instant now, Actions& actions) {
  const Failure* last_dial = backoff_.last_failure().get();
  while (const auto waiter = waiters_.TakeExpired(now)) {
    const Duration waited = now - waiter->since;
    actions.emplace_back(FailAction{waiter->id, waiter->by_deadline
                                                    ? RefusedByDeadline(waited, last_dial)
                                                    : RefusedByQueueTimeout(waited, last_dial)});
  }
}

void HostPool::FailStranded(Instant now, Actions& actions) {
  if (table_.expected_dials() > 0) return;
  if (table_.open_count() == 0) FailAll(backoff_.last_failure(), now, actions);
  while (const auto waiter = waiters_.TakeLongestFresh(now)) {
    actions.emplace_back(FailAction{*waiter, backoff_.last_failure()});
  }
}

void HostPool::FailAll(const std::shared_ptr<const Failure>& why, Instant now, Actions& actions) {
  while (const auto waiter = waiters_.TakeLongest(now)) {
    actions.emplace_back(FailAction{*waiter, why});
  }
}

}  // namespace spillway
