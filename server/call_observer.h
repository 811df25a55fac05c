// Where metrics attach to the gRPC front.
//
// Thread safety: functions may be called from any thread, concurrently, and must not block.

#pragma once

#include <cstdint>
#include <string_view>

#include "transport/base/instant.h"
#include "transport/records.h"

namespace spillway {

// What a tunnel on Stream came from.
enum class TunnelKind : std::uint8_t { kUpgrade, kConnect };
std::string_view Label(TunnelKind kind);  // upgrade, connect

// Default implementations do nothing.
class CallObserver {
 public:
  virtual ~CallObserver() = default;
  // `method` is "spillway.v1.Egress/RoundTrip" and the like.
  virtual void OnCallStarted(std::string_view /*method*/) {}
  // A RoundTrip of a caller who is `tenant`; "" for nobody in particular.
  virtual void OnCaller(std::string_view /*tenant*/) {}
  // `status` is the gRPC code's name: "OK", "DEADLINE_EXCEEDED".
  virtual void OnCallEnded(std::string_view /*method*/, std::string_view /*status*/,
                           Duration /*took*/) {}
  // An exchange of any method ended: once for each OnEnd of a sink, with its record.
  virtual void OnExchange(const RoundTripRecord&) {}
  // Body bytes that Stream passed on since it was last told. A long stream tells while it runs.
  virtual void OnStreamBytes(std::uint64_t /*from_caller*/, std::uint64_t /*to_caller*/) {}
  // On Stream; each tunnel that opened closes once.
  virtual void OnTunnelOpened(TunnelKind) {}
  virtual void OnTunnelClosed(TunnelKind) {}
  // A message of Multiplex: how many calls came in it, or how many results went out.
  virtual void OnMultiplexCalls(std::size_t /*calls*/) {}
  virtual void OnMultiplexResults(std::size_t /*results*/) {}
};

// Name of a gRPC status code, as the metrics label has it.
std::string_view StatusCodeName(int code);

}  // namespace spillway
