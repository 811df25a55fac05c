// Heads of HTTP messages as the transport passes them around.
//
// Thread safety: plain values.
// Invariants: a RequestHead that passed CheckRequest (transport/base/field_rules.h) can be
// put on the wire as it is.

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "transport/base/header_list.h"
#include "transport/base/url.h"

namespace spillway {

struct RequestHead {
  std::string method;  // a token; never empty after validation
  Url url;
  std::string target;  // request target when it is not url.target ("*" with OPTIONS); else empty
  HeaderList headers;  // in the caller's order; may hold Host, Connection: close, Content-Length
};

struct ResponseHead {
  std::uint32_t status = 0;
  int major_version = 1;
  int minor_version = 1;  // meant with major_version 1 only
  std::string reason;
  HeaderList headers;
};

// What a request asks the connection to become, if its origin agrees.
enum class ProtocolSwitch : std::uint8_t {
  kNone,
  kUpgrade,  // "Connection: upgrade": from a 101 on (U1, U3); HTTP/1.1 only
  kConnect,  // method CONNECT: from a 2xx on (U5)
};

// How many body bytes follow a response head.
enum class BodyKind : std::uint8_t {
  kNone,
  kLength,
  kChunked,
  kUntilClose,
  kTunnel,  // no HTTP any more: raw bytes in both directions until both sides have closed
};

}  // namespace spillway
