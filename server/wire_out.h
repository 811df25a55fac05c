// Writes Protocol Buffers' encoding: one description of a message serves to measure and to write.
//
// What it is: two sinks with the same functions, SizeOut that counts and ByteOut that writes. A
// message is described once, as a function template over the sink; a nested message is measured
// first, for its length prefix, and then written.
// Thread safety: plain values.
// Invariants: scalars and strings at their default are left out, as protobuf's own serializer does;
// fields must be described in the order of their numbers to give the same bytes as it does.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "transport/base/instant.h"

namespace spillway {

class SizeOut {
 public:
  void Varint(std::uint64_t value) {
    do {
      ++size_;
      value >>= 7;
    } while (value != 0);
  }
  void Raw(std::string_view bytes) { size_ += bytes.size(); }
  void Add(std::size_t bytes) { size_ += bytes; }
  std::size_t size() const { return size_; }

 private:
  std::size_t size_ = 0;
};

// Writes to memory that is known to be large enough.
class ByteOut {
 public:
  explicit ByteOut(std::uint8_t* at) : at_(at) {}
  void Varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) *at_++ = static_cast<std::uint8_t>(value | 0x80);
    *at_++ = static_cast<std::uint8_t>(value);
  }
  void Raw(std::string_view bytes) {
    if (bytes.empty()) return;
    std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
  }
  const std::uint8_t* at() const { return at_; }

 private:
  std::uint8_t* at_;
};

template <typename Out>
void PutNumber(Out& out, std::uint32_t field, std::uint64_t value) {
  if (value == 0) return;
  out.Varint(field << 3);
  out.Varint(value);
}

template <typename Out>
void PutLengthPrefix(Out& out, std::uint32_t field, std::uint64_t length) {
  out.Varint(field << 3 | 2);
  out.Varint(length);
}

template <typename Out>
void PutBytes(Out& out, std::uint32_t field, std::string_view bytes) {
  if (bytes.empty()) return;
  PutLengthPrefix(out, field, bytes.size());
  out.Raw(bytes);
}

// `describe(sink)` puts the nested message's fields; it runs once to measure and once to put.
template <typename Out, typename Describe>
void PutMessage(Out& out, std::uint32_t field, const Describe& describe) {
  SizeOut size;
  describe(size);
  PutLengthPrefix(out, field, size.size());
  if constexpr (std::is_same_v<Out, SizeOut>) {
    out.Add(size.size());  // else the work would double with each level of nesting
  } else {
    describe(out);
  }
}

// google.protobuf.Duration; `length` must not be kForever.
template <typename Out>
void PutDuration(Out& out, std::uint32_t field, Duration length) {
  PutMessage(out, field, [length](auto& inner) {
    const std::int64_t nanos = length.count();
    PutNumber(inner, 1, static_cast<std::uint64_t>(nanos / 1'000'000'000));
    PutNumber(inner, 2, static_cast<std::uint64_t>(nanos % 1'000'000'000));
  });
}

// The bytes that `describe(sink)` puts.
template <typename Describe>
std::string WireString(const Describe& describe) {
  SizeOut size;
  describe(size);
  std::string bytes(size.size(), '\0');
  ByteOut out(reinterpret_cast<std::uint8_t*>(bytes.data()));
  describe(out);
  return bytes;
}

}  // namespace spillway
