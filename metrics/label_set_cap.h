// The hard cap on a family's label sets.
//
// What it is: decides for each label set of a destination's series whether /metrics shows it. The
// first ones up to the cap are shown for as long as their series is; what comes later is added to
// the same label set of `_other`, as far as it has not been added before.
// What it owns: what was folded so far, by family and variant.
// Thread safety: none; used by the one scrape that runs.
// Invariants: a family never shows more than the cap; a shown label set stays shown while its
// series is; folded totals never decrease, and nothing that was shown is folded later.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "metrics/destination_guard.h"

namespace spillway {

class LabelSetCap {
 public:
  explicit LabelSetCap(std::size_t limit) : limit_(limit) {}

  // A scrape begins and shows `shown`.
  void BeginScrape(std::span<const DestinationGuard::Shown> shown);
  // A family begins whose series have up to `variants` label sets of `cells` numbers each.
  void BeginFamily(Family family, std::size_t variants, std::size_t cells,
                   std::span<const DestinationGuard::Shown> shown);
  // Whether to show this label set of a series other than `_other`. When not, what is new in
  // `reading` has been added to Folded(variant).
  bool Admit(DestinationSeries& series, std::size_t variant,
             std::span<const std::uint64_t> reading);
  // What `_other` has on top of its own, for a variant of the family.
  std::span<const std::uint64_t> Folded(std::size_t variant) const;
  // Label sets of the family that were folded since the process began.
  std::uint64_t FoldedSets(Family family) const {
    return folded_sets_.at(static_cast<std::size_t>(family));
  }
  // Label sets that series other than `_other` may show of a family with so many variants.
  std::size_t LimitFor(std::size_t variants) const {
    return limit_ > variants ? limit_ - variants : 0;
  }

 private:
  void Fold(ScrapeState::LabelSets& sets, std::size_t variant,
            std::span<const std::uint64_t> reading);

  const std::size_t limit_;
  std::uint64_t scrape_ = 0;
  Family family_ = Family::kCount;
  std::size_t variants_ = 0;
  std::size_t cells_ = 0;
  std::size_t admitted_ = 0;
  std::array<std::vector<std::uint64_t>, kFamilyCount> folded_;
  std::array<std::uint64_t, kFamilyCount> folded_sets_{};
};

}  // namespace spillway
