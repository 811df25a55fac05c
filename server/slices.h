// gRPC slices out of our own memory.
//
// Thread safety: pure functions; a slice may be dropped on any thread, and with it its share of the
// chunk's owner.

#pragma once

#include <grpc/slice.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include <cstddef>
#include <memory>
#include <vector>

#include "server/wire_out.h"
#include "transport/base/bytes.h"
#include "transport/base/check.h"

namespace spillway {

// A slice of `size` bytes that `describe(sink)` fills.
template <typename Describe>
grpc::Slice FilledSlice(std::size_t size, const Describe& describe) {
  grpc_slice slice = grpc_slice_malloc(size);
  ByteOut out(GRPC_SLICE_START_PTR(slice));
  describe(out);
  SPILLWAY_CHECK(out.at() == GRPC_SLICE_END_PTR(slice));
  return {slice, grpc::Slice::STEAL_REF};
}

// A slice that shares the chunk's owner; a copy where there is none.
inline grpc::Slice AdoptedSlice(const Chunk& chunk) {
  using Owner = std::shared_ptr<const void>;
  if (chunk.owner == nullptr) return {chunk.bytes.data(), chunk.bytes.size()};
  auto owner = std::make_unique<Owner>(chunk.owner);
  // gRPC never writes through it.
  void* bytes = const_cast<char*>(chunk.bytes.data());
  return {bytes, chunk.bytes.size(), [](void* held) { delete static_cast<Owner*>(held); },
          owner.release()};
}

// A message made of what `before` and `after` describe and, between them, the body as it is: one
// slice when all of it has at most `flat` bytes, because a copy then costs less than the slices it
// saves; else the body's chunks are adopted.
template <typename Before, typename After>
grpc::ByteBuffer AroundBody(const Body& body, std::size_t flat, const Before& before,
                            const After& after) {
  SizeOut before_size;
  before(before_size);
  SizeOut after_size;
  after(after_size);
  const std::size_t size = before_size.size() + body.size() + after_size.size();
  std::vector<grpc::Slice> slices;
  if (size <= flat) {
    slices.push_back(FilledSlice(size, [&](ByteOut& sink) {
      before(sink);
      for (const Chunk& chunk : body.chunks()) sink.Raw(chunk.bytes);
      after(sink);
    }));
  } else {
    slices.reserve(body.chunks().size() + 2);
    slices.push_back(FilledSlice(before_size.size(), before));
    for (const Chunk& chunk : body.chunks()) slices.push_back(AdoptedSlice(chunk));
    if (after_size.size() > 0) slices.push_back(FilledSlice(after_size.size(), after));
  }
  return {slices.data(), slices.size()};
}

}  // namespace spillway
