#include "transport/http2/flood_guard.h"

#include <algorithm>

namespace spillway {

FloodGuard::FloodGuard(const Http2Limits& limits, Instant now) {
  for (Bucket& bucket : buckets_) {
    bucket = {.burst = static_cast<double>(limits.control_burst),
              .per_second = static_cast<double>(limits.control_per_second),
              .tokens = static_cast<double>(limits.control_burst),
              .refilled = now};
  }
  of(Kind::kContinuation) = {};
  Bucket& resets = of(Kind::kReset);
  resets.burst = resets.tokens = static_cast<double>(limits.reset_burst);
  resets.per_second = static_cast<double>(limits.reset_per_second);
}

bool FloodGuard::Spend(Kind kind, Instant now) {
  Bucket& bucket = of(kind);
  if (bucket.earned > 0) {
    --bucket.earned;
    return true;
  }
  if (now > bucket.refilled) {
    bucket.tokens = std::min(bucket.burst,
                             bucket.tokens + ToSeconds(now - bucket.refilled) * bucket.per_second);
    bucket.refilled = now;
  }
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

void FloodGuard::Earn(Kind kind, std::uint32_t count) {
  Bucket& bucket = of(kind);
  bucket.earned = std::min(kMaxEarned, bucket.earned + count);
}

const char* FloodGuard::Name(Kind kind) {
  switch (kind) {
    case Kind::kPing:
      return "PING";
    case Kind::kSettings:
      return "SETTINGS";
    case Kind::kPriority:
      return "PRIORITY";
    case Kind::kUnknown:
      return "unknown";
    case Kind::kEmptyData:
      return "empty DATA";
    case Kind::kWindowUpdate:
      return "WINDOW_UPDATE";
    case Kind::kGoAway:
      return "GOAWAY";
    case Kind::kLateHead:
      return "late HEADERS";
    case Kind::kContinuation:
      return "CONTINUATION";
    case Kind::kReset:
      return "RST_STREAM";
    case Kind::kKindCount:
      break;
  }
  return "";
}

}  // namespace spillway
