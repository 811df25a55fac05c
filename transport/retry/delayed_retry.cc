// Retries that wait: on a status, and when no connection could be had.

#include <algorithm>

#include "transport/retry/retry_policy.h"

namespace spillway {
namespace {

// The origin says that it did not do what was asked, so doing it later doubles nothing.
bool SaysNotDone(std::uint32_t status) { return status == 421 || status == 425 || status == 429; }

// Full jitter: anything up to a ceiling that doubles with every attempt.
Duration Backoff(std::uint32_t attempts, const RetryLimits& limits, double fraction) {
  Duration ceiling = limits.backoff_initial;
  for (std::uint32_t i = 1; i < attempts && ceiling < limits.backoff_max; ++i) ceiling *= 2;
  ceiling = std::min(ceiling, limits.backoff_max);
  return Duration(static_cast<Duration::rep>(static_cast<double>(ceiling.count()) * fraction));
}

bool IsDialFailure(Reason reason) {
  switch (reason) {
    case Reason::kDnsTimeout:
    case Reason::kDnsError:
    case Reason::kDestinationIpUnroutable:
    case Reason::kConnectionRefused:
    case Reason::kConnectionTimeout:
    case Reason::kConnectionError:
    case Reason::kConnectionTerminated:
    case Reason::kProxyTimeout:
    case Reason::kTlsTimeout:
      return true;
    default:
      return false;
  }
}

}  // namespace

DelayedRetry DecideStatusRetry(const AnsweredAttempt& attempt, const RetryLimits& limits,
                               std::uint32_t max_attempts, double fraction, Instant now) {
  const auto& statuses = limits.statuses;
  if (std::find(statuses.begin(), statuses.end(), attempt.status) == statuses.end()) return {};
  if (!attempt.idempotent && !SaysNotDone(attempt.status)) return {RetryVerdict::kNotIdempotent};
  if (!attempt.body_replayable) return {RetryVerdict::kBodyNotReplayable};
  if (attempt.attempts >= max_attempts) return {RetryVerdict::kMaxAttempts};
  Duration pause = Backoff(attempt.attempts, limits, fraction);
  if (attempt.retry_after.has_value()) {
    if (*attempt.retry_after > limits.retry_after_max) return {RetryVerdict::kDeadline};
    pause += *attempt.retry_after;
  }
  if (After(now, pause) >= attempt.deadline) return {RetryVerdict::kDeadline};
  return {RetryVerdict::kRetry, pause};
}

DelayedRetry DecideDialRetry(const FailedDial& dial, const RetryLimits& limits,
                             std::uint32_t max_attempts, double fraction, Instant now) {
  if (!limits.on_connect_failure || !IsDialFailure(dial.reason)) return {};
  if (dial.attempts >= max_attempts) return {RetryVerdict::kMaxAttempts};
  const Duration pause = Backoff(dial.attempts, limits, fraction);
  if (After(now, pause) >= dial.deadline) return {RetryVerdict::kDeadline};
  return {RetryVerdict::kReplay, pause};
}

}  // namespace spillway
