// Which slot comes first: a heap of keys with at most one entry a slot.
//
// What it owns: the entries and, per slot, where its entry stands.
// Thread safety: none; the owner serializes.
// Invariants: the first two are O(1); Set and Clear are O(log n) and allocate only while growing.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "transport/base/check.h"
#include "transport/pool/slab.h"

namespace spillway {

// Key has operator< ; the smallest is first.
template <typename Key>
class IndexedHeap {
 public:
  struct Entry {
    Key key;
    std::uint32_t slot;
  };

  std::size_t size() const { return heap_.size(); }
  bool empty() const { return heap_.empty(); }
  // Only when not empty.
  const Entry& First() const { return heap_.front(); }
  // The least of all but the first. Only when there are two.
  const Entry& Second() const { return heap_[LeastChild(0)]; }
  // The entry of `slot`, or nullptr.
  const Entry* Find(std::uint32_t slot) const {
    return slot < place_.size() && place_[slot] != kNoSlot ? &heap_[place_[slot]] : nullptr;
  }

  void Set(std::uint32_t slot, const Key& key) {
    if (slot >= place_.size()) place_.resize(slot + 1, kNoSlot);
    if (place_[slot] == kNoSlot) {
      heap_.push_back({key, slot});
      Up(heap_.size() - 1);
      return;
    }
    const std::size_t place = place_[slot];
    const bool earlier = key < heap_[place].key;
    heap_[place].key = key;
    earlier ? Up(place) : Down(place);
  }

  void Clear(std::uint32_t slot) {
    if (slot >= place_.size() || place_[slot] == kNoSlot) return;
    const std::size_t place = place_[slot];
    place_[slot] = kNoSlot;
    const Entry last = heap_.back();
    heap_.pop_back();
    if (last.slot == slot) return;
    Put(place, last);
    Up(place);
    Down(place_[last.slot]);
  }

  // Aborts unless heap order and places hold.
  void CheckInvariants() const {
    for (std::size_t place = 0; place < heap_.size(); ++place) {
      SPILLWAY_CHECK(place_[heap_[place].slot] == place);
      if (place > 0) SPILLWAY_CHECK(!(heap_[place].key < heap_[(place - 1) / kFan].key));
    }
    const auto placed = std::count_if(place_.begin(), place_.end(),
                                      [](std::uint32_t place) { return place != kNoSlot; });
    SPILLWAY_CHECK(static_cast<std::size_t>(placed) == heap_.size());
  }

 private:
  static constexpr std::size_t kFan = 4;  // shallower than a binary heap: fewer cache misses

  void Put(std::size_t place, const Entry& entry) {
    heap_[place] = entry;
    place_[entry.slot] = static_cast<std::uint32_t>(place);
  }
  std::size_t LeastChild(std::size_t place) const {
    const std::size_t first = place * kFan + 1;
    const std::size_t last = std::min(first + kFan, heap_.size());
    std::size_t least = first;
    for (std::size_t child = first + 1; child < last; ++child) {
      if (heap_[child].key < heap_[least].key) least = child;
    }
    return least;
  }
  void Up(std::size_t place) {
    const Entry moving = heap_[place];
    while (place > 0) {
      const std::size_t parent = (place - 1) / kFan;
      if (!(moving.key < heap_[parent].key)) break;
      Put(place, heap_[parent]);
      place = parent;
    }
    Put(place, moving);
  }
  void Down(std::size_t place) {
    const Entry moving = heap_[place];
    while (place * kFan + 1 < heap_.size()) {
      const std::size_t least = LeastChild(place);
      if (!(heap_[least].key < moving.key)) break;
      Put(place, heap_[least]);
      place = least;
    }
    Put(place, moving);
  }

  std::vector<Entry> heap_;
  std::vector<std::uint32_t> place_;  // by slot; kNoSlot: no entry
};

}  // namespace spillway
