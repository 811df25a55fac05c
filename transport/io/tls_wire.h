// Where OpenSSL meets the stream below: a BIO that asks it and remembers what it said.
//
// What it is: TlsWire is what a TlsStream knows of its lower side; NewTlsBio makes the BIO.
// What it owns: nothing; the stream below and the wire outlive the BIO.
// Thread safety: none.
// Invariants: once `refused` or `flooded` is set, OpenSSL gets no further byte from below.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "transport/io/byte_stream.h"

struct bio_st;  // BIO

namespace spillway {

struct TlsWire {
  ByteStream* below = nullptr;
  ByteStream::Status status = ByteStream::Status::kOk;  // what `below` said last
  std::uint64_t received = 0;
  // Bytes from below since the count was last set to zero, and how many may come (O-236).
  std::uint64_t fruitless = 0;
  std::uint64_t fruitless_limit = 0;
  bool flooded = false;         // the limit was passed
  bool refused = false;         // by whoever owns the wire
  std::array<char, 8> first{};  // what the peer sent first, for telling what it speaks (X7)

  std::string_view FirstBytes() const {
    return {first.data(),
            received < first.size() ? static_cast<std::size_t>(received) : first.size()};
  }
};

// Freed by the SSL object that it is given to. Null for want of memory.
::bio_st* NewTlsBio(TlsWire* wire);

}  // namespace spillway
