// Bytes of which any part can be told to be right by its place, for bodies too large to keep.
//
// What it is: a table of random bytes, of a prime length, over and over.
// Thread safety: constant after the first use.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace spillway {

// Longest piece that BulkAt gives.
inline constexpr std::size_t kMaxBulkPiece = 64 * 1024;

// The `size` bytes at `offset`; at most kMaxBulkPiece of them.
std::string_view BulkAt(std::uint64_t offset, std::size_t size);

// A body as it arrives.
class BulkReader {
 public:
  void Add(std::string_view bytes);

  std::uint64_t bytes() const { return bytes_; }
  bool right() const { return right_; }            // all were those of their place
  std::uint32_t checksum() const { return crc_; }  // CRC-32

 private:
  std::uint64_t bytes_ = 0;
  bool right_ = true;
  std::uint32_t crc_ = 0;
};

// Of the first `bytes`.
std::uint32_t BulkChecksum(std::uint64_t bytes);

}  // namespace spillway
