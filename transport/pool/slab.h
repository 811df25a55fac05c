// Storage with small integer names: Slab<T> hands out slots, SlotList threads them into lists.
//
// What it owns: Slab owns its elements, in blocks that never move, so a reference stays good while
// other elements come and go. SlotList owns nothing: the links live in the elements (T::link).
// Thread safety: none; the owner serializes.
// Invariants: a slot is free, or taken and in at most one SlotList; memory is kept for reuse, so a
// warm slab allocates nothing.

#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "transport/base/check.h"

namespace spillway {

inline constexpr std::uint32_t kNoSlot = UINT32_MAX;

struct SlotLink {
  std::uint32_t prev = kNoSlot;
  std::uint32_t next = kNoSlot;
};

// T is default constructible and has a member `SlotLink link`.
template <typename T>
class Slab {
 public:
  // A slot whose element is as its last user left it.
  std::uint32_t Take() {
    if (free_ == kNoSlot) Grow();
    const std::uint32_t slot = free_;
    free_ = (*this)[slot].link.next;
    (*this)[slot].link = {};
    return slot;
  }

  void Return(std::uint32_t slot) {
    (*this)[slot].link = {kNoSlot, free_};
    free_ = slot;
  }

  T& operator[](std::uint32_t slot) { return (*blocks_[slot / kBlock])[slot % kBlock]; }
  const T& operator[](std::uint32_t slot) const { return (*blocks_[slot / kBlock])[slot % kBlock]; }

  // Slots that exist, free or taken: valid indices are below it.
  std::uint32_t slot_count() const { return static_cast<std::uint32_t>(blocks_.size()) * kBlock; }

 private:
  static constexpr std::uint32_t kBlock = 64;

  void Grow() {
    SPILLWAY_CHECK(slot_count() < kNoSlot - kBlock);
    const std::uint32_t first = slot_count();
    blocks_.push_back(std::make_unique<std::array<T, kBlock>>());
    for (std::uint32_t slot = first + kBlock; slot-- > first;) Return(slot);
  }

  std::vector<std::unique_ptr<std::array<T, kBlock>>> blocks_;
  std::uint32_t free_ = kNoSlot;
};

// A doubly linked list through T::link. Front is the newest by convention of its users.
template <typename T>
class SlotList {
 public:
  std::uint32_t front() const { return front_; }
  std::uint32_t back() const { return back_; }
  std::uint32_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // Puts `slot` just before `next`; kNoSlot puts it at the back.
  void InsertBefore(Slab<T>& slab, std::uint32_t next, std::uint32_t slot) {
    const std::uint32_t prev = next == kNoSlot ? back_ : slab[next].link.prev;
    slab[slot].link = {prev, next};
    (prev == kNoSlot ? front_ : slab[prev].link.next) = slot;
    (next == kNoSlot ? back_ : slab[next].link.prev) = slot;
    ++size_;
  }
  void PushFront(Slab<T>& slab, std::uint32_t slot) { InsertBefore(slab, front_, slot); }
  void PushBack(Slab<T>& slab, std::uint32_t slot) { InsertBefore(slab, kNoSlot, slot); }

  void Remove(Slab<T>& slab, std::uint32_t slot) {
    const SlotLink link = slab[slot].link;
    (link.prev == kNoSlot ? front_ : slab[link.prev].link.next) = link.next;
    (link.next == kNoSlot ? back_ : slab[link.next].link.prev) = link.prev;
    slab[slot].link = {};
    --size_;
  }

 private:
  std::uint32_t front_ = kNoSlot;
  std::uint32_t back_ = kNoSlot;
  std::uint32_t size_ = 0;
};

}  // namespace spillway
