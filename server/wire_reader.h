// Reads Protocol Buffers' encoding out of the slices of a gRPC message.
//
// What it is: a cursor over a list of byte ranges with a stack of limits for nested messages, and
// the same rules on malformed input as protobuf's own C++ parser (3.21): a tag has at most five
// bytes, a length at most five of which the last is below 8, other varints at most ten; what does
// not fit is cut off; tag 0, field number 0 and wire types 6 and 7 are errors; unknown groups nest
// at most kMaxDepth deep together with messages.
// What it owns: a share of the slices, which is handed on with every body taken out of it.
// Thread safety: used by one thread; the bodies taken out may go anywhere.
// Invariants: after a function returned false the reader is spent: every further read fails.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "transport/base/bytes.h"

namespace grpc {
class ByteBuffer;
class Slice;
}  // namespace grpc

namespace spillway {

enum class WireType : std::uint8_t {
  kVarint = 0,
  kFixed64 = 1,
  kBytes = 2,
  kStartGroup = 3,
  kEndGroup = 4,
  kFixed32 = 5,
};

class WireReader {
 public:
  static constexpr int kMaxDepth = 100;

  // `message` may be dropped afterwards.
  explicit WireReader(const grpc::ByteBuffer& message);
  ~WireReader();
  WireReader(const WireReader&) = delete;
  WireReader& operator=(const WireReader&) = delete;

  // At the end of the innermost message (and not spent).
  bool AtEnd() const { return position_ == limit_; }
  // Length of the whole input.
  std::uint64_t size() const { return size_; }
  // How much of it was read.
  std::uint64_t position() const { return position_; }

  bool ReadTag(std::uint32_t& field, WireType& type);
  bool ReadVarint(std::uint64_t& value);
  // The content of a length-delimited field; copied.
  bool ReadString(std::string& out);
  // The same where only valid UTF-8 is allowed.
  bool ReadUtf8(std::string& out);
  // The same without copying: the chunks share the slices.
  bool ReadBody(Body& out);
  // Enters a nested message; Leave with what it gave.
  bool Enter(std::uint64_t& outer_limit);
  bool Leave(std::uint64_t outer_limit);
  // Skips the value of a field whose tag was just read.
  bool Skip(std::uint32_t field, WireType type);

 private:
  class Slices;

  bool Fail();
  bool ReadByte(std::uint8_t& byte);
  bool ReadTagVarint(std::uint32_t& tag);
  bool ReadLength(std::uint64_t& length);
  bool Advance(std::uint64_t count);
  bool SkipGroup(std::uint32_t field);
  // The unread rest of the current slice, within the limit; moves on to the next slice when the
  // current one is used up. Empty at the limit.
  std::string_view Ahead();

  std::shared_ptr<const Slices> slices_;
  std::size_t slice_ = 0;     // index of the current slice
  const char* at_ = nullptr;  // within it
  const char* slice_end_ = nullptr;
  std::uint64_t position_ = 0;  // of at_ in the whole message
  std::uint64_t limit_ = 0;     // end of the innermost message
  std::uint64_t size_ = 0;
  int depth_ = kMaxDepth;
  bool failed_ = false;
};

// Well-formed UTF-8: no overlong forms, surrogates or values above U+10FFFF.
bool IsUtf8(std::string_view text);

}  // namespace spillway
