#include "transport/pool/deadline_index.h"

#include <algorithm>

#include "transport/base/check.h"

namespace spillway {

void DeadlineIndex::Set(std::uint32_t slot, Instant at) {
  if (at == kNever) {
    Clear(slot);
    return;
  }
  if (slot >= place_.size()) place_.resize(slot + 1, kNoSlot);
  if (place_[slot] == kNoSlot) {
    heap_.push_back({at, slot});
    place_[slot] = static_cast<std::uint32_t>(heap_.size() - 1);
    Up(heap_.size() - 1);
    return;
  }
  const std::size_t place = place_[slot];
  const bool earlier = at < heap_[place].at;
  heap_[place].at = at;
  earlier ? Up(place) : Down(place);
}

void DeadlineIndex::Clear(std::uint32_t slot) {
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

void DeadlineIndex::Up(std::size_t place) {
  const Entry moving = heap_[place];
  while (place > 0) {
    const std::size_t parent = (place - 1) / kFan;
    if (heap_[parent].at <= moving.at) break;
    Put(place, heap_[parent]);
    place = parent;
  }
  Put(place, moving);
}

void DeadlineIndex::Down(std::size_t place) {
  const Entry moving = heap_[place];
  for (;;) {
    const std::size_t first = place * kFan + 1;
    if (first >= heap_.size()) break;
    const std::size_t last = std::min(first + kFan, heap_.size());
    std::size_t least = first;
    for (std::size_t child = first + 1; child < last; ++child) {
      if (heap_[child].at < heap_[least].at) least = child;
    }
    if (moving.at <= heap_[least].at) break;
    Put(place, heap_[least]);
    place = least;
  }
  Put(place, moving);
}

void DeadlineIndex::CheckInvariants() const {
  for (std::size_t place = 0; place < heap_.size(); ++place) {
    SPILLWAY_CHECK(place_[heap_[place].slot] == place);
    if (place > 0) SPILLWAY_CHECK(heap_[(place - 1) / kFan].at <= heap_[place].at);
  }
  const auto placed = std::count_if(place_.begin(), place_.end(),
                                    [](std::uint32_t place) { return place != kNoSlot; });
  SPILLWAY_CHECK(static_cast<std::size_t>(placed) == heap_.size());
}

}  // namespace spillway
