// Which slot is due next: a heap of instants with at most one entry a slot.
//
// What it owns: the entries.
// Thread safety: none; the owner serializes.
// Invariants: Earliest() is O(1); Set and Clear are O(log n) and allocate only while growing. The
// owner may leave an entry earlier than the truth (lazy): it fires, and is set anew.

#pragma once

#include <cstddef>
#include <cstdint>

#include "transport/base/instant.h"
#include "transport/pool/indexed_heap.h"

namespace spillway {

class DeadlineIndex {
 public:
  // The earliest instant; kNever when there is none.
  Instant Earliest() const { return heap_.empty() ? kNever : heap_.First().key; }
  // Whose it is. Only when not empty.
  std::uint32_t EarliestSlot() const { return heap_.First().slot; }
  std::size_t size() const { return heap_.size(); }
  bool empty() const { return heap_.empty(); }

  // The entry of `slot`; kNever when it has none.
  Instant At(std::uint32_t slot) const {
    const auto* entry = heap_.Find(slot);
    return entry == nullptr ? kNever : entry->key;
  }

  // Sets, moves or, with kNever, clears the entry of `slot`.
  void Set(std::uint32_t slot, Instant at) {
    if (at == kNever) {
      heap_.Clear(slot);
    } else {
      heap_.Set(slot, at);
    }
  }
  void Clear(std::uint32_t slot) { heap_.Clear(slot); }

  // Aborts unless heap order and places hold.
  void CheckInvariants() const { heap_.CheckInvariants(); }

 private:
  IndexedHeap<Instant> heap_;
};

}  // namespace spillway
