#include "transport/retry/retry_policy.h"

namespace spillway {
namespace {

// Only the loss of a connection says nothing about the request itself. Timeouts, cancellation,
// protocol errors and errors of the caller's body would meet the same end again (Y7).
bool IsConnectionLoss(Reason reason) { return reason == Reason::kConnectionTerminated; }

// The attempt did nothing at the origin; what is left to ask is whether it can go again.
RetryVerdict DecideReplay(const FailedAttempt& attempt, std::uint32_t max_attempts, Instant now,
                          RetryVerdict replay) {
  if (attempt.any_response_byte) return RetryVerdict::kFinal;
  if (!attempt.body_replayable) return RetryVerdict::kBodyNotReplayable;
  if (attempt.attempts >= max_attempts) return RetryVerdict::kMaxAttempts;
  if (now >= attempt.deadline) return RetryVerdict::kDeadline;
  return replay;
}

}  // namespace

RetryVerdict DecideRetry(const FailedAttempt& attempt, std::uint32_t max_attempts, Instant now) {
  if (attempt.reason == Reason::kHttpStreamRefused) {
    // An origin that refuses again means it: a storm of GOAWAYs must not become one of requests.
    if (attempt.refusals > kMaxRefusals) return RetryVerdict::kFinal;
    if (!attempt.any_byte_sent) {
      // It never became a stream, so nobody read its body either (Y11).
      FailedAttempt untouched = attempt;
      untouched.body_replayable = true;
      return DecideReplay(untouched, max_attempts, now, RetryVerdict::kReplay);
    }
    return DecideReplay(attempt, max_attempts, now, RetryVerdict::kReplay);
  }
  if (attempt.reason == Reason::kHttpDowngradeRequired) {
    return DecideReplay(attempt, max_attempts, now, RetryVerdict::kReplayHttp1);
  }
  if (!IsConnectionLoss(attempt.reason)) return RetryVerdict::kFinal;
  // The origin answered at least in part: it has acted (Y7, O-114).
  if (attempt.any_response_byte) return RetryVerdict::kFinal;
  // A connection that failed on its first exchange would most likely fail so again (Y3, O-112),
  // unless not one byte reached it: then it was lost before this request mattered (D9).
  if (!attempt.reused && attempt.any_byte_sent && !attempt.on_reset) return RetryVerdict::kFinal;
  if (attempt.any_byte_sent && !attempt.idempotent) return RetryVerdict::kNotIdempotent;
  if (!attempt.body_replayable) return RetryVerdict::kBodyNotReplayable;
  if (attempt.attempts >= max_attempts) return RetryVerdict::kMaxAttempts;
  if (now >= attempt.deadline) return RetryVerdict::kDeadline;
  return attempt.any_byte_sent ? RetryVerdict::kRetry : RetryVerdict::kReplay;
}

}  // namespace spillway
