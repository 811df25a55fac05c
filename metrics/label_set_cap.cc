#include "metrics/label_set_cap.h"

#include <algorithm>

namespace spillway {

void LabelSetCap::BeginScrape(std::span<const DestinationGuard::Shown> shown) {
  ++scrape_;
  for (const auto& entry : shown) {
    ScrapeState& state = entry.series->scrape;
    const bool was_away = state.scrape != 0 && state.scrape + 1 != scrape_;
    state.scrape = scrape_;
    if (!was_away) continue;
    // It comes back, and its places may be taken.
    for (auto& sets : state.families) {
      sets.was_shown = sets.admitted;
      sets.admitted.assign(sets.admitted.size(), false);
      sets.admitted_count = 0;
    }
  }
}

void LabelSetCap::BeginFamily(Family family, std::size_t variants, std::size_t cells,
                              std::span<const DestinationGuard::Shown> shown) {
  const auto index = static_cast<std::size_t>(family);
  family_ = family;
  variants_ = variants;
  cells_ = cells;
  folded_[index].resize(variants * cells);
  admitted_ = 0;
  for (const auto& entry : shown) {
    ScrapeState::LabelSets& sets = entry.series->scrape.families[index];
    sets.admitted.resize(variants);
    sets.was_shown.resize(variants);
    admitted_ += sets.admitted_count;
  }
}

bool LabelSetCap::Admit(DestinationSeries& series, std::size_t variant,
                        std::span<const std::uint64_t> reading) {
  ScrapeState::LabelSets& sets = series.scrape.families[static_cast<std::size_t>(family_)];
  if (sets.admitted[variant]) return true;
  if (admitted_ < LimitFor(variants_) && !sets.moved.contains(variant)) {
    sets.admitted[variant] = true;
    ++sets.admitted_count;
    ++admitted_;
    return true;
  }
  Fold(sets, variant, reading);
  return false;
}

void LabelSetCap::Fold(ScrapeState::LabelSets& sets, std::size_t variant,
                       std::span<const std::uint64_t> reading) {
  const auto index = static_cast<std::size_t>(family_);
  std::vector<std::uint64_t>& moved = sets.moved[variant];
  if (moved.empty()) {
    ++folded_sets_[index];
    moved.resize(cells_);
    if (sets.was_shown[variant]) std::copy(reading.begin(), reading.end(), moved.begin());
  }
  for (std::size_t i = 0; i < cells_; ++i) {
    const std::uint64_t fresh = reading[i] - moved[i];
    folded_[index][variant * cells_ + i] += fresh;
    moved[i] = reading[i];
  }
}

std::span<const std::uint64_t> LabelSetCap::Folded(std::size_t variant) const {
  const auto& folded = folded_[static_cast<std::size_t>(family_)];
  return std::span(folded).subspan(variant * cells_, cells_);
}

}  // namespace spillway
