// Where the events of one round trip go.
//
// What it is: the caller's side of an exchange that streams. Order: OnInformational*, OnHead?,
// OnData*, OnTrailers?, OnEnd. OnEnd comes exactly once and last, also after Cancel.
// Thread safety: calls for one round trip never overlap; they come on an event-loop thread or, when
// a request fails at once, on the thread that called Transport::Start (before it returns).
// A sink must not block. It may call RoundTrip::Cancel and Resume from inside its functions.

#pragma once

#include <cstdint>
#include <optional>

#include "transport/base/bytes.h"
#include "transport/base/failure.h"
#include "transport/base/message.h"
#include "transport/connection/exchange.h"
#include "transport/records.h"

namespace spillway {

class ResponseSink {
 public:
  virtual ~ResponseSink() = default;

  virtual void OnInformational(ResponseHead head) = 0;
  // Comes right before OnHead, on the same thread: what is known of the round trip so far, above
  // all its connection. Valid during the call.
  virtual void OnProgress(const RoundTripRecord& /*so_far*/) {}
  virtual void OnHead(ResponseHead head, BodyKind kind, std::uint64_t length) = 0;
  // `chunk.owner` may be null: the bytes are then valid only during the call. kPause stops reading
  // from the origin until RoundTripHandle::Resume; kAbort cancels.
  virtual Flow OnData(const Chunk& chunk) = 0;
  // Asked once the exchange has ended short of its response: what was wrong with it, when that is
  // why the sink wanted no more (kAbort or Cancel). The round trip then ends with this.
  virtual std::optional<Failure> refusal() const { return std::nullopt; }
  // Of an open tunnel (BodyKind::kTunnel): the origin has closed its side; what the caller sends
  // still flows until its body source ends. OnEnd follows when both sides have closed.
  virtual void OnOriginClosed() {}
  virtual void OnTrailers(HeaderList trailers) = 0;
  // `record.failure` is empty when the response was complete.
  virtual void OnEnd(const RoundTripRecord& record) = 0;
};

}  // namespace spillway
