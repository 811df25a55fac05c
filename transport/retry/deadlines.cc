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

Instant Deadlines::WriteLimit() const {
  return After(write_since_, awaiting_caller_ ? limits_.caller_stall : limits_.write_stall);
}

Instant Deadlines::BodyLimit() const {
  if (paused_) return After(since_, limits_.caller_stall);
  const Instant limit = After(since_, limits_.body_stall);
  return writing_ ? std::min(limit, WriteLimit()) : limit;
}

Instant Deadlines::StageLimit() const {
  switch (stage_) {
    case Stage::kWriting:
      return WriteLimit();
    case Stage::kAwaiting:
      return After(since_, limits_.response_header);
    case Stage::kBody:
      return BodyLimit();
    case Stage::kTunnel:
      return paused_ ? kNever : After(since_, limits_.tunnel_idle);
  }
  return kNever;
}

Instant Deadlines::Next() const { return std::min(limits_.deadline, StageLimit()); }

Failure Deadlines::ExpiredWriting() const {
  Failure failure;
  failure.phase = phase();
  if (awaiting_caller_) {
    failure.reason = Reason::kDeadlineExceeded;
    failure.source = Source::kCaller;
    failure.message =
        "the caller sent nothing of its body for " + Milliseconds(limits_.caller_stall);
  } else {
    failure.reason = Reason::kConnectionWriteTimeout;
    failure.source = Source::kOrigin;
    failure.message = "origin took no byte of the request for " + Milliseconds(limits_.write_stall);
  }
  return failure;
}

Failure Deadlines::ExpiredBody(Instant now) const {
  if (!paused_ && writing_ && now >= WriteLimit()) return ExpiredWriting();
  Failure failure;
  failure.phase = phase();
  if (paused_) {
    failure.reason = Reason::kDeadlineExceeded;
    failure.source = Source::kCaller;
    failure.message =
        "the caller took nothing of the response for " + Milliseconds(limits_.caller_stall);
  } else {
    failure.reason = Reason::kHttpResponseBodyTimeout;
    failure.source = Source::kOrigin;
    failure.message = "response body stalled for " + Milliseconds(limits_.body_stall);
  }
  return failure;
}

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
  switch (stage_) {
    case Stage::kWriting:
      return ExpiredWriting();
    case Stage::kAwaiting:
      failure.reason = Reason::kHttpResponseTimeout;
      failure.message = "no response head within " + Milliseconds(limits_.response_header);
      break;
    case Stage::kBody:
      return ExpiredBody(now);
    case Stage::kTunnel:
      failure.reason = Reason::kHttpResponseBodyTimeout;
      failure.message = "no byte went through the tunnel for " + Milliseconds(limits_.tunnel_idle);
      break;
  }
  return failure;
}

}  // namespace spillway
