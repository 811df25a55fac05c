// Reads frame headers off the bytes of a connection, before anybody acts on them.
//
// What it is: the part of HTTP/2 framing that the library behind Http2Session tells nobody about:
// unknown and ignored frames, frames without content, header blocks that never end.
// Thread safety: a plain value.
// Invariants: the same frames come out however the bytes are cut.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace spillway {

struct FrameInfo {
  std::uint32_t length = 0;
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  std::uint32_t stream = 0;
  std::uint32_t content = 0;  // DATA: length without padding
};

class FrameScanner {
 public:
  static constexpr std::uint8_t kData = 0;
  static constexpr std::uint8_t kHeaders = 1;
  static constexpr std::uint8_t kPriority = 2;
  static constexpr std::uint8_t kRstStream = 3;
  static constexpr std::uint8_t kSettings = 4;
  static constexpr std::uint8_t kPushPromise = 5;
  static constexpr std::uint8_t kPing = 6;
  static constexpr std::uint8_t kGoAway = 7;
  static constexpr std::uint8_t kWindowUpdate = 8;
  static constexpr std::uint8_t kContinuation = 9;

  static constexpr std::uint8_t kAck = 1;
  static constexpr std::uint8_t kEndStream = 1;
  static constexpr std::uint8_t kEndHeaders = 4;
  static constexpr std::uint8_t kPadded = 8;

  // Takes bytes off `input` until a frame's header is complete, then true: frame() is it. False:
  // `input` is used up.
  bool Next(std::string_view& input);
  const FrameInfo& frame() const { return frame_; }
  std::uint64_t frames() const { return frames_; }
  // Between HEADERS and END_HEADERS, when nothing else may come on the connection (O-183).
  bool in_header_block() const { return in_header_block_; }
  // CONTINUATION frames of the header block that is or was last read.
  std::uint32_t continuations() const { return continuations_; }
  // The first bytes of the connection, until there is a frame.
  std::string_view opening() const { return {header_.data(), filled_}; }

 private:
  static constexpr std::size_t kHeaderBytes = 9;

  bool FinishHeader();
  void NoteFrame();

  std::array<char, kHeaderBytes> header_{};
  std::size_t filled_ = 0;
  bool want_pad_length_ = false;
  std::size_t skip_ = 0;  // payload of the frame that is not looked at
  bool in_header_block_ = false;
  std::uint32_t continuations_ = 0;
  std::uint64_t frames_ = 0;
  FrameInfo frame_;
};

}  // namespace spillway
