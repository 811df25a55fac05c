// HostPool: when to dial, and what a dial's end means.

#include <utility>

#include "transport/base/check.h"
#include "transport/pool/host_pool.h"
#include "transport/pool/refusal.h"

namespace spillway {

void HostPool::SettleDemand(Instant now, Actions& actions) {
  if (backoff_.active()) FailStranded(now, actions);
  if (!waiters_.empty() || Crowded()) StartDials(actions);
  if (backoff_.failing() && now >= backoff_.forget_at() && Empty()) {
    backoff_.Clear();
    fruitless_ = 0;
  }
}

void HostPool::StartDials(Actions& actions) {
  if (draining_ || stalled_ || backoff_.active() || table_.barred_count() > 0) return;
  const std::uint32_t max_dials = std::max(1U, limits_.max_dials);
  while (table_.expected_dials() < DialsWanted() && table_.dial_count() < max_dials) {
    if (backoff_.failing() && table_.expected_dials() > 0) return;  // one probe at a time
    if (!MakeRoomForDial(actions)) return;
    actions.emplace_back(DialAction{table_.AddDial().id});
    ++totals_.dials;
  }
}

// A waiter that demands a fresh connection needs one of its own; the others share. Nobody may be
// waiting yet for the one that relieves a crowd.
std::uint64_t HostPool::DialsWanted() const {
  const std::uint32_t share = KnownCapacity();
  const std::uint64_t sharing = waiters_.any_count() + std::uint64_t{share} - 1;
  return waiters_.fresh_count() + sharing / share + (Crowded() ? 1 : 0);
}

// Used idle connections beside a waiter mean that it wants a fresh one: the oldest gives way, or
// the waiter would wait for an idle timeout.
bool HostPool::MakeRoomForDial(Actions& actions) {
  while (table_.total() >= MaxConnections()) {
    ConnEntry* oldest = table_.Oldest(Shelf::kUsed);
    if (oldest == nullptr) return false;
    Close(*oldest, CloseReason::kLru, actions);
  }
  return true;
}

void HostPool::OnDialFailed(ConnId conn, const std::shared_ptr<const Failure>& why, Instant now,
                            Actions& actions) {
  SPILLWAY_CHECK(why != nullptr);
  ConnEntry* c = table_.Find(conn);
  if (c == nullptr || c->state != ConnState::kConnecting) return;
  now = Advance(now, actions);
  Forget(*c);
  ++totals_.dial_failures;
  backoff_.OnFailure(why, limits_, now);
  FailDialledFor(now, actions);
  FailStranded(now, actions);
  Settle(now, actions);
}

// One connection would have served the longest waiter and, unless that wants one for itself, as
// many others as it could carry. They have waited for a dial; nobody waits for the next one as
// well.
void HostPool::FailDialledFor(Instant now, Actions& actions) {
  if (waiters_.empty()) return;
  std::uint32_t share = waiters_.LongestIsFresh() ? 1 : KnownCapacity();
  auto waiter = waiters_.TakeLongest(now);
  while (waiter) {
    actions.emplace_back(FailAction{*waiter, backoff_.last_failure()});
    waiter = --share > 0 ? waiters_.TakeLongestFor(true, now) : std::nullopt;
  }
}

void HostPool::NoteFruitless(const ConnEntry& c, Instant now) {
  if (c.served || ++fruitless_ < kFruitlessBeforeBackoff) return;
  backoff_.OnFailure(RefusedAsFruitless(), limits_, now);
}

void HostPool::EndFruitless() {
  if (fruitless_ >= kFruitlessBeforeBackoff) backoff_.Clear();
  fruitless_ = 0;
}

void HostPool::OnDialDenied(ConnId conn, Instant now, Actions& actions) {
  ConnEntry* c = table_.Find(conn);
  if (c == nullptr || c->state != ConnState::kConnecting) return;
  now = Advance(now, actions);
  Forget(*c);
  --totals_.dials;
  stalled_ = !draining_;
  Settle(now, actions);
}

void HostPool::OnDialAllowed(Instant now, Actions& actions) {
  now = Advance(now, actions);
  stalled_ = false;
  Settle(now, actions);
}

}  // namespace spillway
