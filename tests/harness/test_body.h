// Request bodies for tests: in memory, streamed, lying about their length, failing.
//
// Thread safety: as BodySource; what FedBody adds to that may be called from any thread.

#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "transport/base/body_source.h"

namespace spillway {

// All of it in memory: known length, replayable, sent in one write with the head.
std::unique_ptr<BodySource> MemoryBody(std::string bytes);

// A body that comes in pieces.
class StreamedBody : public BodySource {
 public:
  struct Options {
    std::string bytes;
    std::size_t piece = 1024;             // bytes a Read
    std::optional<std::uint64_t> length;  // what length() says
    bool replayable = false;
    bool fails = false;  // kError in place of kEnd
    // Asked before each piece: false answers kPending once and keeps `ready` in here.
    std::function<bool(std::function<void()> ready)> gate = {};
  };
  explicit StreamedBody(Options options) : options_(std::move(options)) {}

  std::optional<std::uint64_t> length() const override { return options_.length; }
  bool replayable() const override { return options_.replayable; }
  Status Read(Chunk& chunk, std::function<void()> ready) override;
  bool Rewind() override;
  Failure failure() const override;

 private:
  Options options_;
  std::size_t at_ = 0;
};

// A body that the test feeds while it is being read.
class FedBody : public BodySource {
 public:
  explicit FedBody(std::optional<std::uint64_t> length = std::nullopt) : length_(length) {}

  void Feed(std::string bytes);
  void End(HeaderList trailers = {});
  void Fail();
  // Whoever reads from now on is at fault.
  void Forbid();
  // Calls of Read so far.
  int reads() const;

  std::optional<std::uint64_t> length() const override { return length_; }
  bool replayable() const override { return false; }
  const HeaderList* trailers() const override { return &trailers_; }
  Status Read(Chunk& chunk, std::function<void()> ready) override;
  bool Rewind() override { return false; }
  Failure failure() const override;

 private:
  void Change(const std::function<void()>& change);

  const std::optional<std::uint64_t> length_;
  mutable std::mutex mu_;
  std::deque<std::string> pieces_;
  HeaderList trailers_;
  bool ended_ = false;
  bool failed_ = false;
  bool forbidden_ = false;
  int reads_ = 0;
  std::function<void()> ready_;
};

}  // namespace spillway
