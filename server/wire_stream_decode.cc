#include "server/wire_stream_decode.h"

#include "server/wire_fields.h"

namespace spillway {
namespace {

// Makes `kind` the member that is set, empty unless it was set before.
void Choose(WireStreamRequest& out, FrameKind kind) {
  if (out.kind == kind) return;
  out.kind = kind;
  out.head.reset();
  out.data = Body();
  out.trailers = {};
  out.too_many_fields = false;
  if (kind == FrameKind::kHead) out.head.emplace();
}

bool ReadHead(WireReader& in, WireStreamRequest& out) {
  Choose(out, FrameKind::kHead);
  std::uint64_t outer_limit = 0;
  return in.Enter(outer_limit) && ReadHttpRequest(in, *out.head) && in.Leave(outer_limit);
}

bool ReadTrailers(WireReader& in, WireStreamRequest& out) {
  Choose(out, FrameKind::kTrailers);
  return ReadMessage(in, [&](std::uint32_t field, WireType type, bool& handled) {
    if (FieldTag(field, type) == BytesField(1)) {
      return ReadHeader(in, out.trailers, out.too_many_fields);
    }
    if (FieldTag(field, type) == BytesField(2)) out.exchange = true;
    handled = false;
    return true;
  });
}

}  // namespace

bool DecodeStreamRequest(const grpc::ByteBuffer& message, WireStreamRequest& out) {
  WireReader in(message);
  const bool ok = ReadFields(in, [&](std::uint32_t field, WireType type, bool& handled) {
    switch (FieldTag(field, type)) {
      case BytesField(1):
        return ReadHead(in, out);
      case BytesField(2):
        Choose(out, FrameKind::kData);
        return in.ReadBody(out.data);
      case BytesField(3):
        return ReadTrailers(in, out);
      default:
        handled = false;
        return true;
    }
  });
  out.message_bytes = in.size();
  if (out.head.has_value()) out.head->message_bytes = in.size();
  return ok;
}

}  // namespace spillway
