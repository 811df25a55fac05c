// May a failed attempt be repeated? One pure function whose branches explain themselves.
//
// What it is: the rules Y1 to Y17, O-090 to O-092, O-110 to O-115 and O-145 to O-159. Replay:
// nothing of the request can have been processed, so repeating is safe for any method. Retry: it
// may have been, so only a request that is idempotent goes again, on a connection that never
// carried an exchange. Thread safety: pure functions. Invariants: a failed attempt never after the
// first response byte; never a second attempt of a non-idempotent request whose bytes may have been
// seen.

#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "transport/base/failure.h"
#include "transport/base/header_list.h"
#include "transport/base/instant.h"
#include "transport/base/options.h"

namespace spillway {

// Facts about the attempt that just failed and the round trip it belongs to.
struct FailedAttempt {
  Reason reason = Reason::kNone;
  bool reused = false;  // the connection had carried an exchange before
  bool any_byte_sent = false;
  bool any_response_byte = false;
  bool idempotent = false;  // by method, Idempotency-Key or the caller's word
  bool body_replayable = true;
  // HTTP/2: attempts of this round trip that the origin refused unprocessed, this one included.
  std::uint32_t refusals = 0;
  std::uint32_t attempts = 1;  // begun so far, this one included
  Instant deadline = kNever;
  // Of policy.
  bool on_reset = false;
};

// Facts about a response whose status may be answered by another attempt.
struct AnsweredAttempt {
  std::uint32_t status = 0;
  bool idempotent = false;
  bool body_replayable = true;
  std::uint32_t attempts = 1;
  std::optional<Duration> retry_after;  // the origin's, when it gave one
  Instant deadline = kNever;
};

// Facts about a connection that could not be had.
struct FailedDial {
  Reason reason = Reason::kNone;
  std::uint32_t attempts = 1;  // this one included
  Instant deadline = kNever;
};

enum class RetryVerdict : std::uint8_t {
  kReplay,         // again, free of the budget
  kReplayHttp1,    // the same, but over HTTP/1.1: the origin asked for it
  kRetry,          // again, if the budget has a token
  kFinal,          // the failure is final by its nature
  kNotIdempotent,  // would have been retried if it were idempotent
  kBodyNotReplayable,
  kMaxAttempts,
  kDeadline,
};

// How often an origin may refuse a round trip's stream before that is told (O-149, O-155).
inline constexpr std::uint32_t kMaxRefusals = 1;

RetryVerdict DecideRetry(const FailedAttempt& attempt, std::uint32_t max_attempts, Instant now);

// A pause and what follows it.
struct DelayedRetry {
  RetryVerdict verdict = RetryVerdict::kFinal;
  Duration pause{};  // before the next attempt
};

// `fraction`, in [0, 1), spreads the pauses of round trips that failed together. kFinal: the status
// is the caller's. An origin that names a time is not asked before it; one that names too long a
// time (retry_after_max, or past the deadline) is not asked again.
DelayedRetry DecideStatusRetry(const AnsweredAttempt& attempt, const RetryLimits& limits,
                               std::uint32_t max_attempts, double fraction, Instant now);

// Never counted against the budget: nothing was sent.
DelayedRetry DecideDialRetry(const FailedDial& dial, const RetryLimits& limits,
                             std::uint32_t max_attempts, double fraction, Instant now);

// Retry-After as seconds, or as a date measured against the response's own Date; nullopt when it is
// absent or neither.
std::optional<Duration> RetryAfterOf(const HeaderList& headers);

// Tokens shared by the round trips of one pool key, so that a dying origin sees at most
// 1 + budget_ratio times the load, and budget_per_second besides. Callers serialize.
class RetryBudget {
 public:
  explicit RetryBudget(const RetryLimits& limits)
      : ratio_(limits.budget_ratio),
        per_second_(limits.budget_per_second),
        burst_(limits.budget_burst),
        tokens_(limits.budget_burst) {}

  void OnRequest() { Add(ratio_); }
  // What was earned stays, up to the new burst.
  void SetLimits(const RetryLimits& limits) {
    ratio_ = limits.budget_ratio;
    per_second_ = limits.budget_per_second;
    burst_ = limits.budget_burst;
    tokens_ = tokens_ > burst_ ? burst_ : tokens_;
  }
  bool TryTake(Instant now) {
    tokens_ = TokensAt(now);
    refilled_ = std::max(refilled_, now);
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }
  double remaining_ratio(Instant now) const { return burst_ > 0 ? TokensAt(now) / burst_ : 0; }

 private:
  double TokensAt(Instant now) const {
    // The first call comes from nowhere: the bucket is as full as it was made.
    if (refilled_ == Instant{} || now <= refilled_) return tokens_;
    return std::min(burst_, tokens_ + per_second_ * ToSeconds(now - refilled_));
  }
  void Add(double tokens) { tokens_ = tokens_ + tokens > burst_ ? burst_ : tokens_ + tokens; }

  double ratio_;
  double per_second_;
  double burst_;
  double tokens_;
  Instant refilled_{};
};

}  // namespace spillway
