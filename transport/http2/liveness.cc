#include "transport/http2/liveness.h"

#include <algorithm>

namespace spillway {

Http2Liveness::Http2Liveness(const Http2Limits& limits, Instant now)
    : ping_interval_(limits.ping_interval),
      ping_timeout_(limits.ping_timeout),
      settings_due_(After(now, limits.settings_timeout)),
      ack_due_(settings_due_),
      last_read_(now) {}

void Http2Liveness::OnRead(Instant now) {
  last_read_ = now;
  pinged_ = kNever;
  ghosts_ = 0;
}

bool Http2Liveness::OnAbandoned(Instant started, Instant now) {
  if (last_read_ > started) return false;
  ++ghosts_;
  if (pinged_ != kNever) return false;
  pinged_ = now;
  return true;
}

Instant Http2Liveness::Next() const {
  const Instant life =
      pinged_ == kNever ? After(last_read_, ping_interval_) : After(pinged_, ping_timeout_);
  return std::min({settings_due_, ack_due_, life});
}

Http2Liveness::Due Http2Liveness::OnTimer(Instant now) {
  if (now >= settings_due_) return Due::kSettingsMissing;
  if (now >= ack_due_) return Due::kAckMissing;
  if (pinged_ != kNever) return now >= After(pinged_, ping_timeout_) ? Due::kDead : Due::kNothing;
  if (now < After(last_read_, ping_interval_)) return Due::kNothing;
  pinged_ = now;
  return Due::kPing;
}

}  // namespace spillway
