#include "transport/pool/backoff.h"

#include <algorithm>
#include <utility>

#include "transport/pool/jitter.h"

namespace spillway {
namespace {

// A back-off is shortened by up to this part, so that keys that failed together do not come back
// together.
constexpr double kJitter = 0.25;
// Doublings after which any sane maximum is reached; keeps the shift defined.
constexpr std::uint32_t kMaxDoublings = 30;

Duration Delay(const PoolLimits& limits, std::uint32_t failures) {
  Duration delay = std::max(limits.backoff_initial, Duration::zero());
  const Duration most = std::max(limits.backoff_max, Duration::zero());
  for (std::uint32_t i = 1; i < std::min(failures, kMaxDoublings) && delay < most; ++i) {
    delay = delay > most / 2 ? most : delay * 2;
  }
  return std::min(delay, most);
}

Duration Shortened(Duration delay, double part) {
  return delay - Duration(static_cast<Duration::rep>(static_cast<double>(delay.count()) * part));
}

}  // namespace

void Backoff::OnFailure(const std::shared_ptr<const Failure>& why, const PoolLimits& limits,
                        Instant now) {
  if (active_) return Remember(*why);  // a dial from before; this back-off already answers it
  ++failures_;
  ++rounds_;
  const double part = kJitter * JitterFraction(jitter_seed_, rounds_);
  until_ = After(now, Shortened(Delay(limits, failures_), part));
  forget_at_ = After(until_, std::max(limits.backoff_max, Duration::zero()));
  active_ = until_ > now;
  Remember(*why);
}

void Backoff::Remember(const Failure& why) {
  auto dated = std::make_shared<Failure>(why);
  // A lookup that failed may be remembered for longer than the back-off takes.
  const bool later = dated->retry_at != kNever && dated->retry_at > until_;
  if (active_ && !later) dated->retry_at = until_;
  last_failure_ = std::move(dated);
}

}  // namespace spillway
