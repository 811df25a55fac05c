// Decodes spillway.v1.StreamRequest without copying the data it carries.
//
// What it is: as server/wire_decode.h, for the frames of Stream: of a oneof that comes several
// times the last member wins, and a member that comes again right away merges.
// What it owns: data shares the message's slices; everything else is copied.
// Thread safety: a pure function.
// Invariants: exactly the member that `kind` names is set.

#pragma once

#include <cstdint>
#include <optional>

#include "server/wire_decode.h"

namespace spillway {

enum class FrameKind : std::uint8_t { kNone, kHead, kData, kTrailers };

// spillway.v1.StreamRequest as sent.
struct WireStreamRequest {
  FrameKind kind = FrameKind::kNone;
  std::optional<WireRequest> head;
  Body data;
  HeaderList trailers;  // the first kMaxWireFields
  std::uint64_t message_bytes = 0;

  bool too_many_fields = false;  // trailers were left out
  // A Trailers.exchange was among them, which is for responses only; it is skipped unread.
  bool exchange = false;
};

// False when the bytes are no StreamRequest; `out` is then unspecified.
bool DecodeStreamRequest(const grpc::ByteBuffer& message, WireStreamRequest& out);

}  // namespace spillway
