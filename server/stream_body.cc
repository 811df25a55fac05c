#include "server/stream_body.h"

namespace spillway {

std::function<void()> StreamBody::Push(const Body& piece, std::uint64_t weight) {
  const MutexLock lock(mu_);
  if (state_ != State::kOpen || piece.empty()) return nullptr;
  for (const Chunk& chunk : piece.chunks()) pieces_.push_back({chunk, 0});
  pieces_.back().weight = weight;
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
  std::deque<Piece> pieces;
  {
    const MutexLock lock(mu_);
    pieces = std::exchange(pieces_, {});
  }
  Body body;
  for (Piece& piece : pieces) body.Append(std::move(piece.chunk));
  return body;
}

const HeaderList* StreamBody::trailers() const {
  const MutexLock lock(mu_);
  // Nothing changes them once the body has ended.
  return state_ == State::kEnded && !trailers_.empty() ? &trailers_ : nullptr;
}

BodySource::Status StreamBody::Read(Chunk& chunk, std::function<void()> ready) {
  std::uint64_t weight = 0;
  {
    const MutexLock lock(mu_);
    if (pieces_.empty()) {
      if (state_ == State::kEnded) return Status::kEnd;
      if (state_ == State::kFailed) return Status::kError;
      ready_ = std::move(ready);
      return Status::kPending;
    }
    chunk = std::move(pieces_.front().chunk);
    weight = pieces_.front().weight;
    pieces_.pop_front();
  }
  on_taken_(chunk.bytes.size(), weight);
  return Status::kData;
}

Failure StreamBody::failure() const {
  const MutexLock lock(mu_);
  return failure_;
}

}  // namespace spillway
