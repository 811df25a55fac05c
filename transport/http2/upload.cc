#include "transport/http2/upload.h"

#include <utility>

namespace spillway {

Http2Upload::Http2Upload(std::shared_ptr<BodySource> body,
                         std::function<std::function<void()>()> wake)
    : body_(std::move(body)), wake_(std::move(wake)), left_(body_->length()) {}

Http2Upload::State Http2Upload::Prepare() {
  if (failed_) return State::kFailed;
  if (front_.bytes.empty()) front_ = std::exchange(next_, {});
  if (front_.bytes.empty() && !ended_) {
    const State state = Pull(front_);
    if (state != State::kReady) return state;
  }
  if (front_.bytes.empty() || !next_.bytes.empty() || ended_) return State::kReady;
  const State ahead = Pull(next_);
  if (ahead != State::kPending) return ahead;
  // More may come, or the end; unless the length says that this is the end, it need not wait.
  return left_ == std::uint64_t{0} ? State::kPending : State::kReady;
}

// kReady: a piece, or the end.
Http2Upload::State Http2Upload::Pull(Chunk& into) {
  if (waiting_) return State::kPending;
  while (true) {
    Chunk piece;
    // Set before the call: the source may call back before it returns.
    waiting_ = true;
    switch (body_->Read(piece, body_->buffered() == nullptr ? wake_() : nullptr)) {
      case BodySource::Status::kPending:
        return State::kPending;
      case BodySource::Status::kError:
        return Fail(body_->failure());
      case BodySource::Status::kEnd:
        waiting_ = false;
        ended_ = true;
        if (left_.value_or(0) == 0) return State::kReady;
        return Fail(BadRequest("body", "shorter than its declared length"));
      case BodySource::Status::kData:
        break;
    }
    waiting_ = false;
    if (piece.bytes.empty()) continue;
    if (left_) {
      if (piece.bytes.size() > *left_) {
        return Fail(BadRequest("body", "longer than its declared length"));
      }
      *left_ -= piece.bytes.size();
    }
    into = std::move(piece);
    return State::kReady;
  }
}

Http2Upload::State Http2Upload::Fail(Failure failure) {
  failed_ = true;
  failure_ = std::move(failure);
  return State::kFailed;
}

}  // namespace spillway
