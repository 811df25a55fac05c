// Immutable bytes that somebody keeps alive: how bodies travel without being copied.
//
// What it is: a Chunk is a view plus a shared owner; Body is an ordered list of chunks. The owner
// is whatever holds the memory (a gRPC slice, a receive buffer, a string).
// Thread safety: the bytes are immutable; a Chunk may be copied and dropped on any thread.
// Invariants: `bytes` stays valid while `owner` lives; no chunk in a Body is empty.

#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spillway {

struct Chunk {
  std::string_view bytes;
  std::shared_ptr<const void> owner;

  // A chunk that owns its own copy.
  static Chunk Own(std::string text) {
    auto owner = std::make_shared<const std::string>(std::move(text));
    return Chunk{std::string_view(*owner), owner};
  }
};

class Body {
 public:
  Body() = default;
  explicit Body(Chunk chunk) { Append(std::move(chunk)); }
  static Body Of(std::string text) { return Body(Chunk::Own(std::move(text))); }

  void Append(Chunk chunk) {
    if (chunk.bytes.empty()) return;
    size_ += chunk.bytes.size();
    chunks_.push_back(std::move(chunk));
  }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const std::vector<Chunk>& chunks() const { return chunks_; }

  // One contiguous copy.
  std::string Flatten() const {
    std::string out;
    out.reserve(size_);
    for (const Chunk& chunk : chunks_) out += chunk.bytes;
    return out;
  }

 private:
  std::vector<Chunk> chunks_;
  std::size_t size_ = 0;
};

}  // namespace spillway
