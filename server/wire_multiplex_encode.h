// Encodes spillway.v1.Result and packs results into a MultiplexResponse.
//
// What it is: the bytes that protobuf's own serializer would give. A result is encoded by itself,
// on the thread that ended the call and under no lock; adding it to a message copies what is short
// and shares large bodies.
// Thread safety: plain values. An EncodedResult is made to be used again: it keeps its memory.

#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>
#include <grpcpp/support/status.h>

#include <cstdint>
#include <string>
#include <vector>

#include "server/wire_encode.h"

namespace spillway {

// An entry of MultiplexResponse.results with its tag and length.
class EncodedResult {
 public:
  void SetResponse(std::uint64_t id, const WireResponse& response);
  // `status` has details, as those of server/status_map.h.
  void SetError(std::uint64_t id, const grpc::Status& status);

  std::uint64_t bytes() const { return before_.size() + body_bytes_ + after_.size(); }

 private:
  friend class ResultMessage;

  void Reset();

  std::string before_;             // all of it, unless there is a large body
  std::vector<grpc::Slice> body_;  // chunks of a large body
  std::uint64_t body_bytes_ = 0;
  std::string after_;
};

// A MultiplexResponse in the making.
class ResultMessage {
 public:
  // Takes the slices of `result`.
  void Add(EncodedResult& result);
  // The message; afterwards this is empty and can be used again.
  grpc::ByteBuffer Take();

 private:
  void KeepFlat();

  std::vector<grpc::Slice> slices_;
  std::string flat_;  // what comes after slices_
};

}  // namespace spillway
