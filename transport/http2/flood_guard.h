// Rations what costs a peer nothing to send and us something to take.
//
// What it is: a token bucket per kind of frame (hostile-cases.md 6.7). Work of ours earns more: a
// peer answers each DATA frame with WINDOW_UPDATEs, and each reset of ours may cross a response.
// Thread safety: a plain value.
// Invariants: per kind, never more is let through than burst + rate * time + what was earned.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "transport/base/instant.h"
#include "transport/base/options.h"

namespace spillway {

class FloodGuard {
 public:
  enum class Kind : std::uint8_t {
    kPing,
    kSettings,
    kPriority,
    kUnknown,  // ALTSVC and ORIGIN too, which we have no use for
    kEmptyData,
    kWindowUpdate,
    kGoAway,
    kLateHead,      // HEADERS for streams that are gone: decompressed for nothing (O-180)
    kContinuation,  // one too many in a header block: none of these is let through (O-181)
    kReset,         // RST_STREAM, theirs and those they make us send (O-163, O-164)
    kKindCount,
  };

  FloodGuard(const Http2Limits& limits, Instant now);

  // One more of `kind`; false: more than an honest peer sends.
  bool Spend(Kind kind, Instant now);
  // The peer may send `count` more of `kind`, whenever it likes.
  void Earn(Kind kind, std::uint32_t count);

  static const char* Name(Kind kind);

 private:
  static constexpr std::size_t kKinds = static_cast<std::size_t>(Kind::kKindCount);
  static constexpr std::uint32_t kMaxEarned = 65536;

  struct Bucket {
    double burst = 0;
    double per_second = 0;
    double tokens = 0;
    std::uint32_t earned = 0;
    Instant refilled{};
  };
  Bucket& of(Kind kind) { return buckets_[static_cast<std::size_t>(kind)]; }

  std::array<Bucket, kKinds> buckets_;
};

}  // namespace spillway
