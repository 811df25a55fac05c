// Builds what /metrics shows, family by family.
//
// What it is: a thin layer over prometheus-cpp's value types that takes label names, help and
// bounds from names.h, so that code elsewhere gives values only.
// Thread safety: none; used by the one scrape that runs.
// Invariants: a family without samples is left out; labels come in the order of names.h.

#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/names.h"

namespace spillway {

using LabelValues = std::span<const std::string_view>;

class Exposition {
 public:
  // Starts a family; the samples that follow belong to it.
  void Begin(Family family);
  // `values` are those of FamilyInfo::labels, all of them.
  void Add(LabelValues values, double value);
  // `reading`: the buckets, not cumulative, and the sum (StripedHistogram::Read).
  void AddHistogram(LabelValues values, std::span<const std::uint64_t> reading);

  // The text exposition format of all that was added.
  std::string Text();

 private:
  void DropEmptyFamily();
  prometheus::ClientMetric& Sample(LabelValues values);

  const FamilyInfo* info_ = nullptr;
  std::vector<prometheus::MetricFamily> families_;
};

}  // namespace spillway
