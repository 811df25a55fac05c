#include "transport/retry/deadlines.h"

#include <algorithm>
#include <string>

namespace spillway {
namespace {

std::string Milliseconds(Duration d) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(d).count()) + " ms";
}

}  // namespace

Phase Deadlines::phase() const {
  switch (stage_) {
    case Stage::kWriting:
      return Phase::kWrite;
    case Stage::kAwaiting:
      return Phase::kFirstByte;
    case Stage::kBody:
    case Stage::kTunnel:
      return Phase::kBody;
  }
  return Phase::kNone;
}

Instant Deadlines::StageLimit() const {
  switch (stage_) {
    case Stage::kWriting:
      return After(since_, awaiting_caller_ ? limits_.caller_stall : limits_.write_stall);
    case Stage::kAwaiting:
      return After(since_, limits_.response_header);
    case Stage::kBody:
      return After(since_, paused_ ? limits_.caller_stall : limits_.body_stall);
    case Stage::kTunnel:
      return paused_ ? kNever : After(since_, limits_.tunnel_idle);
  }
  return kNever;
}

Instant Deadlines::Next() const { return std::min(limits_.deadline, StageLimit()); }

Failure Deadlines::Expired(Instant now) const {
  Failure failure;
  failure.phase = phase();
  if (now >= limits_.deadline) {
    failure.reason = Reason::kDeadlineExceeded;
    failure.source = limits_.deadline_is_callers ? Source::kCaller : Source::kPolicy;
    failure.message = "deadline exceeded in phase " + std::string(Label(failure.phase));
    return failure;
  }
  failure.source = Source::kOrigin;
  if (paused_ && stage_ == Stage::kBody) {
    failure.reason = Reason::kDeadlineExceeded;
    failure.source = Source::kCaller;
    failure.message =
        "the caller took nothing of the response for " + Milliseconds(limits_.caller_stall);
    return failure;
  }
  switch (stage_) {
    case Stage::kWriting:
      if (awaiting_caller_) {
        failure.reason = Reason::kDeadlineExceeded;
        failure.source = Source::kCaller;
        failure.message =
            "the caller sent nothing of its body for " + Milliseconds(limits_.caller_stall);
        break;
      }
      failure.reason = Reason::kConnectionWriteTimeout;
      failure.message =
          "origin took no byte of the request for " + Milliseconds(limits_.write_stall);
      break;
    case Stage::kAwaiting:
      failure.reason = Reason::kHttpResponseTimeout;
      failure.message = "no response head within " + Milliseconds(limits_.response_header);
      break;
    case Stage::kBody:
      failure.reason = Reason::kHttpResponseBodyTimeout;
      failure.message = "response body stalled for " + Milliseconds(limits_.body_stall);
      break;
    case Stage::kTunnel:
      failure.reason = Reason::kHttpResponseBodyTimeout;
      failure.message = "no byte went through the tunnel for " + Milliseconds(limits_.tunnel_idle);
      break;
  }
  return failure;
}

}  // namespace spillway
