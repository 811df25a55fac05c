#include "transport/retry/retry_policy.h"

namespace spillway {
namespace {

// Only the loss of a connection says nothing about the request itself. Timeouts, cancellation,
// protocol errors and errors of the caller's body would meet the same end again (Y7).
bool IsConnectionLoss(Reason reason) { return reason == Reason::kConnectionTerminated; }

}  // namespace

RetryVerdict DecideRetry(const FailedAttempt& attempt, std::uint32_t max_attempts, Instant now) {
  if (!IsConnectionLoss(attempt.reason)) return RetryVerdict::kFinal;
  // The origin answered at least in part: it has acted (Y7, O-114).
  if (attempt.any_response_byte) return RetryVerdict::kFinal;
  // A connection that failed on its first exchange would most likely fail so again (Y3, O-112),
  // unless not one byte reached it: then it was lost before this request mattered (D9).
  if (!attempt.reused && attempt.any_byte_sent) return RetryVerdict::kFinal;
  if (attempt.any_byte_sent && !attempt.idempotent) return RetryVerdict::kNotIdempotent;
  if (!attempt.body_replayable) return RetryVerdict::kBodyNotReplayable;
  if (attempt.attempts >= max_attempts) return RetryVerdict::kMaxAttempts;
  if (now >= attempt.deadline) return RetryVerdict::kDeadline;
  return attempt.any_byte_sent ? RetryVerdict::kRetry : RetryVerdict::kReplay;
}

}  // namespace spillway
