// Where metrics attach to the gRPC front.
//
// Thread safety: functions may be called from any thread, concurrently, and must not block.

#pragma once

#include <string_view>

#include "transport/base/instant.h"

namespace spillway {

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
};

// Name of a gRPC status code, as the metrics label has it.
std::string_view StatusCodeName(int code);

}  // namespace spillway
