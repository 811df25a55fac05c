// Request bodies for tests: in memory, streamed, lying about their length, failing.
//
// Thread safety: as BodySource.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
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

}  // namespace spillway
