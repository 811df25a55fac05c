// What the fuzzers of the wire codec have in common: protobuf's side of headers, and bytes in
// slices.

#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "spillway/v1/egress.pb.h"
#include "transport/base/header_list.h"

#define REQUIRE(condition)                                                 \
  do {                                                                     \
    if (!(condition)) {                                                    \
      std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                        \
    }                                                                      \
  } while (false)

namespace spillway {

using WireHeaders = google::protobuf::RepeatedPtrField<v1::Header>;

// Slices of 1 to `step` * 37 bytes; one slice when `step` is 0.
inline grpc::ByteBuffer Cut(std::string_view bytes, unsigned step) {
  std::vector<grpc::Slice> slices;
  std::size_t size = step == 0 ? bytes.size() : 1;
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, size);
    slices.emplace_back(piece.data(), piece.size());
    bytes.remove_prefix(piece.size());
    size = step == 0 ? bytes.size() : 1 + (size * 7 + step) % (37 * step);
  }
  return {slices.data(), slices.size()};
}

inline std::string TextOf(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  REQUIRE(buffer.Dump(&slices).ok());
  std::string bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

inline bool SameHeaders(const HeaderList& ours, const WireHeaders& theirs) {
  if (ours.size() != static_cast<std::size_t>(theirs.size())) return false;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const v1::Header& header = theirs.Get(static_cast<int>(i));
    if (ours[i].name != header.name() || ours[i].value != header.value()) return false;
  }
  return true;
}

inline void SetHeaders(const HeaderList& from, WireHeaders& to) {
  for (const HeaderField& field : from) {
    v1::Header& header = *to.Add();
    header.set_name(field.name);
    header.set_value(field.value);
  }
}

}  // namespace spillway
