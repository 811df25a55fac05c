#include "server/wire_decode.h"

#include <utility>

#include "server/wire_reader.h"

namespace spillway {
namespace {

// Reads the fields of one message until its limit: `on_field(number, type, handled)` reads the
// value and leaves handled true, or sets it to false for a field it does not know.
template <typename OnField>
bool ReadFields(WireReader& in, OnField on_field) {
  while (!in.AtEnd()) {
    std::uint32_t field = 0;
    WireType type = WireType::kVarint;
    if (!in.ReadTag(field, type)) return false;
    bool handled = true;
    if (!on_field(field, type, handled)) return false;
    if (!handled && !in.Skip(field, type)) return false;
  }
  return true;
}

template <typename OnField>
bool ReadMessage(WireReader& in, OnField on_field) {
  std::uint64_t outer_limit = 0;
  return in.Enter(outer_limit) && ReadFields(in, on_field) && in.Leave(outer_limit);
}

template <typename T>
bool ReadNumber(WireReader& in, T& out) {
  std::uint64_t value = 0;
  if (!in.ReadVarint(value)) return false;
  out = static_cast<T>(value);  // protobuf cuts off, too
  return true;
}

bool ReadBool(WireReader& in, bool& out) {
  std::uint64_t value = 0;
  if (!in.ReadVarint(value)) return false;
  out = value != 0;
  return true;
}

// Tag of a field as the decoders below switch on it: number and wire type at once, so that a known
// number with another wire type is an unknown field.
constexpr std::uint32_t Tag(std::uint32_t field, WireType type) {
  return field << 3 | static_cast<std::uint32_t>(type);
}
constexpr std::uint32_t Varint(std::uint32_t field) { return Tag(field, WireType::kVarint); }
constexpr std::uint32_t Bytes(std::uint32_t field) { return Tag(field, WireType::kBytes); }

bool ReadHeader(WireReader& in, HeaderList& out, bool& too_many) {
  HeaderField header;
  const bool ok = ReadMessage(in, [&](std::uint32_t field, WireType type, bool& handled) {
    switch (Tag(field, type)) {
      case Bytes(1):
        return in.ReadUtf8(header.name);
      case Bytes(2):
        return in.ReadString(header.value);
      default:
        handled = false;
        return true;
    }
  });
  if (!ok) return false;
  if (out.size() == kMaxWireFields) {
    too_many = true;
  } else {
    out.Add(std::move(header));
  }
  return true;
}

bool ReadDuration(WireReader& in, std::optional<WireDuration>& out) {
  if (!out.has_value()) out.emplace();
  return ReadMessage(in, [&](std::uint32_t field, WireType type, bool& handled) {
    switch (Tag(field, type)) {
      case Varint(1):
        return ReadNumber(in, out->seconds);
      case Varint(2):
        return ReadNumber(in, out->nanos);
      default:
        handled = false;
        return true;
    }
  });
}

bool ReadRetry(WireReader& in, WireOptions& out) {
  return ReadMessage(in, [&](std::uint32_t field, WireType type, bool& handled) {
    if (Tag(field, type) == Varint(1)) return ReadNumber(in, out.max_attempts);
    handled = false;
    return true;
  });
}

bool ReadOptions(WireReader& in, WireOptions& out) {
  return ReadMessage(in, [&](std::uint32_t field, WireType type, bool& handled) {
    switch (Tag(field, type)) {
      case Bytes(1):
        return ReadDuration(in, out.timeout);
      case Varint(2):
        return ReadNumber(in, out.max_redirects);
      case Varint(3):
        return ReadNumber(in, out.idempotency);
      case Varint(4):
        return ReadNumber(in, out.decompression);
      case Bytes(5):
        return in.ReadUtf8(out.cookie_jar);
      case Varint(6):
        return ReadNumber(in, out.max_response_bytes);
      case Varint(7):
        return ReadBool(in, out.informational);
      case Varint(8):
        return ReadNumber(in, out.exchange_detail);
      case Varint(9):
        return ReadBool(in, out.fresh_connection);
      case Bytes(10):
        return ReadDuration(in, out.response_header_timeout);
      case Bytes(11):
        return ReadRetry(in, out);
      default:
        handled = false;
        return true;
    }
  });
}

}  // namespace

bool DecodeHttpRequest(const grpc::ByteBuffer& message, WireRequest& out) {
  WireReader in(message);
  out.message_bytes = in.size();
  return ReadFields(in, [&](std::uint32_t field, WireType type, bool& handled) {
    switch (Tag(field, type)) {
      case Bytes(1):
        return in.ReadUtf8(out.method);
      case Bytes(2):
        return in.ReadUtf8(out.url);
      case Bytes(3):
        return ReadHeader(in, out.headers, out.too_many_fields);
      case Bytes(4):
        return in.ReadBody(out.body);
      case Bytes(5):
        return ReadHeader(in, out.trailers, out.too_many_fields);
      case Bytes(6):
        return ReadOptions(in, out.options);
      case Varint(7):
        return ReadNumber(in, out.content_length.emplace());
      case Bytes(8):
        return in.ReadUtf8(out.request_target);
      default:
        handled = false;
        return true;
    }
  });
}

}  // namespace spillway
