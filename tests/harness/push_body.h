// A request body that a test sends piece by piece, of known or unknown length.
//
// Thread safety: every function may be called from any thread.

#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "transport/base/body_source.h"
#include "transport/base/check.h"

namespace spillway {

class PushBody final : public BodySource {
 public:
  explicit PushBody(std::optional<std::uint64_t> length = std::nullopt) : length_(length) {}

  void Push(std::string bytes) {
    Change([&] { pieces_.push_back(std::move(bytes)); });
  }
  void End(HeaderList trailers = {}) {
    Change([&] {
      ended_ = true;
      trailers_ = std::move(trailers);
    });
  }
  void Fail() {
    Change([&] { failed_ = true; });
  }
  // Whoever reads from now on is at fault.
  void Forbid() {
    const std::lock_guard lock(mu_);
    forbidden_ = true;
  }
  int reads() const {
    const std::lock_guard lock(mu_);
    return reads_;
  }

  std::optional<std::uint64_t> length() const override { return length_; }
  bool replayable() const override { return false; }
  bool Rewind() override { return false; }
  const HeaderList* trailers() const override { return &trailers_; }
  Failure failure() const override {
    return Failure{Reason::kCancelled, Source::kCaller, Phase::kWrite, Delivery::kUnknown,
                   "the caller gave up"};
  }
  Status Read(Chunk& chunk, std::function<void()> ready) override {
    const std::lock_guard lock(mu_);
    SPILLWAY_CHECK_NOTE(!forbidden_, "the body is read when nobody may");
    ++reads_;
    if (!pieces_.empty()) {
      chunk = Chunk::Own(std::move(pieces_.front()));
      pieces_.pop_front();
      return Status::kData;
    }
    if (failed_) return Status::kError;
    if (ended_) return Status::kEnd;
    ready_ = std::move(ready);
    return Status::kPending;
  }

 private:
  template <typename What>
  void Change(const What& what) {
    std::function<void()> ready;
    {
      const std::lock_guard lock(mu_);
      what();
      ready = std::exchange(ready_, nullptr);
    }
    if (ready) ready();
  }

  const std::optional<std::uint64_t> length_;
  mutable std::mutex mu_;
  std::deque<std::string> pieces_;
  bool ended_ = false;
  bool failed_ = false;
  bool forbidden_ = false;
  int reads_ = 0;
  HeaderList trailers_;
  std::function<void()> ready_;
};

}  // namespace spillway
