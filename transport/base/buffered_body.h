// A request body that is whole in memory: its length is known and it can be sent again.
//
// What it owns: the Body, hence a share of whatever holds the bytes.
// Thread safety: as BodySource.

#pragma once

#include <cstddef>
#include <utility>

#include "transport/base/body_source.h"

namespace spillway {

class BufferedBody final : public BodySource {
 public:
  explicit BufferedBody(Body body) : body_(std::move(body)) {}

  std::optional<std::uint64_t> length() const override { return body_.size(); }
  bool replayable() const override { return true; }
  const Body* buffered() const override { return &body_; }

  Status Read(Chunk& chunk, std::function<void()> /*ready*/) override {
    if (next_ == body_.chunks().size()) return Status::kEnd;
    chunk = body_.chunks()[next_++];
    return Status::kData;
  }

  bool Rewind() override {
    next_ = 0;
    return true;
  }

  Failure failure() const override { return {}; }

 private:
  Body body_;
  std::size_t next_ = 0;
};

}  // namespace spillway
