#include "tests/integration/bulk_pattern.h"

#include <zlib.h>

#include <algorithm>
#include <string>

namespace spillway {
namespace {

constexpr std::size_t kPeriod = 1'048'573;

const std::string& Table() {
  static const std::string table = [] {
    std::string bytes(kPeriod, '\0');
    std::uint64_t state = 0x9e3779b97f4a7c15U;
    for (char& byte : bytes) {
      state ^= state << 13U;
      state ^= state >> 7U;
      state ^= state << 17U;
      byte = static_cast<char>(state >> 32U);
    }
    return bytes + bytes.substr(0, kMaxBulkPiece);
  }();
  return table;
}

std::uint32_t Crc(std::uint32_t crc, std::string_view bytes) {
  return static_cast<std::uint32_t>(
      crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace

std::string_view BulkAt(std::uint64_t offset, std::size_t size) {
  return std::string_view(Table()).substr(static_cast<std::size_t>(offset % kPeriod),
                                          std::min(size, kMaxBulkPiece));
}

void BulkReader::Add(std::string_view bytes) {
  crc_ = Crc(crc_, bytes);
  while (!bytes.empty()) {
    const std::string_view wanted = BulkAt(bytes_, bytes.size());
    right_ = right_ && bytes.starts_with(wanted);
    bytes_ += wanted.size();
    bytes.remove_prefix(wanted.size());
  }
}

std::uint32_t BulkChecksum(std::uint64_t bytes) {
  std::uint32_t crc = 0;
  for (std::uint64_t at = 0; at < bytes;) {
    const std::string_view piece =
        BulkAt(at, static_cast<std::size_t>(std::min<std::uint64_t>(bytes - at, kMaxBulkPiece)));
    crc = Crc(crc, piece);
    at += piece.size();
  }
  return crc;
}

}  // namespace spillway
