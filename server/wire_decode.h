// Decodes spillway.v1.HttpRequest without copying its body.
//
// What it is: a hand-written decoder that accepts exactly what the generated parser accepts and
// reads it the same way: the last scalar wins, repeated occurrences of a sub-message merge, unknown
// fields and fields of another wire type are skipped, strings must be UTF-8.
// tests/fuzz/wire_fuzz.cc holds it to that. What it owns: names, values and strings are copied;
// body chunks share the message's slices. Thread safety: a pure function. Invariants: no meaning is
// checked here; server/request_mapping.h does that.

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "transport/base/bytes.h"
#include "transport/base/header_list.h"

namespace grpc {
class ByteBuffer;
}  // namespace grpc

namespace spillway {

class WireReader;

// google.protobuf.Duration as sent.
struct WireDuration {
  std::int64_t seconds = 0;
  std::int32_t nanos = 0;
};

// spillway.v1.RequestOptions as sent; enums keep values that no member has.
struct WireOptions {
  std::optional<WireDuration> timeout;
  std::uint32_t max_redirects = 0;
  std::int32_t idempotency = 0;
  std::int32_t decompression = 0;
  std::string cookie_jar;
  std::uint64_t max_response_bytes = 0;
  bool informational = false;
  std::int32_t exchange_detail = 0;
  bool fresh_connection = false;
  std::optional<WireDuration> response_header_timeout;
  std::uint32_t max_attempts = 0;  // retry.max_attempts
};

// spillway.v1.HttpRequest as sent.
struct WireRequest {
  std::string method;
  std::string url;
  HeaderList headers;  // the first kMaxWireFields
  Body body;
  HeaderList trailers;  // the first kMaxWireFields
  WireOptions options;
  std::optional<std::uint64_t> content_length;
  std::string request_target;

  bool too_many_fields = false;  // headers or trailers were left out
  std::uint64_t message_bytes = 0;
};

// Header fields that are kept: far more than any policy allows, few enough that a message of empty
// fields cannot grow in memory (case C-035).
inline constexpr std::size_t kMaxWireFields = 16 * 1024;

// Adds one Header message to `out`, or sets `too_many` when that is full. False when it is none.
bool ReadHeader(WireReader& in, HeaderList& out, bool& too_many);

// Reads an HttpRequest's fields up to the end of the message that `in` is in; what it gives is
// merged with what `out` holds, as protobuf does with a message that comes twice.
bool ReadHttpRequest(WireReader& in, WireRequest& out);

// False when the bytes are no HttpRequest; `out` is then unspecified.
bool DecodeHttpRequest(const grpc::ByteBuffer& message, WireRequest& out);

}  // namespace spillway
