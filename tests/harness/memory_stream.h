// A stream between two parties of one thread, without a socket.
//
// What it is: MemoryLink holds the bytes under way in both directions; MemoryStream is the near
// side's ByteStream over it; the far side is the test, which takes from `to_far` and adds to
// `to_near`.
// Thread safety: none.

#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "transport/io/byte_stream.h"

namespace spillway {

struct MemoryLink {
  std::string to_near;
  std::string to_far;
  bool far_closed = false;             // FIN behind to_near
  bool far_reset = false;              // RST: writes fail, reads once to_near is empty
  std::size_t read_at_most = 1 << 20;  // of one Read
  std::size_t room = 1 << 24;          // for to_far
  bool near_shut = false;              // the near side said it is done
};

class MemoryStream final : public ByteStream {
 public:
  explicit MemoryStream(std::shared_ptr<MemoryLink> link) : link_(std::move(link)) {}

  Io Read(std::span<char> into) override {
    std::string& bytes = link_->to_near;
    const std::size_t size = std::min({into.size(), bytes.size(), link_->read_at_most});
    if (size == 0) {
      if (link_->far_reset) return {Status::kError};
      return {link_->far_closed ? Status::kEnd : Status::kWantRead};
    }
    std::copy_n(bytes.data(), size, into.data());
    bytes.erase(0, size);
    return {Status::kOk, size};
  }

  Io Write(std::span<const iovec> parts) override {
    if (link_->far_reset) return {Status::kError};
    std::size_t total = 0;
    for (const iovec& part : parts) {
      const std::size_t space = link_->room - std::min(link_->room, link_->to_far.size());
      const std::size_t size = std::min(part.iov_len, space);
      link_->to_far.append(static_cast<const char*>(part.iov_base), size);
      total += size;
      if (size < part.iov_len) break;
    }
    return total == 0 ? Io{Status::kWantWrite} : Io{Status::kOk, total};
  }

  bool Quiet() override {
    return link_->to_near.empty() && !link_->far_closed && !link_->far_reset;
  }
  void Shutdown() override { link_->near_shut = true; }
  Failure failure() const override {
    return {Reason::kConnectionTerminated, Source::kOrigin, Phase::kNone, Delivery::kUnknown,
            "the peer reset the connection"};
  }

 private:
  const std::shared_ptr<MemoryLink> link_;
};

}  // namespace spillway
