// gRPC slices out of our own memory.
//
// Thread safety: pure functions; a slice may be dropped on any thread, and with it its share of the
// chunk's owner.

#pragma once

#include <grpc/slice.h>
#include <grpcpp/support/slice.h>

#include <memory>

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

}  // namespace spillway
