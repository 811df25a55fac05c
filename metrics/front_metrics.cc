#include "metrics/front_metrics.h"

#include <algorithm>
#include <string>

namespace spillway {
namespace {

constexpr std::array<std::string_view, 2> kDirections = {"received", "sent"};
constexpr std::array<std::string_view, 2> kBatchKinds = {"calls", "results"};

template <typename Reading>
std::uint64_t CountOf(const Reading& reading) {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i + 1 < reading.size(); ++i) count += reading[i];
  return count;
}

template <std::size_t N>
std::size_t IndexOf(const std::array<std::string_view, N>& list, std::string_view value) {
  return static_cast<std::size_t>(std::find(list.begin(), list.end(), value) - list.begin());
}

double ToDouble(std::uint64_t count) { return static_cast<double>(count); }

}  // namespace

void FrontMetrics::OnCallStarted(std::string_view method) {
  calls_started_.Add(CallMethodIndex(method));
}

void FrontMetrics::OnCallEnded(std::string_view method, std::string_view status, Duration took) {
  calls_[CallMethodIndex(method)][CallCodeIndex(status)].Observe(took.count());
}

void FrontMetrics::OnExchange(const RoundTripRecord& record) {
  for (const HopRecord& hop : record.hops) {
    const std::size_t index = IndexOf(kRedirects, std::to_string(hop.status));
    redirects_.Add(std::min(index, kRedirects.size() - 1));
  }
  if (record.uncompressed) decoded_.Add(0);
}

void FrontMetrics::OnStreamBytes(std::uint64_t from_caller, std::uint64_t to_caller) {
  if (from_caller > 0) stream_bytes_.Add(0, from_caller);
  if (to_caller > 0) stream_bytes_.Add(1, to_caller);
}

void FrontMetrics::OnTunnelOpened(std::string_view kind) {
  const std::size_t index = IndexOf(kTunnelKinds, kind);
  if (index < kTunnelKinds.size()) tunnels_opened_.Add(index);
}

void FrontMetrics::OnTunnelClosed(std::string_view kind) {
  const std::size_t index = IndexOf(kTunnelKinds, kind);
  if (index < kTunnelKinds.size()) tunnels_closed_.Add(index);
}

void FrontMetrics::OnMultiplexCalls(std::size_t calls) {
  batches_[0].Observe(static_cast<std::int64_t>(calls));
}

void FrontMetrics::OnMultiplexResults(std::size_t results) {
  batches_[1].Observe(static_cast<std::int64_t>(results));
}

void FrontMetrics::Write(Exposition& out) const {
  WriteCalls(out);
  out.Begin(Family::kStreamBytes);
  for (std::size_t i = 0; i < kDirections.size(); ++i) {
    out.Add(std::array{kDirections[i]}, ToDouble(stream_bytes_.Sum(i)));
  }
  // What closed is read first: a tunnel that closes meanwhile is then one more, not one less.
  std::array<std::uint64_t, kTunnelKinds.size()> closed{};
  for (std::size_t i = 0; i < closed.size(); ++i) closed[i] = tunnels_closed_.Sum(i);
  out.Begin(Family::kTunnels);
  for (std::size_t i = 0; i < kTunnelKinds.size(); ++i) {
    out.Add(std::array{kTunnelKinds[i]}, ToDouble(tunnels_opened_.Sum(i)));
  }
  out.Begin(Family::kTunnelsActive);
  for (std::size_t i = 0; i < kTunnelKinds.size(); ++i) {
    out.Add(std::array{kTunnelKinds[i]}, ToDouble(tunnels_opened_.Sum(i) - closed[i]));
  }
  out.Begin(Family::kMultiplexBatch);
  for (std::size_t i = 0; i < batches_.size(); ++i) {
    const auto reading = batches_[i].Read();
    if (CountOf(reading) > 0) out.AddHistogram(std::array{kBatchKinds[i]}, reading);
  }
  out.Begin(Family::kRedirects);
  for (std::size_t i = 0; i < kRedirects.size(); ++i) {
    const std::uint64_t count = redirects_.Sum(i);
    if (count > 0) out.Add(std::array{kRedirects[i]}, ToDouble(count));
  }
  out.Begin(Family::kDecoded);
  out.Add({}, ToDouble(decoded_.Sum(0)));
}

void FrontMetrics::WriteCalls(Exposition& out) const {
  // Before the starts, for the same reason as above.
  std::array<std::uint64_t, kCallMethods.size()> ended{};
  out.Begin(Family::kCallDuration);
  for (std::size_t i = 0; i < kCallMethods.size(); ++i) {
    for (std::size_t code = 0; code < kCallCodes.size(); ++code) {
      const auto reading = calls_[i][code].Read();
      const std::uint64_t count = CountOf(reading);
      if (count == 0) continue;
      ended[i] += count;
      out.AddHistogram(std::array{kCallMethods[i], kCallCodes[code]}, reading);
    }
  }
  std::array<std::uint64_t, kCallMethods.size()> started{};
  for (std::size_t i = 0; i < started.size(); ++i) started[i] = calls_started_.Sum(i);
  const auto write = [&](Family family, const auto& value) {
    out.Begin(family);
    for (std::size_t i = 0; i < kCallMethods.size(); ++i) {
      if (started[i] == 0 && i + 1 == kCallMethods.size()) continue;
      out.Add(std::array{kCallMethods[i]}, ToDouble(value(i)));
    }
  };
  write(Family::kCallStarted, [&](std::size_t i) { return started[i]; });
  write(Family::kCallsActive,
        [&](std::size_t i) { return started[i] - std::min(started[i], ended[i]); });
}

}  // namespace spillway
