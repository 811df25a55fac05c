// A request body that is whole in memory: its length is known and it can be sent again.
//
// With trailers its length is not told, because only a body of unknown length may have them.
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
  explicit BufferedBody(Body body, HeaderList trailers = {})
      : body_(std::move(body)), trailers_(std::move(trailers)) {}

  std::optional<std::uint64_t> length() const override {
    if (!trailers_.empty()) return std::nullopt;
    return body_.size();
  }
  bool replayable() const override { return true; }
  const Body* buffered() const override { return trailers_.empty() ? &body_ : nullptr; }
  const HeaderList* trailers() const override { return trailers_.empty() ? nullptr : &trailers_; }

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
  const Body body_;
  const HeaderList trailers_;
  std::size_t next_ = 0;
};

}  // namespace spillway
