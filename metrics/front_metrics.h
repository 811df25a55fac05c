// What callers do on the gRPC front, counted: streams, tunnels, batches, and what was done for them
// above single round trips.
//
// What it owns: its counters and histograms.
// Thread safety: every function may be called from any thread; none blocks.
// Invariants: counters never decrease.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "metrics/exposition.h"
#include "metrics/names.h"
#include "metrics/striped_counter.h"
#include "metrics/striped_histogram.h"
#include "transport/records.h"

namespace spillway {

class FrontMetrics {
 public:
  // `method` is "spillway.v1.Egress/RoundTrip" and the like (a leading slash does not matter),
  // `status` the code's name, "OK", "UNAVAILABLE".
  void OnCallStarted(std::string_view method);
  void OnCallEnded(std::string_view method, std::string_view status, Duration took);
  // An exchange ended, redirects and all.
  void OnExchange(const RoundTripRecord& record);
  // Of bodies on Stream.
  void OnStreamBytes(std::uint64_t from_caller, std::uint64_t to_caller);
  // `kind` is one of kTunnelKinds; others are not counted.
  void OnTunnelOpened(std::string_view kind);
  void OnTunnelClosed(std::string_view kind);
  void OnMultiplexCalls(std::size_t calls);
  void OnMultiplexResults(std::size_t results);

  void Write(Exposition& out) const;

  static constexpr std::array<std::string_view, 2> kTunnelKinds = {"upgrade", "connect"};

 private:
  using CallHistogram = StripedHistogram<kCallBounds>;
  using BatchHistogram = StripedHistogram<kBatchBounds>;
  // Statuses that are redirects; the last is for what a later client may follow.
  static constexpr std::array<std::string_view, 6> kRedirects = {"301", "302", "303",
                                                                 "307", "308", "_OTHER"};

  void WriteCalls(Exposition& out) const;

  StripedCells<kCallMethods.size()> calls_started_;
  std::array<std::array<CallHistogram, kCallCodes.size()>, kCallMethods.size()> calls_;
  StripedCells<2> stream_bytes_;  // received, sent
  StripedCells<kTunnelKinds.size()> tunnels_opened_;
  StripedCells<kTunnelKinds.size()> tunnels_closed_;
  std::array<BatchHistogram, 2> batches_;  // calls, results
  StripedCells<kRedirects.size()> redirects_;
  StripedCells<1> decoded_;
};

}  // namespace spillway
