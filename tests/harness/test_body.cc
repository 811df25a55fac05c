#include "tests/harness/test_body.h"

#include <algorithm>
#include <utility>

namespace spillway {
namespace {

class InMemory : public BodySource {
 public:
  explicit InMemory(std::string bytes) : body_(Body::Of(std::move(bytes))) {}

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
  const Body body_;
  std::size_t next_ = 0;
};

}  // namespace

std::unique_ptr<BodySource> MemoryBody(std::string bytes) {
  return std::make_unique<InMemory>(std::move(bytes));
}

BodySource::Status StreamedBody::Read(Chunk& chunk, std::function<void()> ready) {
  if (options_.gate && !options_.gate(std::move(ready))) return Status::kPending;
  if (at_ == options_.bytes.size()) return options_.fails ? Status::kError : Status::kEnd;
  const std::size_t take = std::min(options_.piece, options_.bytes.size() - at_);
  chunk = Chunk::Own(options_.bytes.substr(at_, take));
  at_ += take;
  return Status::kData;
}

bool StreamedBody::Rewind() {
  if (!options_.replayable) return false;
  at_ = 0;
  return true;
}

Failure StreamedBody::failure() const {
  Failure failure = BadRequest("body", "the source failed");
  return failure;
}

}  // namespace spillway
