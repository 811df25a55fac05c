// The keep-alive verdict: may this connection carry another exchange, and for how long?
//
// Thread safety: pure functions.
// Source: R1-R6, R8-R13, O-004, O-005, O-033 to O-036, O-093, RFC 9112 9.3.

#pragma once

#include <optional>

#include "transport/base/header_list.h"
#include "transport/base/instant.h"
#include "transport/base/message.h"

namespace spillway {

// Facts about a finished exchange.
struct ExchangeFacts {
  bool request_close = false;  // we sent Connection: close
  bool request_fully_written = false;
  bool response_complete = false;  // to the end of its own framing
  bool surplus_bytes = false;      // bytes after the response
  bool eof_seen = false;
};

struct KeepAliveVerdict {
  bool reusable = false;
  std::optional<Duration> idle_hint;  // Keep-Alive: timeout=N as sent, junk ignored (O-036)
};

// What the final head alone says, so that the head may be moved on before the body ends:
// the connection is reusable when this is and AllowReuse(facts) at the end.
KeepAliveVerdict JudgeHead(const ResponseHead& head, BodyKind body, bool keep_alive_http10);

// True when a request or response takes part in a login that binds the connection to one user
// (NTLM, Negotiate): another caller on it would act as that user, so it is never reused (O-093).
bool BindsConnection(const HeaderList& headers);

// What the course of the exchange says.
bool AllowReuse(const ExchangeFacts& facts);

// Both. `idle_hint` is set only when reusable.
KeepAliveVerdict JudgeKeepAlive(const ResponseHead& head, BodyKind body, const ExchangeFacts& facts,
                                bool keep_alive_http10);

}  // namespace spillway
