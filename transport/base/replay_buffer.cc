#include "transport/base/replay_buffer.h"

namespace spillway {

BodySource::Status ReplayBuffer::Read(Chunk& chunk, std::function<void()> ready) {
  if (next_ < kept_.size()) {
    chunk = kept_[next_++];
    return Status::kData;
  }
  if (ended_ != Status::kPending) return ended_;
  const Status status = source_->Read(chunk, std::move(ready));
  if (status == Status::kData) Keep(chunk);
  if (status == Status::kEnd || status == Status::kError) ended_ = status;
  return status;
}

void ReplayBuffer::Keep(const Chunk& chunk) {
  if (overrun_ || chunk.bytes.empty()) return;
  if (chunk.bytes.size() > limit_ - kept_bytes_) {
    overrun_ = true;
    kept_ = {};
    gathered_ = {};
    next_ = 0;
    return;
  }
  kept_bytes_ += chunk.bytes.size();
  // Bytes without an owner live as long as the source; what is kept depends on no such thing.
  if (chunk.owner == nullptr || chunk.bytes.size() < kCopiedBytes) {
    gathered_.append(chunk.bytes);
    return;
  }
  Seal();
  kept_.push_back(chunk);
  next_ = kept_.size();
}

void ReplayBuffer::Seal() {
  if (gathered_.empty()) return;
  kept_.push_back(Chunk::Own(std::exchange(gathered_, {})));
  next_ = kept_.size();
}

bool ReplayBuffer::Rewind() {
  if (overrun_) return false;
  Seal();
  next_ = 0;
  return true;
}

}  // namespace spillway
