// The request body of a Stream call, as the transport pulls it.
//
// What it is: a BodySource that gRPC's reads are pushed into. It knows nothing of frames or order.
// What it owns: the pieces that the transport has not taken yet.
// Thread safety: one side pushes while the other reads. Whoever pushes may hold a lock: the `ready`
// that is due is returned, to be called without one; it may be empty.
// Invariants: after Fail no more is read, whatever had come: a body that ends badly never looks
// complete (C-019).

#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <utility>

#include "transport/base/body_source.h"
#include "transport/base/mutex.h"

namespace spillway {

class StreamBody final : public BodySource {
 public:
  // `on_taken` hears how many bytes a Read took, and what weight went with them, on its thread,
  // which may hold locks of the transport: it must not wait for anything, nor call gRPC.
  explicit StreamBody(std::function<void(std::uint64_t bytes, std::uint64_t weight)> on_taken)
      : on_taken_(std::move(on_taken)) {}

  // Before the transport has it.
  void SetLength(std::optional<std::uint64_t> length) { length_ = length; }

  // `weight`: what the piece holds in memory; it goes with its last byte, because all chunks of a
  // piece may share one owner.
  [[nodiscard]] std::function<void()> Push(const Body& piece, std::uint64_t weight);
  // Nothing follows but `trailers`.
  [[nodiscard]] std::function<void()> End(HeaderList trailers);
  // It will never be complete. The first of End and Fail counts.
  [[nodiscard]] std::function<void()> Fail(Failure failure);
  // All that was pushed and not taken.
  Body TakeAll();

  // Of the transport.
  std::optional<std::uint64_t> length() const override { return length_; }
  bool replayable() const override { return false; }
  const HeaderList* trailers() const override;
  Status Read(Chunk& chunk, std::function<void()> ready) override;
  bool Rewind() override { return false; }
  Failure failure() const override;

 private:
  enum class State : std::uint8_t { kOpen, kEnded, kFailed };

  struct Piece {
    Chunk chunk;
    std::uint64_t weight = 0;
  };

  const std::function<void(std::uint64_t, std::uint64_t)> on_taken_;
  std::optional<std::uint64_t> length_;
  mutable Mutex mu_;
  std::deque<Piece> pieces_ SPILLWAY_GUARDED_BY(mu_);
  State state_ SPILLWAY_GUARDED_BY(mu_) = State::kOpen;
  HeaderList trailers_ SPILLWAY_GUARDED_BY(mu_);
  Failure failure_ SPILLWAY_GUARDED_BY(mu_);
  std::function<void()> ready_ SPILLWAY_GUARDED_BY(mu_);
};

}  // namespace spillway
