// May a failed attempt be repeated? One pure function whose branches explain themselves.
//
// What it is: the rules Y1 to Y17, O-110 to O-115 and O-145 to O-159. Replay: nothing of the
// request can have been processed, so repeating is safe for any method. Retry: it may have been, so
// only a request that is idempotent goes again, on a connection that never carried an exchange.
// Thread safety: pure functions.
// Invariants: never after the first response byte; never a second attempt of a non-idempotent
// request whose bytes may have been seen.

#pragma once

#include <cstdint>

#include "transport/base/failure.h"
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

// Tokens shared by the round trips of one pool key, so that a dying origin sees at most
// 1 + budget_ratio times the load. Callers serialize.
class RetryBudget {
 public:
  explicit RetryBudget(const RetryLimits& limits)
      : ratio_(limits.budget_ratio), burst_(limits.budget_burst), tokens_(limits.budget_burst) {}

  void OnRequest() { tokens_ = tokens_ + ratio_ > burst_ ? burst_ : tokens_ + ratio_; }
  // What was earned stays, up to the new burst.
  void SetLimits(const RetryLimits& limits) {
    ratio_ = limits.budget_ratio;
    burst_ = limits.budget_burst;
    tokens_ = tokens_ > burst_ ? burst_ : tokens_;
  }
  bool TryTake() {
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }
  double remaining_ratio() const { return burst_ > 0 ? tokens_ / burst_ : 0; }

 private:
  double ratio_;
  double burst_;
  double tokens_;
};

}  // namespace spillway
