#include "transport/pool/wait_queue.h"

#include <algorithm>

#include "transport/base/check.h"

namespace spillway {

void WaitQueue::Push(const Waiter& waiter) {
  CountUntil(waiter.since);
  const std::uint32_t slot = slab_.Take();
  slab_[slot] = waiter;
  slab_[slot].link = {};
  slab_[slot].turn = ++turns_;
  SPILLWAY_CHECK_NOTE(slots_.emplace(waiter.id, slot).second, "a waiter waits once");
  ListOf(waiter).PushBack(slab_, slot);
  expiries_.Set(slot, waiter.expires_at);
}

bool WaitQueue::Remove(WaiterId id, Instant now) {
  const auto found = slots_.find(id);
  if (found == slots_.end()) return false;
  Erase(found->second, now);
  return true;
}

std::optional<WaiterId> WaitQueue::TakeLongestFor(bool has_been_used, Instant now) {
  const bool fresh = !has_been_used && !empty() && LongestIsFresh();
  return TakeFront(fresh ? fresh_ : any_, now);
}

std::optional<WaiterId> WaitQueue::TakeLongestFresh(Instant now) { return TakeFront(fresh_, now); }

std::optional<Waiter> WaitQueue::TakeExpired(Instant now) {
  if (expiries_.Earliest() > now) return std::nullopt;
  const std::uint32_t slot = expiries_.EarliestSlot();
  Waiter waiter = slab_[slot];
  Erase(slot, now);
  return waiter;
}

Instant WaitQueue::OldestSince() const {
  Instant oldest = kNever;
  if (!any_.empty()) oldest = slab_[any_.front()].since;
  if (!fresh_.empty()) oldest = std::min(oldest, slab_[fresh_.front()].since);
  return oldest;
}

std::optional<WaiterId> WaitQueue::TakeFront(SlotList<Waiter>& list, Instant now) {
  if (list.empty()) return std::nullopt;
  const WaiterId id = slab_[list.front()].id;
  Erase(list.front(), now);
  return id;
}

void WaitQueue::Erase(std::uint32_t slot, Instant now) {
  CountUntil(now);
  const Waiter& waiter = slab_[slot];
  slots_.erase(waiter.id);
  expiries_.Clear(slot);
  ListOf(waiter).Remove(slab_, slot);
  slab_.Return(slot);
}

void WaitQueue::CheckInvariants() const {
  expiries_.CheckInvariants();
  SPILLWAY_CHECK(slots_.size() == size());
  std::size_t limited = 0;
  for (const SlotList<Waiter>* list : {&any_, &fresh_}) {
    std::uint32_t seen = 0;
    std::uint64_t turn = 0;
    for (std::uint32_t s = list->front(); s != kNoSlot; s = slab_[s].link.next) {
      const Waiter& waiter = slab_[s];
      SPILLWAY_CHECK_NOTE(waiter.turn > turn, "first come, first served");
      SPILLWAY_CHECK(waiter.fresh_connection == (list == &fresh_));
      SPILLWAY_CHECK(expiries_.At(s) == waiter.expires_at);
      const auto found = slots_.find(waiter.id);
      SPILLWAY_CHECK(found != slots_.end() && found->second == s);
      limited += waiter.expires_at != kNever ? 1 : 0;
      turn = waiter.turn;
      ++seen;
    }
    SPILLWAY_CHECK(seen == list->size());
  }
  SPILLWAY_CHECK_NOTE(expiries_.size() == limited, "no timer without a waiter");
}

}  // namespace spillway
