// How a body is kept that came within a gRPC message: as a share of that message, or as a copy.
//
// What it is: the rule, and what the kept body weighs. A share of a message keeps all of it in
// memory, so that a short body would pin a long message, and many bodies of one message would each
// pin it for as long as the slowest of them. Only a body that is most of its message, and large, is
// shared; at most one body of a message can be that.
// Thread safety: pure functions.
// Invariants: what a kept body holds in memory is at most its weight, but for what the allocator
// adds.

#pragma once

#include <cstdint>
#include <utility>

#include "transport/base/bytes.h"

namespace spillway {

// A body below this is copied: that costs less than what a share does.
inline constexpr std::uint64_t kMinSharedBytes = 4 * 1024;
// So is one whose pieces are shorter than this on average: each costs some 100 bytes of its own.
inline constexpr std::uint64_t kMinSharedPieceBytes = 1024;
// What a kept body weighs besides its bytes.
inline constexpr std::uint64_t kKeptOverheadBytes = 256;

struct KeptBody {
  Body body;
  std::uint64_t weight = 0;  // 0 for an empty body
  bool shared = false;       // the weight is that of the whole message
};

// Whether a body of `bytes` in `pieces` is kept as a share of the message that it came in.
inline bool SharesItsMessage(std::uint64_t bytes, std::uint64_t pieces,
                             std::uint64_t message_bytes) {
  if (bytes < kMinSharedBytes || bytes / kMinSharedPieceBytes < pieces) return false;
  return bytes >= message_bytes - message_bytes / 4;
}

// `body` as read out of a message of `message_bytes`, whose slices it shares.
inline KeptBody KeepBody(Body body, std::uint64_t message_bytes) {
  if (body.empty()) return {};
  if (SharesItsMessage(body.size(), body.chunks().size(), message_bytes)) {
    return {std::move(body), message_bytes + kKeptOverheadBytes, true};
  }
  const std::uint64_t weight = body.size() + kKeptOverheadBytes;
  return {Body::Of(body.Flatten()), weight, false};
}

}  // namespace spillway
