#include "metrics/destination_exposition.h"

#include <algorithm>

namespace spillway {
namespace {

// All label values of a sample, in the family's order, without copying text.
class Values {
 public:
  Values(Family family, const DestinationLabel& label) {
    if (Info(family).labels[0] == "destination") {
      Push(label.destination);
    } else {
      Push(label.server_address);
      Push(label.server_port);
    }
  }
  Values(Family family, const DestinationLabel& label, const VariantLabels& variant)
      : Values(family, label) {
    for (std::size_t i = 0; i < variant.count; ++i) Push(variant.values[i]);
  }
  void Push(std::string_view value) { values_.at(count_++) = value; }
  LabelValues view() const { return LabelValues(values_).first(count_); }

 private:
  std::array<std::string_view, kMaxFamilyLabels> values_{};
  std::size_t count_ = 0;
};

template <typename Reading>
bool IsEmpty(const Reading& reading) {
  return std::all_of(reading.begin(), reading.end() - 1, [](auto count) { return count == 0; });
}

double Seconds(std::uint64_t nanos) { return static_cast<double>(nanos) / 1e9; }

constexpr std::array<VariantLabels, 1> kNoVariants = {};

template <typename Number>
double ToDouble(Number number) {
  return static_cast<double>(number);
}

}  // namespace

void DestinationExposition::Write(ShownList shown, std::span<const PoolLevels> levels,
                                  Exposition& out) {
  cap_.BeginScrape(shown);
  WriteRequests(shown, out);
  WriteActive(shown, out);
  WriteOpenConnections(shown, levels, out);
  WriteHistograms(Family::kConnectionDuration, &DestinationSeries::lives, shown, out);
  WriteLevels(shown, levels, out);
  WriteQueueSeconds(shown, out);
  WriteHistograms(Family::kAcquisitionWait, &DestinationSeries::waits, shown, out);
  WriteHistograms(Family::kConnectionUses, &DestinationSeries::uses, shown, out);
  WriteHistograms(Family::kDialPhase, &DestinationSeries::dial_phases, shown, out);
  for (const CounterFamily& counters : kCounterFamilies) WriteCounters(counters, shown, out);
}

void DestinationExposition::WriteFolded(Exposition& out) const {
  out.Begin(Family::kFolded);
  for (const FamilyInfo& info : AllFamilies()) {
    std::uint64_t folded = cap_.FoldedSets(info.id);
    if (info.id == Family::kRequestDuration) folded += guard_.folded_requests();
    if (folded > 0) out.Add(std::array{info.name}, ToDouble(folded));
  }
}

void DestinationExposition::WriteRequests(ShownList shown, Exposition& out) {
  constexpr Family kFamily = Family::kRequestDuration;
  out.Begin(kFamily);
  for (std::size_t n = 1; n <= shown.size(); ++n) {
    const DestinationSeries& series = *shown[n % shown.size()].series;  // `_other` last
    auto entries = series.requests.Entries();
    std::sort(entries.begin(), entries.end(),
              [](const auto* a, const auto* b) { return a->key < b->key; });
    for (const RequestTable::Entry* entry : entries) {
      const auto reading = entry->histogram.Read();
      if (IsEmpty(reading)) continue;
      const RequestLabels labels = RequestLabels::Unpack(entry->key);
      std::string status;
      if (labels.status != 0) status = std::to_string(labels.status);
      if (labels.status == RequestLabels::kOtherStatus) status = kOtherMethod;
      Values values(kFamily, series.label);
      values.Push(kMethods.at(labels.method));
      values.Push(status);
      values.Push(Label(labels.error));
      values.Push(kProtocolVersions.at(labels.version));
      out.AddHistogram(values.view(), reading);
    }
  }
}

// `value(entry, variant)` is a level, or nothing when there is none to show; 0 is `_other`.
template <typename Value>
void DestinationExposition::WriteGauge(Family family, std::span<const VariantLabels> variants,
                                       ShownList shown, Value value, Exposition& out) {
  out.Begin(family);
  std::array<double, kMaxGaugeVariants> other{};
  std::size_t samples = 0;
  for (std::size_t n = 1; n <= shown.size(); ++n) {
    const std::size_t at = n % shown.size();  // `_other` last
    if (!shown[at].feeds_levels) continue;
    for (std::size_t variant = 0; variant < variants.size(); ++variant) {
      std::optional<double> level = value(at, variant);
      if (at == 0) {
        level = level.value_or(0) + other[variant];
        bool& sticky = other_shown_[static_cast<std::size_t>(family)][variant];
        sticky = sticky || *level > 0;
        if (!sticky) continue;
      } else if (!level.has_value()) {
        continue;
      } else if (samples >= cap_.LimitFor(variants.size())) {
        other[variant] += *level;
        continue;
      }
      ++samples;
      out.Add(Values(family, shown[at].slot->label, variants[variant]).view(), *level);
    }
  }
}

void DestinationExposition::WriteActive(ShownList shown, Exposition& out) {
  std::array<VariantLabels, kMethods.size()> variants;
  for (std::size_t i = 0; i < kMethods.size(); ++i) variants[i] = {{kMethods[i], {}}, 1};
  // `_other` is what is left of all when the destinations with a label of their own are taken
  // off: nobody has to visit the others.
  std::array<std::int64_t, kMethods.size()> rest{};
  for (std::size_t i = 0; i < rest.size(); ++i) rest[i] = guard_.all().Running(i);
  const auto level = [&](std::size_t at, std::size_t method) -> std::optional<double> {
    if (at == 0) return ToDouble(std::max<std::int64_t>(rest[method], 0));
    const std::int64_t running = shown[at].slot->active.Running(method);
    rest[method] -= running;
    if (!shown[at].slot->active.Seen(method)) return std::nullopt;
    return ToDouble(std::max<std::int64_t>(running, 0));
  };
  WriteGauge(Family::kActiveRequests, variants, shown, level, out);
}

void DestinationExposition::WriteOpenConnections(ShownList shown,
                                                 std::span<const PoolLevels> levels,
                                                 Exposition& out) {
  constexpr std::size_t kVersions = kProtocolVersions.size();
  constexpr std::size_t kHttp11 = 2;
  static_assert(kProtocolVersions[kHttp11] == "1.1");
  std::array<VariantLabels, 2 * kVersions> variants;
  for (std::size_t i = 0; i < kVersions; ++i) {
    variants[i] = {{"idle", kProtocolVersions[i]}, 2};
    variants[kVersions + i] = {{"active", kProtocolVersions[i]}, 2};
  }
  const auto level = [&](std::size_t at, std::size_t variant) -> std::optional<double> {
    const std::size_t version = variant % kVersions;
    const auto& state = variant < kVersions ? levels[at].idle : levels[at].active;
    if (state[version] == 0 && version != kHttp11) return std::nullopt;
    return ToDouble(state[version]);
  };
  WriteGauge(Family::kOpenConnections, variants, shown, level, out);
}

void DestinationExposition::WriteLevels(ShownList shown, std::span<const PoolLevels> levels,
                                        Exposition& out) {
  struct Level {
    Family family;
    std::uint64_t PoolLevels::*member;
  };
  static constexpr std::array<Level, 9> kLevels = {{
      {Family::kConnecting, &PoolLevels::connecting},
      {Family::kDialsInFlight, &PoolLevels::connecting},
      {Family::kDraining, &PoolLevels::draining},
      {Family::kConnectionsLimit, &PoolLevels::connections_limit},
      {Family::kIdleLimit, &PoolLevels::idle_limit},
      {Family::kQueueLimit, &PoolLevels::queue_limit},
      {Family::kQueueLength, &PoolLevels::waiting},
      {Family::kStreamsActive, &PoolLevels::streams},
      {Family::kStreamsLimit, &PoolLevels::streams_limit},
  }};
  for (const Level& level : kLevels) {
    WriteGauge(
        level.family, kNoVariants, shown,
        [&](std::size_t at, std::size_t) { return ToDouble(levels[at].*level.member); }, out);
  }
  WriteGauge(
      Family::kRetryBudget, kNoVariants, shown,
      [&](std::size_t at, std::size_t) -> std::optional<double> {
        // A ratio of hosts that have nothing in common says nothing.
        if (at == 0) return std::nullopt;
        return levels[at].retry_budget;
      },
      out);
  WriteGauge(
      Family::kLearnedIdle, kNoVariants, shown,
      [&](std::size_t at, std::size_t) -> std::optional<double> {
        // Hosts without a label of their own have no idle timeout in common.
        if (at == 0) return std::nullopt;
        return ToSeconds(levels[at].learned_idle);
      },
      out);
}

void DestinationExposition::WriteQueueSeconds(ShownList shown, Exposition& out) {
  constexpr Family kFamily = Family::kQueueSeconds;
  out.Begin(kFamily);
  const auto others = shown.subspan(1);
  cap_.BeginFamily(kFamily, 1, 1, others);
  for (const auto& entry : others) {
    const std::uint64_t nanos = entry.series->scrape.queue_nanos;
    if (nanos == 0 && !entry.named) continue;
    if (!cap_.Admit(*entry.series, 0, std::array{nanos})) continue;
    out.Add(Values(kFamily, entry.series->label).view(), Seconds(nanos));
  }
  const std::uint64_t nanos = shown[0].series->scrape.queue_nanos + cap_.Folded(0)[0];
  if (nanos > 0) out.Add(Values(kFamily, shown[0].series->label).view(), Seconds(nanos));
}

void DestinationExposition::WriteCounters(const CounterFamily& counters, ShownList shown,
                                          Exposition& out) {
  out.Begin(counters.family);
  const auto others = shown.subspan(1);
  cap_.BeginFamily(counters.family, counters.variants, 1, others);
  for (const auto& entry : others) {
    for (std::size_t variant = 0; variant < counters.variants; ++variant) {
      const std::uint64_t count = entry.series->counters.Sum(counters.first + variant);
      if (count == 0 && !(entry.named && ShownAtZero(counters.family, variant))) continue;
      if (!cap_.Admit(*entry.series, variant, std::array{count})) continue;
      out.Add(
          Values(counters.family, entry.series->label, LabelsOf(counters.family, variant)).view(),
          ToDouble(count));
    }
  }
  const DestinationSeries& other = *shown[0].series;
  for (std::size_t variant = 0; variant < counters.variants; ++variant) {
    const std::uint64_t count =
        other.counters.Sum(counters.first + variant) + cap_.Folded(variant)[0];
    if (count == 0) continue;
    out.Add(Values(counters.family, other.label, LabelsOf(counters.family, variant)).view(),
            ToDouble(count));
  }
}

template <typename Histograms>
void DestinationExposition::WriteHistograms(Family family, Histograms DestinationSeries::*member,
                                            ShownList shown, Exposition& out) {
  constexpr std::size_t kVariants = std::tuple_size_v<Histograms>;
  constexpr std::size_t kCells = Histograms::value_type::kCells;
  out.Begin(family);
  const auto others = shown.subspan(1);
  cap_.BeginFamily(family, kVariants, kCells, others);
  for (const auto& entry : others) {
    for (std::size_t variant = 0; variant < kVariants; ++variant) {
      const auto reading = (entry.series->*member)[variant].Read();
      if (IsEmpty(reading) && !(entry.named && ShownAtZero(family, variant))) continue;
      if (!cap_.Admit(*entry.series, variant, reading)) continue;
      out.AddHistogram(Values(family, entry.series->label, LabelsOf(family, variant)).view(),
                       reading);
    }
  }
  const DestinationSeries& other = *shown[0].series;
  for (std::size_t variant = 0; variant < kVariants; ++variant) {
    auto reading = (other.*member)[variant].Read();
    const auto folded = cap_.Folded(variant);
    for (std::size_t i = 0; i < kCells; ++i) reading[i] += folded[i];
    if (IsEmpty(reading)) continue;
    out.AddHistogram(Values(family, other.label, LabelsOf(family, variant)).view(), reading);
  }
}

}  // namespace spillway
