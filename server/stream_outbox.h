// What waits for the caller of a Stream call: frames, and data not yet cut into frames.
//
// What it is: a queue in the order head frames, data, trailers frame. Data is put together into
// frames only when one is taken, so that much that came in small pieces leaves in large ones. Small
// pieces are copied, so that none of them pins a receive buffer.
// What it owns: the frames, and shares of the chunks' owners.
// Thread safety: none; its call serializes.
// Invariants: every byte leaves in order, once; a data frame has at most kMaxDataFrameBytes.

#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "transport/base/bytes.h"

namespace spillway {

class StreamOutbox {
 public:
  // A chunk of at least this size is kept as it is; a smaller one is copied.
  static constexpr std::size_t kKeptChunkBytes = 4 * 1024;
  // Copied chunks are gathered up to this size.
  static constexpr std::size_t kGatheredBytes = 16 * 1024;

  // A whole frame that comes before all data. Returns what it weighs.
  std::uint64_t PushFirst(grpc::ByteBuffer frame);
  void PushData(const Chunk& chunk);
  // The frame that comes after all data. Returns what it weighs.
  std::uint64_t PushLast(grpc::ByteBuffer frame);

  bool empty() const;
  // The next frame; the queue must not be empty. Returns what it weighs: data by its bytes.
  std::uint64_t Pop(grpc::ByteBuffer& frame);
  void Clear();

 private:
  std::uint64_t PopData(grpc::ByteBuffer& frame);
  void KeepGathered();

  std::deque<grpc::ByteBuffer> first_;
  std::deque<Chunk> data_;
  std::string gathered_;  // what comes after data_
  std::optional<grpc::ByteBuffer> last_;
};

}  // namespace spillway
