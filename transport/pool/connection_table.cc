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
  c.epoch = epoch_;
  c.serial = ++serials_;
  ++dials_;
  ++expected_dials_;
  return c;
}

void ConnectionTable::Open(ConnEntry& c, std::uint32_t capacity) {
  EndDial(c);
  c.state = ConnState::kOpen;
  c.capacity = capacity;
  capacity_ += capacity;
  ++open_;
}

void ConnectionTable::SetCapacity(ConnEntry& c, std::uint32_t capacity) {
  if (c.state == ConnState::kOpen) capacity_ = capacity_ - c.capacity + capacity;
  c.capacity = capacity;
}

void ConnectionTable::StartDraining(ConnEntry& c, CloseReason why) {
  MoveTo(c, Shelf::kNone);
  c.state = ConnState::kDraining;
  c.retired_for = why;
  capacity_ -= c.capacity;
  --open_;
  ++draining_;
}

void ConnectionTable::Remove(ConnEntry& c) {
  MoveTo(c, Shelf::kNone);
  if (c.state == ConnState::kConnecting) EndDial(c);
  if (c.state == ConnState::kOpen) {
    capacity_ -= c.capacity;
    --open_;
  }
  if (c.state == ConnState::kDraining) --draining_;
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
  if (c.shelf == shelf) return;
  if (c.shelf != Shelf::kNone) list(c.shelf).Remove(slab_, c.id.slot);
  c.shelf = shelf;
  if (shelf == Shelf::kShared) list(shelf).PushFront(slab_, c.id.slot);
  if (static_cast<std::size_t>(shelf) < kIdleShelves) InsertByRank(c, shelf);
}

void ConnectionTable::InsertByRank(ConnEntry& c, Shelf shelf) {
  std::uint32_t next = list(shelf).front();
  while (next != kNoSlot && slab_[next].rank > c.rank) next = slab_[next].link.next;
  list(shelf).InsertBefore(slab_, next, c.id.slot);
}

ConnEntry* ConnectionTable::NewestIdle() {
  ConnEntry* used = Newest(Shelf::kUsed);
  ConnEntry* unused = Newest(Shelf::kUnused);
  if (used == nullptr || unused == nullptr) return used == nullptr ? unused : used;
  return used->rank > unused->rank ? used : unused;
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
  std::array<std::uint32_t, kShelves + 1> on_shelf{};
  std::uint32_t dials = 0, expected = 0, open = 0, draining = 0, streams = 0;
  std::uint64_t capacity = 0;
  ForEach([&](const ConnEntry& c) {
    SPILLWAY_CHECK(c.shelf == ShelfOf(c, max_uses));
    SPILLWAY_CHECK(c.state != ConnState::kDraining || c.in_use > 0);
    SPILLWAY_CHECK(c.state != ConnState::kConnecting || c.in_use == 0);
    SPILLWAY_CHECK(c.state == ConnState::kConnecting || IsOfThisEpoch(c) ||
                   c.state == ConnState::kDraining);
    SPILLWAY_CHECK(c.uses >= c.in_use);
    ++on_shelf[static_cast<std::size_t>(c.shelf)];
    dials += c.state == ConnState::kConnecting ? 1 : 0;
    expected += c.state == ConnState::kConnecting && IsOfThisEpoch(c) ? 1 : 0;
    open += c.state == ConnState::kOpen ? 1 : 0;
    draining += c.state == ConnState::kDraining ? 1 : 0;
    streams += c.in_use;
    capacity += c.state == ConnState::kOpen ? c.capacity : 0;
  });
  SPILLWAY_CHECK(dials == dials_ && expected == expected_dials_);
  SPILLWAY_CHECK(open == open_ && draining == draining_ && streams == streams_);
  SPILLWAY_CHECK(capacity == capacity_);
  for (std::size_t shelf = 0; shelf < kShelves; ++shelf) {
    SPILLWAY_CHECK(lists_[shelf].size() == on_shelf[shelf]);
    std::uint32_t seen = 0;
    std::uint64_t newer = UINT64_MAX;
    for (std::uint32_t s = lists_[shelf].front(); s != kNoSlot; s = slab_[s].link.next) {
      SPILLWAY_CHECK(static_cast<std::size_t>(slab_[s].shelf) == shelf);
      SPILLWAY_CHECK_NOTE(shelf >= kIdleShelves || slab_[s].rank < newer,
                          "idle shelves newest first");
      newer = slab_[s].rank;
      ++seen;
    }
    SPILLWAY_CHECK(seen == on_shelf[shelf]);
  }
}

}  // namespace spillway
