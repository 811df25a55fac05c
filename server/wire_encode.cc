#include "server/wire_encode.h"

#include <grpcpp/support/byte_buffer.h>

#include "server/slices.h"

namespace spillway {

void EncodeHttpResponse(const WireResponse& response, grpc::ByteBuffer& out) {
  SizeOut before;
  PutBeforeBody(before, response);
  SizeOut after;
  PutAfterBody(after, response);
  const std::size_t body_size = response.body->size();

  if (before.size() + body_size + after.size() <= kFlatResponseBytes) {
    const grpc::Slice flat =
        FilledSlice(before.size() + body_size + after.size(), [&response](ByteOut& sink) {
          PutBeforeBody(sink, response);
          for (const Chunk& chunk : response.body->chunks()) sink.Raw(chunk.bytes);
          PutAfterBody(sink, response);
        });
    out = grpc::ByteBuffer(&flat, 1);
    return;
  }
  std::vector<grpc::Slice> slices;
  slices.reserve(response.body->chunks().size() + 2);
  slices.push_back(
      FilledSlice(before.size(), [&response](ByteOut& sink) { PutBeforeBody(sink, response); }));
  for (const Chunk& chunk : response.body->chunks()) slices.push_back(AdoptedSlice(chunk));
  slices.push_back(
      FilledSlice(after.size(), [&response](ByteOut& sink) { PutAfterBody(sink, response); }));
  out = grpc::ByteBuffer(slices.data(), slices.size());
}

}  // namespace spillway
