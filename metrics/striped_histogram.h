// A histogram with fixed bounds that many threads fill at once.
//
// What it is: a bucket for each bound, one above the last, and the sum of what was observed; all
// in striped cells, so an observation is two relaxed adds.
// Thread safety: every function may be called from any thread. Observe never blocks.
// Invariants: the count is the sum of the buckets, so no scrape sees them disagree. Values are
// integers (nanoseconds or plain counts); a negative one counts as zero.

#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "metrics/striped_counter.h"

namespace spillway {

template <const auto& Bounds>
class StripedHistogram {
 public:
  // `Bounds` ascend and are inclusive above (le).
  static constexpr std::size_t kBuckets = Bounds.size() + 1;  // the last is above all bounds
  static constexpr std::size_t kCells = kBuckets + 1;         // and the sum
  using Reading = std::array<std::uint64_t, kCells>;          // buckets are not cumulative

  void Observe(std::int64_t value) {
    value = std::max<std::int64_t>(value, 0);
    const auto bucket = std::lower_bound(Bounds.begin(), Bounds.end(), value) - Bounds.begin();
    cells_.Add(static_cast<std::size_t>(bucket));
    cells_.Add(kBuckets, static_cast<std::uint64_t>(value));
  }

  Reading Read() const {
    Reading reading{};
    for (std::size_t i = 0; i < kCells; ++i) reading[i] = cells_.Sum(i);
    return reading;
  }

  // Of everything observed.
  std::uint64_t Sum() const { return cells_.Sum(kBuckets); }

 private:
  StripedCells<kCells> cells_;
};

}  // namespace spillway
