// Encodes the frames of spillway.v1.StreamResponse without copying large data.
//
// What it is: the bytes that protobuf's own serializer would give, as one slice when they are few
// (kFlatResponseBytes), else as slices that share the data's owners.
// Thread safety: pure functions.

#pragma once

#include <cstddef>

#include "server/wire_encode.h"

namespace spillway {

// The most that one data frame carries.
inline constexpr std::size_t kMaxDataFrameBytes = 64 * 1024;

void EncodeInformationalFrame(const ResponseHead& head, grpc::ByteBuffer& out);
// `response` as of EncodeHttpResponse; its body is the first piece.
void EncodeHeadFrame(const WireResponse& response, grpc::ByteBuffer& out);
void EncodeDataFrame(const Body& data, grpc::ByteBuffer& out);
// `record` null: without an exchange.
void EncodeTrailersFrame(const HeaderList& trailers, const RoundTripRecord* record,
                         ExchangeParts parts, grpc::ByteBuffer& out);

}  // namespace spillway
