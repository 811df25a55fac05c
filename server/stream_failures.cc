#include "server/stream_failures.h"

#include <algorithm>
#include <chrono>
#include <string>

#include "server/call_support.h"

namespace spillway {

Failure CallerGone() {
  return {.reason = Reason::kCancelled,
          .source = Source::kCaller,
          .phase = Phase::kNone,
          .delivery = Delivery::kNotSent,
          .message = "cancelled by the caller",
          .field = {},
          .response_status = 0};
}

Failure TooMuchInFlight() {
  Failure failure = MemoryExhausted(0);
  failure.phase = Phase::kWrite;
  failure.delivery = Delivery::kNotSent;  // made true at the end
  return failure;
}

Failure HeadOverdue(Duration waited) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(waited).count();
  return {.reason = Reason::kDeadlineExceeded,
          .source = Source::kCaller,
          .phase = Phase::kNone,
          .delivery = Delivery::kNotSent,
          .message = "the caller sent no head for " + std::to_string(ms) + " ms",
          .field = "head",
          .response_status = 0};
}

Failure CallerTakesNothing() {
  return {.reason = Reason::kHttpResponseBodyTimeout,
          .source = Source::kCaller,
          .phase = Phase::kBody,
          .delivery = Delivery::kAnswered,
          .message = "the caller takes nothing of the response",
          .field = {},
          .response_status = 0};
}

Failure WhyEnded(const RoundTripRecord& record, const Failure& own) {
  Failure failure = own;
  if (record.failure.has_value()) {
    failure.delivery = std::max(failure.delivery, record.failure->delivery);
    if (failure.phase == Phase::kNone) failure.phase = record.failure->phase;
  }
  if (record.status != 0) {
    failure.delivery = Delivery::kAnswered;
    failure.response_status = record.status;
  }
  return failure;
}

}  // namespace spillway
