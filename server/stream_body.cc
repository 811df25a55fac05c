#include "server/stream_body.h"

namespace spillway {

std::function<void()> StreamBody::Push(const Body& piece) {
  const MutexLock lock(mu_);
  if (state_ != State::kOpen || piece.empty()) return nullptr;
  pieces_.insert(pieces_.end(), piece.chunks().begin(), piece.chunks().end());
  return std::exchange(ready_, nullptr);
}

std::function<void()> StreamBody::End(HeaderList trailers) {
  const MutexLock lock(mu_);
  if (state_ != State::kOpen) return nullptr;
  state_ = State::kEnded;
  trailers_ = std::move(trailers);
  return std::exchange(ready_, nullptr);
}

std::function<void()> StreamBody::Fail(Failure failure) {
  const MutexLock lock(mu_);
  if (state_ != State::kOpen) return nullptr;
  state_ = State::kFailed;
  failure_ = std::move(failure);
  pieces_.clear();
  return std::exchange(ready_, nullptr);
}

Body StreamBody::TakeAll() {
  std::deque<Chunk> pieces;
  {
    const MutexLock lock(mu_);
    pieces = std::exchange(pieces_, {});
  }
  Body body;
  for (Chunk& piece : pieces) body.Append(std::move(piece));
  return body;
}

const HeaderList* StreamBody::trailers() const {
  const MutexLock lock(mu_);
  // Nothing changes them once the body has ended.
  return state_ == State::kEnded && !trailers_.empty() ? &trailers_ : nullptr;
}

BodySource::Status StreamBody::Read(Chunk& chunk, std::function<void()> ready) {
  {
    const MutexLock lock(mu_);
    if (pieces_.empty()) {
      if (state_ == State::kEnded) return Status::kEnd;
      if (state_ == State::kFailed) return Status::kError;
      ready_ = std::move(ready);
      return Status::kPending;
    }
    chunk = std::move(pieces_.front());
    pieces_.pop_front();
  }
  on_taken_(chunk.bytes.size());
  return Status::kData;
}

Failure StreamBody::failure() const {
  const MutexLock lock(mu_);
  return failure_;
}

}  // namespace spillway
