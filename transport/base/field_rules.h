// Which methods, header names and values may leave or enter this service.
//
// What it is: the one place that knows the character classes of RFC 9110 and the list of request
// fields a caller may not set (api.md "Request headers"; cases C-001 to C-020; V2, V5, V14).
// Thread safety: pure functions.

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "transport/base/failure.h"
#include "transport/base/header_list.h"
#include "transport/base/message.h"

namespace spillway {

bool IsToken(std::string_view text);       // RFC 9110 5.6.2; false for ""
bool IsFieldValue(std::string_view text);  // no controls but TAB, no DEL; bytes >= 0x80 allowed;
                                           // no blank at either end

inline constexpr std::size_t kMaxMethodBytes = 32;

struct RequestFieldLimits {
  std::size_t max_fields = 500;
  std::size_t max_bytes = std::size_t{64} * 1024;  // names + values + 4 per field
};

// How a request comes to us.
struct RequestShape {
  std::optional<std::uint64_t> body_size = 0;  // nullopt: not known ahead
  bool streamed = false;  // its caller can stream: upgrades, CONNECT, Expect and Trailer
};

// What the headers of a valid request say about it.
struct RequestFacts {
  bool close = false;            // Connection: close
  bool idempotency_key = false;  // Idempotency-Key or X-Idempotency-Key present
  bool expect_continue = false;  // Expect: 100-continue
  ProtocolSwitch switching = ProtocolSwitch::kNone;
};

// Checks everything about a request of that shape that can be known before dialling, in this order:
// method, headers one by one. `head.url` is already parsed.
// Errors: BadRequest naming "method", "request_target" or "headers[3]" (its index, plus the header
// name when it is a plain token; never the value).
Result<RequestFacts> CheckRequest(const RequestHead& head, const RequestShape& shape,
                                  const RequestFieldLimits& limits);

// What may follow a request body. Errors: BadRequest naming "trailers[3]".
std::optional<Failure> CheckTrailers(const HeaderList& trailers, const RequestFieldLimits& limits);

// GET, HEAD, OPTIONS, TRACE: may be sent twice without asking (Y5).
bool IsReplayableMethod(std::string_view method);

}  // namespace spillway
