// A request body that may have to be sent to the next hop of a chain of redirects, too.
//
// What it is: a ReplayBuffer that can be stopped: once a redirect is to be followed, the hop that
// is ending must not read further than what can still be sent again (an origin often answers 307 as
// soon as it has seen the head).
// What it owns: a share of the source below, through the buffer.
// Thread safety: as BodySource; Stop may be called from any thread.
// Invariants: after Stop, Read answers kPending and never calls `ready`, until Rewind.

#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "transport/base/body_source.h"
#include "transport/base/mutex.h"
#include "transport/base/replay_buffer.h"

namespace spillway {

class RedirectBody final : public BodySource {
 public:
  RedirectBody(std::shared_ptr<BodySource> source, std::size_t limit)
      : buffer_(std::move(source), limit) {}

  std::optional<std::uint64_t> length() const override {
    MutexLock lock(mu_);
    return buffer_.length();
  }
  bool replayable() const override {
    MutexLock lock(mu_);
    return buffer_.replayable();
  }
  const HeaderList* trailers() const override {
    MutexLock lock(mu_);
    return buffer_.trailers();
  }
  Failure failure() const override {
    MutexLock lock(mu_);
    return buffer_.failure();
  }

  Status Read(Chunk& chunk, std::function<void()> ready) override {
    MutexLock lock(mu_);
    return stopped_ ? Status::kPending : buffer_.Read(chunk, std::move(ready));
  }
  bool Rewind() override {
    MutexLock lock(mu_);
    stopped_ = false;
    return buffer_.Rewind();
  }

  // True when all that was read so far can be sent again; nothing more is read then.
  bool Stop() {
    MutexLock lock(mu_);
    stopped_ = buffer_.replayable();
    return stopped_;
  }

 private:
  mutable Mutex mu_;
  ReplayBuffer buffer_ SPILLWAY_GUARDED_BY(mu_);
  bool stopped_ SPILLWAY_GUARDED_BY(mu_) = false;
};

}  // namespace spillway
