// Which slot is due next: a heap of instants with at most one entry a slot.
//
// What it owns: the entries and, per slot, where its entry stands.
// Thread safety: none; the owner serializes.
// Invariants: Earliest() is O(1); Set and Clear are O(log n) and allocate only while growing. The
// owner may leave an entry earlier than the truth (lazy): it fires, and is set anew.

#pragma once

#include <cstdint>
#include <vector>

#include "transport/base/instant.h"
#include "transport/pool/slab.h"

namespace spillway {

class DeadlineIndex {
 public:
  // The earliest instant; kNever when there is none.
  Instant Earliest() const { return heap_.empty() ? kNever : heap_.front().at; }
  // Whose it is. Only when not empty.
  std::uint32_t EarliestSlot() const { return heap_.front().slot; }
  std::size_t size() const { return heap_.size(); }
  bool empty() const { return heap_.empty(); }

  // The entry of `slot`; kNever when it has none.
  Instant At(std::uint32_t slot) const {
    return slot < place_.size() && place_[slot] != kNoSlot ? heap_[place_[slot]].at : kNever;
  }

  // Sets, moves or, with kNever, clears the entry of `slot`.
  void Set(std::uint32_t slot, Instant at);
  void Clear(std::uint32_t slot);

  // Aborts unless heap order and places hold.
  void CheckInvariants() const;

 private:
  struct Entry {
    Instant at;
    std::uint32_t slot;
  };
  static constexpr std::size_t kFan = 4;  // shallower than a binary heap: fewer cache misses

  void Put(std::size_t place, const Entry& entry) {
    heap_[place] = entry;
    place_[entry.slot] = static_cast<std::uint32_t>(place);
  }
  void Up(std::size_t place);
  void Down(std::size_t place);

  std::vector<Entry> heap_;
  std::vector<std::uint32_t> place_;  // by slot; kNoSlot: no entry
};

}  // namespace spillway
