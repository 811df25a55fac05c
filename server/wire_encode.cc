#include "server/wire_encode.h"

#include <grpc/slice.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include <memory>

#include "transport/base/check.h"

namespace spillway {
namespace {

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

// A slice of `size` bytes that `describe(sink)` fills.
template <typename Describe>
grpc::Slice FilledSlice(std::size_t size, const Describe& describe) {
  grpc_slice slice = grpc_slice_malloc(size);
  ByteOut out(GRPC_SLICE_START_PTR(slice));
  describe(out);
  SPILLWAY_CHECK(out.at() == GRPC_SLICE_END_PTR(slice));
  return {slice, grpc::Slice::STEAL_REF};
}

using Owner = std::shared_ptr<const void>;

// A slice that shares the chunk's owner; a copy where there is none.
grpc::Slice AdoptedSlice(const Chunk& chunk) {
  if (chunk.owner == nullptr) return {chunk.bytes.data(), chunk.bytes.size()};
  auto owner = std::make_unique<Owner>(chunk.owner);
  // gRPC never writes through it.
  void* bytes = const_cast<char*>(chunk.bytes.data());
  return {bytes, chunk.bytes.size(), [](void* held) { delete static_cast<Owner*>(held); },
          owner.release()};
}

}  // namespace

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
