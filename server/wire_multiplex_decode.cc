#include "server/wire_multiplex_decode.h"

#include "server/wire_fields.h"

namespace spillway {

bool MultiplexReader::ReadCall(WireCall& call) {
  const std::uint64_t begin = in_.position();
  const bool ok = ReadMessage(in_, [&](std::uint32_t field, WireType type, bool& handled) {
    switch (FieldTag(field, type)) {
      case VarintField(1):
        return ReadNumber(in_, call.id);
      case BytesField(2): {
        std::uint64_t outer_limit = 0;
        return in_.Enter(outer_limit) && ReadHttpRequest(in_, call.request) &&
               in_.Leave(outer_limit);
      }
      default:
        handled = false;
        return true;
    }
  });
  call.request.message_bytes = in_.position() - begin;
  return ok;
}

MultiplexReader::Item MultiplexReader::Next(WireCall& call) {
  while (true) {
    if (in_cancels_) {
      if (!in_.AtEnd()) return in_.ReadVarint(call.id) ? Item::kCancel : Item::kBroken;
      if (!in_.Leave(outer_limit_)) return Item::kBroken;
      in_cancels_ = false;
    }
    if (in_.AtEnd()) return Item::kEnd;
    std::uint32_t field = 0;
    WireType type = WireType::kVarint;
    if (!in_.ReadTag(field, type)) return Item::kBroken;
    switch (FieldTag(field, type)) {
      case BytesField(1):
        return ReadCall(call) ? Item::kCall : Item::kBroken;
      case VarintField(2):
        return in_.ReadVarint(call.id) ? Item::kCancel : Item::kBroken;
      case BytesField(2):
        if (!in_.Enter(outer_limit_)) return Item::kBroken;
        in_cancels_ = true;
        break;
      default:
        if (!in_.Skip(field, type)) return Item::kBroken;
    }
  }
}

}  // namespace spillway
