// What a caller's message means: spillway.v1.HttpRequest -> Request.
//
// What it is: the meaning of RequestOptions, and the refusal of what nobody could honour
// (INVALID_ARGUMENT), naming the field. URL and headers are checked
// by the transport.
// Thread safety: pure functions.

#pragma once

#include "server/status_map.h"
#include "server/wire_decode.h"
#include "transport/base/failure.h"
#include "transport/base/instant.h"
#include "transport/client/http_client.h"
#include "transport/transport.h"

namespace spillway {

// gRPC clients refuse replies above 4 MiB unless told otherwise; the rest is left for the head.
inline constexpr std::uint64_t kDefaultMaxResponseBytes = 4 * 1024 * 1024 - 64 * 1024;

struct MappingContext {
  Instant now{};
  Duration grpc_time_left = kForever;    // until the gRPC deadline; kForever: none
  std::uint64_t max_response_bytes = 0;  // the most a caller may ask for; not on Stream
  // Of Stream: the body comes in frames, and so do the trailers. The mapped request has none yet.
  bool streamed = false;
  const Transport* transport = nullptr;  // its policy limits trailers; null: the built-in limits
};

struct MappedRequest {
  ClientRequest request;
  ExchangeDetail detail = ExchangeDetail::kSummary;
  bool informational = false;
};

// Errors: BadRequest or Unimplemented with the field's path, "options.timeout", "trailers[1]".
Result<MappedRequest> MapRequest(WireRequest wire, const MappingContext& context);

// How long before the gRPC deadline an exchange ends, so that the error with its detail still
// arrives: 2 %, at least 5 ms, at most 50 ms; but never more than half of what is left, so that a
// very short deadline is not spent before it began.
Duration DeadlineMargin(Duration time_left);

}  // namespace spillway
