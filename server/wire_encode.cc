#include "server/wire_encode.h"

#include <grpcpp/support/byte_buffer.h>

#include "server/slices.h"

namespace spillway {

void EncodeHttpResponse(const WireResponse& response, grpc::ByteBuffer& out) {
  out = AroundBody(
      *response.body, kFlatResponseBytes,
      [&response](auto& sink) { PutBeforeBody(sink, response); },
      [&response](auto& sink) { PutAfterBody(sink, response); });
}

}  // namespace spillway
