#include "transport/http2/frame_scanner.h"

#include <algorithm>

namespace spillway {
namespace {

std::uint32_t Byte(char c) { return static_cast<unsigned char>(c); }

}  // namespace

bool FrameScanner::Next(std::string_view& input) {
  while (!input.empty()) {
    if (skip_ > 0) {
      const std::size_t skipped = std::min(skip_, input.size());
      input.remove_prefix(skipped);
      skip_ -= skipped;
      continue;
    }
    if (want_pad_length_) {
      // One byte for the length itself.
      const std::uint32_t padding = Byte(input.front()) + 1;
      frame_.content = frame_.length > padding ? frame_.length - padding : 0;
      input.remove_prefix(1);
      skip_ = frame_.length - 1;
      want_pad_length_ = false;
      NoteFrame();
      return true;
    }
    const std::size_t taken = std::min(kHeaderBytes - filled_, input.size());
    std::copy_n(input.data(), taken, header_.data() + filled_);
    filled_ += taken;
    input.remove_prefix(taken);
    if (filled_ == kHeaderBytes && FinishHeader()) return true;
  }
  return false;
}

// True when the frame is known; false: its padding is still to be read.
bool FrameScanner::FinishHeader() {
  filled_ = 0;
  frame_.length = Byte(header_[0]) << 16 | Byte(header_[1]) << 8 | Byte(header_[2]);
  frame_.type = static_cast<std::uint8_t>(header_[3]);
  frame_.flags = static_cast<std::uint8_t>(header_[4]);
  frame_.stream = (Byte(header_[5]) & 0x7f) << 24 | Byte(header_[6]) << 16 | Byte(header_[7]) << 8 |
                  Byte(header_[8]);
  frame_.content = frame_.length;
  if (frame_.type == kData && (frame_.flags & kPadded) != 0 && frame_.length > 0) {
    want_pad_length_ = true;
    return false;
  }
  skip_ = frame_.length;
  NoteFrame();
  return true;
}

void FrameScanner::NoteFrame() {
  ++frames_;
  continuations_ = frame_.type == kContinuation ? continuations_ + 1 : 0;
  if (frame_.type == kHeaders || frame_.type == kPushPromise || frame_.type == kContinuation) {
    in_header_block_ = (frame_.flags & kEndHeaders) == 0;
  }
}

}  // namespace spillway
