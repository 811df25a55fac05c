// When a key may dial again after a dial failed.
//
// What it is: exponential back-off with jitter, and the rule that after a failure one dial at a
// time probes the origin until one succeeds. It keeps the last failure, to tell those who meet a
// closed door.
// Thread safety: none; the owner serializes.
// Invariants: dials that were already running when the back-off began do not lengthen it. active()
// goes false only through Advance(), so a back-off that is over never leaves a timer in the past.

#pragma once

#include <cstdint>
#include <memory>

#include "transport/base/failure.h"
#include "transport/base/instant.h"
#include "transport/base/options.h"

namespace spillway {

class Backoff {
 public:
  explicit Backoff(std::uint64_t jitter_seed) : jitter_seed_(jitter_seed) {}

  // No dial may start.
  bool active() const { return active_; }
  // The last dial to end failed: only one probe at a time.
  bool failing() const { return last_failure_ != nullptr; }
  const std::shared_ptr<const Failure>& last_failure() const { return last_failure_; }
  Instant until() const { return until_; }
  // When the failures are too long ago to matter, if nothing is going on.
  Instant forget_at() const { return forget_at_; }

  // What is kept of `why` says when the next dial may start.
  void OnFailure(const std::shared_ptr<const Failure>& why, const PoolLimits& limits, Instant now);
  // A dial succeeded, or the failures are old enough to start afresh.
  void Clear() {
    active_ = false;
    failures_ = 0;
    last_failure_ = nullptr;
  }
  void Advance(Instant now) {
    if (active_ && now >= until_) active_ = false;
  }

 private:
  void Remember(const Failure& why);

  std::uint64_t jitter_seed_;
  std::uint64_t rounds_ = 0;    // back-offs so far, so that each has its own jitter
  std::uint32_t failures_ = 0;  // back-offs since the last success
  bool active_ = false;
  Instant until_;
  Instant forget_at_;
  std::shared_ptr<const Failure> last_failure_;
};

}  // namespace spillway
