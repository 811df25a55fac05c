#include "transport/pool/connection_table.h"

#include <algorithm>

#include "transport/base/check.h"

namespace spillway {

ConnEntry& ConnectionTable::AddDial() {
  const std::uint32_t slot = slab_.Take();
  ConnEntry& c = slab_[slot];
  const std::uint32_t generation = c.id.generation + 1;
  c = ConnEntry{};
  c.id = {slot, std::max(generation, 1U)};  // zero names nothing, not even after a wrap
  c.state = ConnState::kConnecting;
  c.expected = true;
  c.serial = ++serials_;
  ++dials_;
  ++expected_dials_;
  return c;
}

void ConnectionTable::Open(ConnEntry& c) {
  EndDial(c);
  c.state = ConnState::kOpen;
  ++open_;
}

void ConnectionTable::SetCapacity(ConnEntry& c, std::uint32_t peer_capacity, std::uint32_t most) {
  const std::uint32_t before = c.capacity;
  c.peer_capacity = peer_capacity;
  c.capacity = std::min(peer_capacity, most);
  if (c.state != ConnState::kOpen) return;
  open_capacity_ += c.capacity;
  open_capacity_ -= before;
  if (c.multiplexed || peer_capacity == 1) return;
  c.multiplexed = true;
  ++multiplexed_open_;
  if (static_cast<std::size_t>(c.shelf) < kIdleShelves) ++multiplexed_idle_;
}

void ConnectionTable::Disown(ConnEntry& c, CloseReason why) {
  if (c.expected) --expected_dials_;
  c.expected = false;
  c.retired_for = why;
}

void ConnectionTable::EndOpen(ConnEntry& c) {
  --open_;
  open_capacity_ -= c.capacity;
  if (c.multiplexed) --multiplexed_open_;
}

void ConnectionTable::StartDraining(ConnEntry& c, CloseReason why) {
  MoveTo(c, Shelf::kNone);
  c.state = ConnState::kDraining;
  c.retired_for = why;
  EndOpen(c);
  ++draining_;
  draining_streams_ += c.in_use;
}

void ConnectionTable::Remove(ConnEntry& c) {
  MoveTo(c, Shelf::kNone);
  if (c.state == ConnState::kConnecting) EndDial(c);
  if (c.state == ConnState::kOpen) EndOpen(c);
  if (c.state == ConnState::kDraining) {
    --draining_;
    draining_streams_ -= c.in_use;
  }
  streams_ -= c.in_use;
  c.state = ConnState::kFree;
  slab_.Return(c.id.slot);
}

Shelf ConnectionTable::ShelfOf(const ConnEntry& c, std::uint64_t max_uses) {
  if (c.state != ConnState::kOpen) return Shelf::kNone;
  const bool room = HasRoom(c, max_uses);
  if (c.in_use > 0) return room ? Shelf::kShared : Shelf::kNone;
  if (!room) return Shelf::kBarred;
  return c.uses > 0 ? Shelf::kUsed : Shelf::kUnused;
}

void ConnectionTable::MoveTo(ConnEntry& c, Shelf shelf) {
  if (c.shelf != shelf) {
    if (static_cast<std::size_t>(c.shelf) < kIdleShelves) {
      list(c.shelf).Remove(slab_, c.id.slot);
      if (c.multiplexed) --multiplexed_idle_;
    } else if (c.shelf == Shelf::kShared) {
      shared_.Clear(c.id.slot);
    }
    c.shelf = shelf;
    if (static_cast<std::size_t>(shelf) < kIdleShelves) {
      InsertByRank(c, shelf);
      if (c.multiplexed) ++multiplexed_idle_;
    }
  }
  if (shelf == Shelf::kShared) shared_.Set(c.id.slot, LoadOf(c));
}

void ConnectionTable::InsertByRank(ConnEntry& c, Shelf shelf) {
  std::uint32_t next = list(shelf).front();
  while (next != kNoSlot && slab_[next].rank > c.rank) next = slab_[next].link.next;
  list(shelf).InsertBefore(slab_, next, c.id.slot);
}

const ConnEntry* ConnectionTable::NewestIdle() const {
  const std::uint32_t used = list(Shelf::kUsed).front();
  const std::uint32_t unused = list(Shelf::kUnused).front();
  if (used == kNoSlot && unused == kNoSlot) return nullptr;
  if (used == kNoSlot || unused == kNoSlot) return &slab_[used == kNoSlot ? unused : used];
  return slab_[used].rank > slab_[unused].rank ? &slab_[used] : &slab_[unused];
}

ConnEntry* ConnectionTable::OldestSingleIdle() {
  ConnEntry* oldest = nullptr;
  for (const SlotList<ConnEntry>& shelf : lists_) {
    std::uint32_t slot = shelf.back();
    while (slot != kNoSlot && slab_[slot].multiplexed) slot = slab_[slot].link.prev;
    if (slot == kNoSlot) continue;
    if (oldest == nullptr || slab_[slot].rank < oldest->rank) oldest = &slab_[slot];
  }
  return oldest;
}

const ConnEntry* ConnectionTable::OldestIdle() const {
  const ConnEntry* oldest = nullptr;
  for (std::size_t shelf = 0; shelf < kIdleShelves; ++shelf) {
    const std::uint32_t back = lists_[shelf].back();
    if (back == kNoSlot) continue;
    if (oldest == nullptr || slab_[back].rank < oldest->rank) oldest = &slab_[back];
  }
  return oldest;
}

void ConnectionTable::CheckInvariants(std::uint64_t max_uses) const {
  CheckCounts(max_uses);
  shared_.CheckInvariants();
  ForEach([&](const ConnEntry& c) {
    const auto* load = shared_.Find(c.id.slot);
    SPILLWAY_CHECK((load != nullptr) == (c.shelf == Shelf::kShared));
    SPILLWAY_CHECK(load == nullptr || load->key == LoadOf(c));
  });
  for (std::size_t shelf = 0; shelf < kIdleShelves; ++shelf) {
    std::uint32_t seen = 0;
    std::uint64_t newer = UINT64_MAX;
    for (std::uint32_t s = lists_[shelf].front(); s != kNoSlot; s = slab_[s].link.next) {
      SPILLWAY_CHECK(static_cast<std::size_t>(slab_[s].shelf) == shelf);
      SPILLWAY_CHECK_NOTE(slab_[s].rank < newer, "idle shelves newest first");
      newer = slab_[s].rank;
      ++seen;
    }
    SPILLWAY_CHECK(seen == lists_[shelf].size());
  }
}

void ConnectionTable::CheckCounts(std::uint64_t max_uses) const {
  std::uint32_t dials = 0, expected = 0, open = 0, draining = 0, streams = 0, draining_streams = 0;
  std::uint32_t multiplexed = 0, multiplexed_idle = 0, idle = 0, shared = 0;
  std::uint64_t capacity = 0;
  ForEach([&](const ConnEntry& c) {
    const bool is_open = c.state == ConnState::kOpen;
    const bool is_draining = c.state == ConnState::kDraining;
    SPILLWAY_CHECK(c.shelf == ShelfOf(c, max_uses));
    SPILLWAY_CHECK(!is_draining || c.in_use > 0);
    SPILLWAY_CHECK(c.state != ConnState::kConnecting || c.in_use == 0);
    SPILLWAY_CHECK(!c.expected || c.state == ConnState::kConnecting);
    SPILLWAY_CHECK(c.uses >= c.in_use);
    SPILLWAY_CHECK(c.capacity <= c.peer_capacity);
    dials += c.state == ConnState::kConnecting ? 1 : 0;
    expected += c.expected ? 1 : 0;
    open += is_open ? 1 : 0;
    capacity += is_open ? c.capacity : 0;
    multiplexed += is_open && c.multiplexed ? 1 : 0;
    multiplexed_idle += IsIdle(c) && c.multiplexed ? 1 : 0;
    idle += IsIdle(c) ? 1 : 0;
    shared += c.shelf == Shelf::kShared ? 1 : 0;
    draining += is_draining ? 1 : 0;
    streams += c.in_use;
    draining_streams += is_draining ? c.in_use : 0;
  });
  SPILLWAY_CHECK(dials == dials_ && expected == expected_dials_);
  SPILLWAY_CHECK(open == open_ && draining == draining_ && capacity == open_capacity_);
  SPILLWAY_CHECK(streams == streams_ && draining_streams == draining_streams_);
  SPILLWAY_CHECK(multiplexed == multiplexed_open_ && multiplexed_idle == multiplexed_idle_);
  SPILLWAY_CHECK(idle == idle_count() && shared == shared_.size());
}

}  // namespace spillway
