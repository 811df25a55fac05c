#include "server/stream_outbox.h"

#include <algorithm>
#include <utility>

#include "server/wire_stream_encode.h"

namespace spillway {

std::uint64_t StreamOutbox::PushFirst(grpc::ByteBuffer frame) {
  const std::uint64_t weight = frame.Length();
  first_.push_back(std::move(frame));
  return weight;
}

std::uint64_t StreamOutbox::PushLast(grpc::ByteBuffer frame) {
  const std::uint64_t weight = frame.Length();
  last_ = std::move(frame);
  return weight;
}

void StreamOutbox::PushData(const Chunk& chunk) {
  if (chunk.owner != nullptr && chunk.bytes.size() >= kKeptChunkBytes) {
    KeepGathered();
    data_.push_back(chunk);
    return;
  }
  if (gathered_.size() + chunk.bytes.size() > kGatheredBytes) KeepGathered();
  gathered_.append(chunk.bytes);
}

void StreamOutbox::KeepGathered() {
  if (gathered_.empty()) return;
  data_.push_back(Chunk::Own(std::move(gathered_)));
  gathered_.clear();
}

bool StreamOutbox::empty() const {
  return first_.empty() && data_.empty() && gathered_.empty() && !last_.has_value();
}

std::uint64_t StreamOutbox::Pop(grpc::ByteBuffer& frame) {
  if (!first_.empty()) {
    frame = std::move(first_.front());
    first_.pop_front();
    return frame.Length();
  }
  if (!data_.empty() || !gathered_.empty()) return PopData(frame);
  frame = *std::exchange(last_, std::nullopt);
  return frame.Length();
}

std::uint64_t StreamOutbox::PopData(grpc::ByteBuffer& frame) {
  KeepGathered();
  Body body;
  while (!data_.empty() && body.size() < kMaxDataFrameBytes) {
    Chunk& next = data_.front();
    const std::size_t size = std::min(next.bytes.size(), kMaxDataFrameBytes - body.size());
    body.Append(Chunk{next.bytes.substr(0, size), next.owner});
    next.bytes.remove_prefix(size);
    if (next.bytes.empty()) data_.pop_front();
  }
  EncodeDataFrame(body, frame);
  return body.size();
}

void StreamOutbox::Clear() { *this = StreamOutbox(); }

}  // namespace spillway
