#include "server/call_support.h"

#include <string>

#include "server/log.h"

namespace spillway {

Duration GrpcTimeLeft(const grpc::CallbackServerContext& context) {
  const gpr_timespec deadline = context.raw_deadline();
  if (gpr_time_cmp(deadline, gpr_inf_future(deadline.clock_type)) == 0) return kForever;
  const gpr_timespec left = gpr_time_sub(deadline, gpr_now(deadline.clock_type));
  constexpr std::int64_t kNanos = 1'000'000'000;
  if (left.tv_sec < 0) return Duration::zero();
  if (left.tv_sec >= kForever.count() / kNanos - 1) return kForever;
  return Duration(left.tv_sec * kNanos + left.tv_nsec);
}

CallOutcome OutcomeOf(const Failure& failure) {
  return failure.reason == Reason::kCancelled ? CallOutcome::kCancelled : CallOutcome::kFailed;
}

Failure UndecodableMessage(std::string_view type) {
  return {.reason = Reason::kHttpRequestError,
          .source = Source::kCaller,
          .phase = Phase::kNone,
          .delivery = Delivery::kNotSent,
          .message = "the message is not a valid " + std::string(type),
          .field = {},
          .response_status = 0};
}

Failure MemoryExhausted(std::uint32_t status) {
  return {.reason = Reason::kPoolQueueFull,
          .source = Source::kService,
          .phase = Phase::kBody,
          .delivery = Delivery::kAnswered,
          .message = "messages in flight use up the memory for them",
          .field = {},
          .response_status = status};
}

void LogInternalFault(std::string_view message) {
  // As frequent as the origin likes, and worth an operator's look.
  static LogLimiter limiter;
  std::uint64_t suppressed = 0;
  if (!limiter.Allow(suppressed)) return;
  Log(LogLevel::kWarning, "call failed", {{"why", message}, {"suppressed", suppressed}});
}

}  // namespace spillway
