#include "server/wire_decode.h"

#include <utility>

#include "server/wire_fields.h"

namespace spillway {
namespace {

bool ReadDuration(WireReader& in, std::optional<WireDuration>& out) {
  if (!out.has_value()) out.emplace();
  return ReadMessage(in, [&](std::uint32_t field, WireType type, bool& handled) {
    switch (FieldTag(field, type)) {
      case VarintField(1):
        return ReadNumber(in, out->seconds);
      case VarintField(2):
        return ReadNumber(in, out->nanos);
      default:
        handled = false;
        return true;
    }
  });
}

bool ReadRetry(WireReader& in, WireOptions& out) {
  return ReadMessage(in, [&](std::uint32_t field, WireType type, bool& handled) {
    if (FieldTag(field, type) == VarintField(1)) return ReadNumber(in, out.max_attempts);
    handled = false;
    return true;
  });
}

bool ReadOptions(WireReader& in, WireOptions& out) {
  return ReadMessage(in, [&](std::uint32_t field, WireType type, bool& handled) {
    switch (FieldTag(field, type)) {
      case BytesField(1):
        return ReadDuration(in, out.timeout);
      case VarintField(2):
        return ReadNumber(in, out.max_redirects);
      case VarintField(3):
        return ReadNumber(in, out.idempotency);
      case VarintField(4):
        return ReadNumber(in, out.decompression);
      case BytesField(5):
        return in.ReadUtf8(out.cookie_jar);
      case VarintField(6):
        return ReadNumber(in, out.max_response_bytes);
      case VarintField(7):
        return ReadBool(in, out.informational);
      case VarintField(8):
        return ReadNumber(in, out.exchange_detail);
      case VarintField(9):
        return ReadBool(in, out.fresh_connection);
      case BytesField(10):
        return ReadDuration(in, out.response_header_timeout);
      case BytesField(11):
        return ReadRetry(in, out);
      default:
        handled = false;
        return true;
    }
  });
}

}  // namespace

bool ReadHeader(WireReader& in, HeaderList& out, bool& too_many) {
  HeaderField header;
  const bool ok = ReadMessage(in, [&](std::uint32_t field, WireType type, bool& handled) {
    switch (FieldTag(field, type)) {
      case BytesField(1):
        return in.ReadUtf8(header.name);
      case BytesField(2):
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

bool ReadHttpRequest(WireReader& in, WireRequest& out) {
  return ReadFields(in, [&](std::uint32_t field, WireType type, bool& handled) {
    switch (FieldTag(field, type)) {
      case BytesField(1):
        return in.ReadUtf8(out.method);
      case BytesField(2):
        return in.ReadUtf8(out.url);
      case BytesField(3):
        return ReadHeader(in, out.headers, out.too_many_fields);
      case BytesField(4):
        return in.ReadBody(out.body);
      case BytesField(5):
        return ReadHeader(in, out.trailers, out.too_many_fields);
      case BytesField(6):
        return ReadOptions(in, out.options);
      case VarintField(7):
        return ReadNumber(in, out.content_length.emplace());
      case BytesField(8):
        return in.ReadUtf8(out.request_target);
      default:
        handled = false;
        return true;
    }
  });
}

bool DecodeHttpRequest(const grpc::ByteBuffer& message, WireRequest& out) {
  WireReader in(message);
  out.message_bytes = in.size();
  return ReadHttpRequest(in, out);
}

}  // namespace spillway
