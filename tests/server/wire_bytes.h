// Small helpers for tests that look at messages as bytes.

#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <string>
#include <string_view>
#include <vector>

namespace spillway {

// `bytes` as slices of at most `piece` bytes.
inline grpc::ByteBuffer ToBuffer(std::string_view bytes, std::size_t piece = std::string::npos) {
  std::vector<grpc::Slice> slices;
  while (!bytes.empty()) {
    const std::string_view first = bytes.substr(0, piece);
    slices.emplace_back(first.data(), first.size());
    bytes.remove_prefix(first.size());
  }
  return {slices.data(), slices.size()};
}

inline std::vector<grpc::Slice> SlicesOf(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  static_cast<void>(buffer.Dump(&slices));
  return slices;
}

inline std::string ToText(const grpc::ByteBuffer& buffer) {
  std::string bytes;
  for (const grpc::Slice& slice : SlicesOf(buffer)) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

}  // namespace spillway
