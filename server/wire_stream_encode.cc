#include "server/wire_stream_encode.h"

#include <grpcpp/support/byte_buffer.h>

#include "server/slices.h"

namespace spillway {
namespace {

constexpr auto kNothing = [](auto& /*sink*/) {};

// A message that is all in what `describe` describes.
template <typename Describe>
grpc::ByteBuffer Flat(const Describe& describe) {
  SizeOut size;
  describe(size);
  const grpc::Slice slice = FilledSlice(size.size(), describe);
  return {&slice, 1};
}

}  // namespace

void EncodeInformationalFrame(const ResponseHead& head, grpc::ByteBuffer& out) {
  out = Flat([&head](auto& sink) {
    PutMessage(sink, 1, [&head](auto& inner) {
      PutNumber(inner, 1, head.status);
      PutHeaders(inner, 2, head.headers);
    });
  });
}

void EncodeHeadFrame(const WireResponse& response, grpc::ByteBuffer& out) {
  SizeOut inside;
  PutBeforeBody(inside, response);
  PutAfterBody(inside, response);
  const std::size_t size = inside.size() + response.body->size();
  out = AroundBody(
      *response.body, kFlatResponseBytes,
      [&response, size](auto& sink) {
        PutLengthPrefix(sink, 2, size);
        PutBeforeBody(sink, response);
      },
      [&response](auto& sink) { PutAfterBody(sink, response); });
}

void EncodeDataFrame(const Body& data, grpc::ByteBuffer& out) {
  out = AroundBody(
      data, kFlatResponseBytes, [&data](auto& sink) { PutLengthPrefix(sink, 3, data.size()); },
      kNothing);
}

void EncodeTrailersFrame(const HeaderList& trailers, const RoundTripRecord* record,
                         ExchangeParts parts, grpc::ByteBuffer& out) {
  out = Flat([&](auto& sink) {
    PutMessage(sink, 4, [&](auto& inner) {
      PutHeaders(inner, 1, trailers);
      if (record != nullptr) {
        PutMessage(inner, 2, [&](auto& exchange) { PutExchange(exchange, *record, parts); });
      }
    });
  });
}

}  // namespace spillway
