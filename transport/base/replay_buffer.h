// A streamed body that can be sent again as long as little of it was read.
//
// What it is: a BodySource over another one. It keeps the first `limit` bytes that it handed out;
// while no more than that was read it is replayable, so that a stale keep-alive connection or a
// refused stream need not surface (Y4, Y8, Y11).
// What it owns: the pieces it keeps, and a share of the source below. Small pieces are copied
// together: each would otherwise cost more than its bytes, or pin what it was cut from.
// Thread safety: as BodySource. What an earlier attempt left behind with the source below (a
// `ready`) does no harm: it belongs to a connection that no longer asks.
// Invariants: every attempt reads the same bytes; once a byte beyond the limit was handed out, the
// kept ones are dropped and replayable() is false for good.

#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "transport/base/body_source.h"

namespace spillway {

class ReplayBuffer final : public BodySource {
 public:
  // A piece below this is copied.
  static constexpr std::size_t kCopiedBytes = std::size_t{4} * 1024;

  ReplayBuffer(std::shared_ptr<BodySource> source, std::size_t limit)
      : source_(std::move(source)), limit_(limit) {}

  std::optional<std::uint64_t> length() const override { return source_->length(); }
  bool replayable() const override { return !overrun_; }
  const HeaderList* trailers() const override { return source_->trailers(); }
  Failure failure() const override { return source_->failure(); }

  Status Read(Chunk& chunk, std::function<void()> ready) override;
  bool Rewind() override;

 private:
  void Keep(const Chunk& chunk);
  // Makes what was copied together a piece.
  void Seal();

  const std::shared_ptr<BodySource> source_;
  const std::size_t limit_;
  std::vector<Chunk> kept_;
  std::string gathered_;  // what comes after kept_
  std::size_t kept_bytes_ = 0;
  std::size_t next_ = 0;  // of kept_, to hand out again
  bool overrun_ = false;
  Status ended_ = Status::kPending;  // what the source said last, when it was kEnd or kError
};

}  // namespace spillway
