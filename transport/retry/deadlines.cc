#include "transport/retry/deadlines.h"

#include <algorithm>
#include <string>
#include <utility>

namespace spillway {
namespace {

std::string Milliseconds(Duration d) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(d).count()) + " ms";
}

Failure Late(Phase phase, Reason reason, Source source, std::string message) {
  Failure failure;
  failure.reason = reason;
  failure.source = source;
  failure.phase = phase;
  failure.message = std::move(message);
  return failure;
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
  if (awaiting_caller_) {
    return Late(phase(), Reason::kDeadlineExceeded, Source::kCaller,
                "the caller sent nothing of its body for " + Milliseconds(limits_.caller_stall));
  }
  return Late(phase(), Reason::kConnectionWriteTimeout, Source::kOrigin,
              "origin took no byte of the request for " + Milliseconds(limits_.write_stall));
}

Failure Deadlines::ExpiredBody(Instant now) const {
  if (paused_) {
    return Late(
        phase(), Reason::kDeadlineExceeded, Source::kCaller,
        "the caller took nothing of the response for " + Milliseconds(limits_.caller_stall));
  }
  if (writing_ && now >= WriteLimit()) return ExpiredWriting();
  return Late(phase(), Reason::kHttpResponseBodyTimeout, Source::kOrigin,
              "response body stalled for " + Milliseconds(limits_.body_stall));
}

Failure Deadlines::Expired(Instant now) const {
  if (now >= limits_.deadline) {
    return Late(phase(), Reason::kDeadlineExceeded,
                limits_.deadline_is_callers ? Source::kCaller : Source::kPolicy,
                "deadline exceeded in phase " + std::string(Label(phase())));
  }
  switch (stage_) {
    case Stage::kWriting:
      return ExpiredWriting();
    case Stage::kAwaiting:
      return Late(phase(), Reason::kHttpResponseTimeout, Source::kOrigin,
                  "no response head within " + Milliseconds(limits_.response_header));
    case Stage::kBody:
      return ExpiredBody(now);
    case Stage::kTunnel:
      break;
  }
  return Late(phase(), Reason::kHttpResponseBodyTimeout, Source::kOrigin,
              "no byte went through the tunnel for " + Milliseconds(limits_.tunnel_idle));
}

}  // namespace spillway
