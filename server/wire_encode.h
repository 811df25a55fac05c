// Encodes spillway.v1.HttpResponse without copying a large body.
//
// What it is: the bytes that protobuf's own serializer would give, as one slice when they are few
// (kFlatResponseBytes), else as a slice before the body, the body's chunks as they are, and a slice
// after it.
// What it owns: the slices of a large body share the chunks' owners.
// Thread safety: a pure function.

#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "server/wire_exchange.h"
#include "transport/base/bytes.h"
#include "transport/base/message.h"

namespace grpc {
class ByteBuffer;
}  // namespace grpc

namespace spillway {

// Up to this size a copy costs less than the slices it saves.
inline constexpr std::size_t kFlatResponseBytes = 16 * 1024;

// What goes into the message. Everything pointed to must outlive the call of EncodeHttpResponse;
// chunks of the body that have no owner are copied.
struct WireResponse {
  const ResponseHead* head = nullptr;
  const Body* body = nullptr;
  const HeaderList* trailers = nullptr;
  std::string_view protocol;
  const RoundTripRecord* record = nullptr;  // null: no exchange
  ExchangeParts parts;
  const std::vector<ResponseHead>* informational = nullptr;
};

// The fields before the body with the body's length prefix, and those after it.
template <typename Out>
void PutBeforeBody(Out& out, const WireResponse& response) {
  PutNumber(out, 1, response.head->status);
  PutHeaders(out, 2, response.head->headers);
  if (!response.body->empty()) PutLengthPrefix(out, 3, response.body->size());
}

template <typename Out>
void PutAfterBody(Out& out, const WireResponse& response) {
  PutHeaders(out, 4, *response.trailers);
  PutBytes(out, 5, response.protocol);
  PutBytes(out, 6, response.head->reason);
  if (response.record != nullptr) {
    PutMessage(out, 7, [&](auto& inner) { PutExchange(inner, *response.record, response.parts); });
  }
  for (const ResponseHead& head : *response.informational) {
    PutMessage(out, 8, [&head](auto& inner) {
      PutNumber(inner, 1, head.status);
      PutHeaders(inner, 2, head.headers);
    });
  }
}

void EncodeHttpResponse(const WireResponse& response, grpc::ByteBuffer& out);

}  // namespace spillway
