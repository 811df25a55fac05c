#include "metrics/exposition.h"

#include <prometheus/text_serializer.h>

#include <sstream>

#include "transport/base/check.h"

namespace spillway {
namespace {

prometheus::MetricType TypeOf(FamilyType type) {
  switch (type) {
    case FamilyType::kCounter:
      return prometheus::MetricType::Counter;
    case FamilyType::kGauge:
      return prometheus::MetricType::Gauge;
    case FamilyType::kHistogram:
      return prometheus::MetricType::Histogram;
  }
  return prometheus::MetricType::Untyped;
}

}  // namespace

void Exposition::Begin(Family family) {
  DropEmptyFamily();
  info_ = &Info(family);
  families_.emplace_back();
  families_.back().name = info_->name;
  families_.back().help = info_->help;
  families_.back().type = TypeOf(info_->type);
}

prometheus::ClientMetric& Exposition::Sample(LabelValues values) {
  auto& sample = families_.back().metric.emplace_back();
  sample.label.reserve(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    SPILLWAY_CHECK(i < info_->labels.size() && !info_->labels[i].empty());
    sample.label.push_back({std::string(info_->labels[i]), std::string(values[i])});
  }
  return sample;
}

void Exposition::Add(LabelValues values, double value) {
  auto& sample = Sample(values);
  if (info_->type == FamilyType::kCounter) {
    sample.counter.value = value;
  } else {
    sample.gauge.value = value;
  }
}

void Exposition::AddHistogram(LabelValues values, std::span<const std::uint64_t> reading) {
  const auto bounds = Bounds(info_->buckets);
  SPILLWAY_CHECK(reading.size() == bounds.size() + 2);
  const double divisor = Divisor(info_->buckets);
  auto& histogram = Sample(values).histogram;
  histogram.bucket.reserve(bounds.size());
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    histogram.sample_count += reading[i];
    histogram.bucket.push_back({histogram.sample_count, static_cast<double>(bounds[i]) / divisor});
  }
  histogram.sample_count += reading[bounds.size()];
  histogram.sample_sum = static_cast<double>(reading.back()) / divisor;
}

std::string Exposition::Text() {
  DropEmptyFamily();
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families_);
  return std::move(out).str();
}

void Exposition::DropEmptyFamily() {
  if (!families_.empty() && families_.back().metric.empty()) families_.pop_back();
}

}  // namespace spillway
