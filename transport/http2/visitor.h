// What an Http2Session reports.
//
// Http2StreamVisitor hears of one stream. The order of calls is
//   OnInformational* OnHead OnData* OnPeerClosed? OnEnd
// and OnEnd may come at any point, once, as the last; a stream that was Reset hears nothing more.
// OnSent, OnBodyPending, OnBodyReady and OnRequestSent come in between, as the request goes out.
// Http2Visitor hears of the connection.
//
// Thread safety: calls come from within the session's own functions, on their thread. A visitor may
// call Consume, Reset and ResumeUpload from within a call; it must not call Receive, Fill or Submit
// there, nor destroy the session.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "transport/base/failure.h"
#include "transport/base/header_list.h"
#include "transport/base/message.h"
#include "transport/http2/settings.h"

namespace spillway {

// How a stream ended: complete when there is no failure. The failure's phase is left to the hearer;
// its delivery is kUnprocessed where the peer said so, kAnswered after a head, else kUnknown.
struct Http2StreamEnd {
  std::optional<Failure> failure;
  HeaderList trailers;
  // The peer found fault with how we speak: what else runs may end well, nothing new should start
  // (Y16).
  bool suspect = false;
};

class Http2StreamVisitor {
 public:
  virtual void OnInformational(ResponseHead head) = 0;
  virtual void OnHead(ResponseHead head, BodyKind kind, std::uint64_t length) = 0;
  // `bytes` live during the call. Each must be given back by Consume in the end.
  virtual void OnData(std::string_view bytes) = 0;
  // Of an open tunnel: the peer sends no more. OnEnd follows when our side has ended too.
  virtual void OnPeerClosed() = 0;
  virtual void OnEnd(Http2StreamEnd end) = 0;
  // `bytes` of the request, frame headers of the body excluded, were put into the output.
  virtual void OnSent(std::size_t bytes) = 0;
  // The body source has nothing now; and it called, or there is no need to wait for it any more.
  virtual void OnBodyPending() = 0;
  virtual void OnBodyReady() = 0;
  // The whole request is in the output.
  virtual void OnRequestSent() = 0;

 protected:
  ~Http2StreamVisitor() = default;
};

struct Http2GoAway {
  std::uint32_t code = 0;
  std::int32_t last_stream = 0;
  std::string text;  // "GOAWAY NO_ERROR" with the peer's words, printable and cut (O-154)
};

class Http2Visitor {
 public:
  // The peer's SETTINGS arrived or changed.
  virtual void OnPeerSettings(const PeerSettings& settings) = 0;
  // No new stream may start. Streams above the last id hear their OnEnd after this.
  virtual void OnGoAway(const Http2GoAway& goaway) = 0;
  // What a body source calls when it has more: must lead to ResumeUpload(stream).
  virtual std::function<void()> WakeUpload(std::int32_t stream) = 0;

 protected:
  ~Http2Visitor() = default;
};

}  // namespace spillway
