// HTTP/2 as a client speaks it, bytes in and bytes out; nghttp2 behind it.
//
// What it is: the streams of one connection and the rules between them. Received bytes become calls
// to visitors; requests, resets and acknowledgements become output. What the library lets pass
// is caught here: floods, large field sections, invalid fields,
// windows of cancelled streams, requests beyond the peer's limit.
// What it owns: the library's session, the streams, their bodies while they are sent, the output.
// Thread safety: none; on the connection's loop.
// Invariants: a failed session (failure()) takes and sends nothing but its last GOAWAY. The
// connection's window is given back as bytes arrive and only a stream's own as they are consumed:
// a receiver that stops holds up nobody else (O-194), and a stream that ends owes nothing
// (O-195). Hence a connection keeps at most max_streams * stream_window unread bytes.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "transport/base/body_source.h"
#include "transport/base/failure.h"
#include "transport/base/instant.h"
#include "transport/base/message.h"
#include "transport/base/options.h"
#include "transport/http2/flood_guard.h"
#include "transport/http2/frame_scanner.h"
#include "transport/http2/liveness.h"
#include "transport/http2/settings.h"
#include "transport/http2/visitor.h"

struct nghttp2_session;

namespace spillway {

// When the body of a request is read for the first time.
enum class Http2BodyStart : std::uint8_t {
  kAtOnce,
  kWhenAsked,  // after a 100, a final status up to 299 or ReleaseBody (E7)
  kInTunnel,   // after the 2xx that opens the tunnel which the request, a CONNECT, asks for (U5)
};

struct Http2Request {
  const RequestHead* head = nullptr;       // used during Submit only
  std::shared_ptr<BodySource> body;        // null: none; not so for a tunnel
  const ResponseLimits* limits = nullptr;  // outlives the stream
  Http2BodyStart start = Http2BodyStart::kAtOnce;
};

// Why nothing goes on on this connection.
struct Http2SessionFailure {
  enum class Kind : std::uint8_t {
    kProtocol,
    kNotHttp2,  // its first bytes were something else (O-128, O-129)
    kFlood,
    kSettingsTimeout,
    kPingTimeout,
  };
  Kind kind = Kind::kProtocol;
  std::string message;  // for Failure::message
};

class Http2Session {
 public:
  // Our preface is in the output at once.
  Http2Session(const Http2Limits& limits, Http2Visitor& visitor, Instant now);
  ~Http2Session();
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;

  // Takes what the peer sent and tells the visitors.
  void Receive(std::string_view bytes, Instant now);

  // Begins a stream and returns its id. Fails with kHttpStreamRefused when the peer allows no more
  // now or ever, and with kHttpRequestError, field "headers", when they are larger than
  // the peer takes (H13); nothing is sent then and the body not read.
  Result<std::int32_t> Submit(const Http2Request& request, Http2StreamVisitor& visitor,
                              Instant now);
  // Ends `stream`, whose visitor hears no more; nothing when it is over.
  enum class ResetCode : std::uint8_t { kCancel, kNoError, kProtocolError };
  void Reset(std::int32_t stream, ResetCode code);
  // The receiver took `bytes`: the peer may send as many more on that stream.
  void Consume(std::int32_t stream, std::size_t bytes);
  // Its body source has more.
  void ResumeUpload(std::int32_t stream);
  // Its body is read now, though the peer has not asked for it yet.
  void ReleaseBody(std::int32_t stream);
  // Tells the peer that we are done, as the last thing before closing.
  void GoAway();
  void Ping();

  // Makes frames of what is due; visitors may hear OnSent and OnEnd.
  void Fill();
  std::string_view output() const { return std::string_view(output_).substr(output_front_); }
  // The first `bytes` of the output were written.
  void Written(std::size_t bytes);
  // Bytes ever put into the output, and ever written.
  std::uint64_t produced() const { return flushed_ + output().size(); }
  std::uint64_t flushed() const { return flushed_; }

  const std::optional<Http2SessionFailure>& failure() const { return failure_; }
  bool settings_received() const { return settings_received_; }
  const PeerSettings& peer_settings() const { return peer_; }
  const std::optional<Http2GoAway>& goaway() const { return goaway_; }
  // Streams that run, those included whose RST_STREAM is still to be made.
  std::size_t streams() const { return streams_.size(); }
  // No stream may start any more: GOAWAY, or ids that run out (O-200).
  bool going_away() const;
  // A header block has begun and not ended: no other stream can hear anything (O-183).
  bool in_header_block() const { return scanner_.in_header_block(); }

  // Time. When OnTimer wants to be called; and that it is that time.
  Instant next_deadline() const { return liveness_.Next(); }
  void OnTimer(Instant now);
  // A stream that began at `started` was given up on our side; may send a PING (H10).
  void OnAbandoned(Instant started, Instant now);
  // Such streams of which the peer may not have heard yet.
  std::uint32_t ghosts() const { return liveness_.ghosts(); }

  // For tests: the next stream gets this id.
  void SkipToStream(std::int32_t id);
  // For tests: bytes of the connection's window that were not given back yet; less than half of it
  // at rest, since it is done in large steps.
  std::int32_t unreturned_window() const;

 private:
  struct Stream;
  struct Callbacks;

  std::string_view Admit(std::string_view bytes, std::optional<FloodGuard::Kind>& flood);
  std::optional<FloodGuard::Kind> KindOf(const FrameInfo& frame);
  bool CheckOpening(std::string_view bytes);
  void Spend(FloodGuard::Kind kind);
  void FailFlood(FloodGuard::Kind kind);
  void Fail(Http2SessionFailure::Kind kind, std::uint32_t code, std::string message);
  Stream* find(std::int32_t id);
  void SubmitRst(std::int32_t id, std::uint32_t code);
  void Fault(Stream& stream, Failure failure);
  void NoteFinalStatus(Stream& stream, std::uint32_t status);
  std::optional<Failure> EndBody(Stream& stream, std::uint32_t& flags);
  void FailUpload(Stream& stream, Failure failure);
  void Complete(Stream& stream);
  void Closed(std::int32_t id, std::uint32_t code);
  Failure FailureOf(const Stream& stream, std::uint32_t code) const;

  const Http2Limits limits_;
  Http2Visitor& visitor_;
  nghttp2_session* session_ = nullptr;
  Instant now_;
  FrameScanner scanner_;
  FloodGuard guard_;
  Http2Liveness liveness_;
  std::unordered_map<std::int32_t, std::unique_ptr<Stream>> streams_;
  std::vector<std::int32_t> throttled_;  // uploads that wait for room in the output
  std::vector<std::int32_t> sent_;       // requests whose last frame is being put into the output
  std::string output_;
  std::size_t output_front_ = 0;
  std::uint64_t flushed_ = 0;
  PeerSettings peer_;
  bool settings_received_ = false;
  std::optional<Http2GoAway> goaway_;
  std::optional<Http2SessionFailure> failure_;
};

}  // namespace spillway
