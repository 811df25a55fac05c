// Everything counted for one destination label.
//
// What it is: striped counters and histograms, and the table that says which cells of the counters
// make up which family (kCounterFamilies), so that the exposition needs no code per family.
// Thread safety: counting and reading may happen from any thread at once; nothing blocks.
// Invariants: totals never decrease while the series lives. Levels are not here: they come from
// snapshots (pool_collector.h).

#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "metrics/names.h"
#include "metrics/request_table.h"
#include "metrics/striped_counter.h"
#include "metrics/striped_histogram.h"
#include "transport/records.h"

namespace spillway {

// The values of one destination's labels.
struct DestinationLabel {
  std::string destination;     // of spillway_* families
  std::string server_address;  // of families named by OpenTelemetry
  std::string server_port;

  static DestinationLabel Named(const std::string& name) { return {name, name, ""}; }
  static DestinationLabel Host(const std::string& host, std::uint16_t port);
};

template <typename Enum>
constexpr std::size_t Index(Enum value) {
  return static_cast<std::size_t>(value);
}

inline constexpr std::size_t kReasons = Index(Reason::kReasonCount);
inline constexpr std::size_t kAcquireSources = Index(AcquireSource::kCoalesced) + 1;
inline constexpr std::size_t kAcquireOutcomes = Index(AcquireOutcome::kFailed) + 1;
inline constexpr std::size_t kRejectionKinds = Index(Rejection::kDraining) + 1;
inline constexpr std::size_t kDialPurposes = Index(DialPurpose::kProbe) + 1;
inline constexpr std::size_t kCloseReasons = Index(CloseReason::kFlood) + 1;
inline constexpr std::size_t kDialThrottles = Index(DialThrottle::kBackoff) + 1;
inline constexpr std::size_t kStaleResults = Index(StaleResult::kSurfaced) + 1;
inline constexpr std::size_t kAttemptKinds = Index(AttemptKind::kRetry) + 1;
// By version, then by whether a session was resumed.
inline constexpr std::size_t kTlsHandshakeKinds = kTlsVersions.size() * 2;
inline constexpr std::size_t kSuppressions = Index(RetrySuppressed::kMaxAttempts) + 1;

// A counter family made of `variants` consecutive cells from `first`.
struct CounterFamily {
  Family family = Family::kCount;
  std::size_t first = 0;
  std::size_t variants = 0;
};

namespace cells {
inline constexpr std::size_t kAcquisitions = 0;
inline constexpr std::size_t kRejections = kAcquisitions + kAcquireSources;
inline constexpr std::size_t kDials = kRejections + kRejectionKinds;
inline constexpr std::size_t kDialsUnused = kDials + kDialPurposes * kReasons;
inline constexpr std::size_t kDialsThrottled = kDialsUnused + 1;
inline constexpr std::size_t kTlsHandshakes = kDialsThrottled + kDialThrottles;
inline constexpr std::size_t kClosed = kTlsHandshakes + kTlsHandshakeKinds;
inline constexpr std::size_t kStaleReuse = kClosed + kCloseReasons;
inline constexpr std::size_t kAttempts = kStaleReuse + kStaleResults;
inline constexpr std::size_t kRetries = kAttempts + kAttemptKinds * kReasons;
inline constexpr std::size_t kRetriesSuppressed = kRetries + kReasons;
inline constexpr std::size_t kIoBytes = kRetriesSuppressed + kSuppressions;
inline constexpr std::size_t kCount = kIoBytes + 2;
}  // namespace cells

inline constexpr std::array<CounterFamily, 12> kCounterFamilies = {{
    {Family::kAcquisitions, cells::kAcquisitions, kAcquireSources},
    {Family::kRejections, cells::kRejections, kRejectionKinds},
    {Family::kDials, cells::kDials, kDialPurposes* kReasons},
    {Family::kDialsUnused, cells::kDialsUnused, 1},
    {Family::kDialsThrottled, cells::kDialsThrottled, kDialThrottles},
    {Family::kTlsHandshakes, cells::kTlsHandshakes, kTlsHandshakeKinds},
    {Family::kClosed, cells::kClosed, kCloseReasons},
    {Family::kStaleReuse, cells::kStaleReuse, kStaleResults},
    {Family::kAttempts, cells::kAttempts, kAttemptKinds* kReasons},
    {Family::kRetries, cells::kRetries, kReasons},
    {Family::kRetriesSuppressed, cells::kRetriesSuppressed, kSuppressions},
    {Family::kIoBytes, cells::kIoBytes, 2},
}};

// Values of the labels after the destination, in the order of FamilyInfo::labels. Unused ones are
// not there: one for most families, two for dials, handshakes and attempts, none for unused dials.
struct VariantLabels {
  std::array<std::string_view, 2> values{};
  std::size_t count = 0;
};
VariantLabels LabelsOf(Family family, std::size_t variant);
// Whether a configured destination shows this variant before anything happened: those that mean
// an outcome every destination can have; errors appear when they occur.
bool ShownAtZero(Family family, std::size_t variant);

enum class DialPhase : std::uint8_t { kDns, kTcp, kProxyConnect, kTls };
inline constexpr std::array<std::string_view, 4> kDialPhases = {"dns", "tcp", "proxy_connect",
                                                                "tls"};

// What the exposition remembers of a series from one scrape to the next. Touched by the one scrape
// that runs, never by events.
struct ScrapeState {
  struct LabelSets {              // of one family, by variant
    std::vector<bool> admitted;   // shown
    std::vector<bool> was_shown;  // before its series was away; not to be folded again
    std::size_t admitted_count = 0;
    std::unordered_map<std::size_t, std::vector<std::uint64_t>> moved;  // went to `_other`
  };
  std::uint64_t scrape = 0;       // the last one that showed this series
  std::uint64_t queue_nanos = 0;  // integral of the queue length so far
  std::array<LabelSets, kFamilyCount> families;
};

struct DestinationSeries {
  DestinationSeries(DestinationLabel its_label, LabelSetBudget& budget)
      : label(std::move(its_label)), requests(budget) {}

  const DestinationLabel label;
  StripedCells<cells::kCount> counters;
  std::array<StripedHistogram<kWaitBounds>, kAcquireOutcomes> waits;
  StripedCells<1> ended_queue_nanos;  // of waits that passed through the queue and ended
  std::array<StripedHistogram<kDialBounds>, kDialPhases.size()> dial_phases;
  std::array<StripedHistogram<kLifeBounds>, kProtocolVersions.size()> lives;
  std::array<StripedHistogram<kUsesBounds>, kProtocolVersions.size()> uses;
  RequestTable requests;
  ScrapeState scrape;
};

}  // namespace spillway
