// Shows the families that have a destination label.
//
// What it is: for each family, a sample for each label set of each destination, `_other` last,
// under the cap on label sets.
// Thread safety: none; used by the one scrape that runs.

#pragma once

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "metrics/destination_guard.h"
#include "metrics/exposition.h"
#include "metrics/label_set_cap.h"
#include "metrics/pool_collector.h"

namespace spillway {

class DestinationExposition {
 public:
  DestinationExposition(DestinationGuard& guard, std::size_t max_label_sets)
      : guard_(guard), cap_(max_label_sets) {}

  // Families named by OpenTelemetry, then ours. `levels` belong to `shown`, one each.
  void Write(std::span<const DestinationGuard::Shown> shown, std::span<const PoolLevels> levels,
             Exposition& out);
  // spillway_metrics_series_folded_total.
  void WriteFolded(Exposition& out) const;

 private:
  static constexpr std::size_t kMaxGaugeVariants = 16;
  using ShownList = std::span<const DestinationGuard::Shown>;

  void WriteRequests(ShownList shown, Exposition& out);
  void WriteActive(ShownList shown, Exposition& out);
  void WriteOpenConnections(ShownList shown, std::span<const PoolLevels> levels, Exposition& out);
  // A family of levels with one number for each destination and, optionally, for each of
  // `variants` label values; see the definition for `value`.
  template <typename Value>
  void WriteGauge(Family family, std::span<const VariantLabels> variants, ShownList shown,
                  Value value, Exposition& out);
  void WriteLevels(ShownList shown, std::span<const PoolLevels> levels, Exposition& out);
  void WriteQueueSeconds(ShownList shown, Exposition& out);
  void WriteCounters(const CounterFamily& counters, ShownList shown, Exposition& out);
  template <typename Histograms>
  void WriteHistograms(Family family, Histograms DestinationSeries::*member, ShownList shown,
                       Exposition& out);

  DestinationGuard& guard_;
  LabelSetCap cap_;
  // By family and variant: `_other` was shown, and stays so that its level can be seen to fall.
  std::array<std::array<bool, kMaxGaugeVariants>, kFamilyCount> other_shown_{};
};

}  // namespace spillway
