// One request and its response on a connection.
//
// What it is: ExchangeSpec says what to send and which limits apply; ExchangeHandler hears what
// comes back; ExchangeResult says how it ended and how it left the connection.
// Thread safety: handler calls for one exchange never overlap and come on the connection's loop.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "transport/base/body_source.h"
#include "transport/base/failure.h"
#include "transport/base/instant.h"
#include "transport/base/message.h"
#include "transport/base/options.h"
#include "transport/pool/action.h"
#include "transport/retry/deadlines.h"

namespace spillway {

// What the receiver wants next. kAbort: it has had enough; the exchange ends and the connection
// closes.
enum class Flow : std::uint8_t { kContinue, kPause, kAbort };

struct ExchangeSpec {
  const RequestHead* head = nullptr;  // checked; outlives the exchange (the handler holds it)
  // Null: none. Of a request for a tunnel: what goes into it once it is open, raw; read only then.
  std::shared_ptr<BodySource> body;
  ProtocolSwitch switching = ProtocolSwitch::kNone;
  // The body is not read before the origin said 100, or this time went by after the head was
  // written (E1, E2). Zero: it follows at once.
  Duration expect_continue{};
  bool close = false;  // tell the origin to close after this exchange (HTTP/1)
  bool last = false;   // the connection is not used again, whatever comes back
  ExchangeLimits limits;
  const ResponseLimits* response_limits = nullptr;  // outlives the exchange (pinned policy)
};

struct ExchangeResult {
  std::optional<Failure> failure;
  bool reusable = false;                      // may the connection carry another exchange?
  CloseReason why_not = CloseReason::kError;  // when not
  // HTTP/2: the origin left this one out when it ended a connection on which it had processed
  // others.
  bool left_out = false;
  std::optional<Duration> idle_hint;
  HeaderList trailers;
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  bool any_response_byte = false;
  Instant started{};  // first write
  // When the head was written, if the body was not with it; kNever: as `written`.
  Instant headers_written = kNever;
  Instant waited_100 = kNever;  // the body waited for a 100 from here on; kNever: it did not
  Instant got_100 = kNever;     // and got it
  Instant written = kNever;     // request completely written; kNever: it was not
  Instant first_byte = kNever;  // of the response; kNever: none
  Instant ended{};
};

class ExchangeHandler {
 public:
  virtual ~ExchangeHandler() = default;
  virtual void OnInformational(ResponseHead head) = 0;
  virtual Flow OnHead(ResponseHead head, BodyKind kind, std::uint64_t length) = 0;
  // `chunk.owner` may be null: the bytes are then valid only during the call.
  virtual Flow OnData(const Chunk& chunk) = 0;
  // Of an open tunnel: the origin sends no more, and still takes what the caller sends.
  virtual void OnOriginClosed() {}
  // Last call, exactly once. The connection is detached: releasing it may start another exchange.
  virtual void OnExchangeDone(ExchangeResult result) = 0;
};

}  // namespace spillway
