// Http2Session: what arrives, before the library sees it and as the library reports it.

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <utility>

#include "transport/http2/session.h"
#include "transport/http2/session_state.h"

namespace spillway {
namespace {

using Kind = FloodGuard::Kind;

constexpr std::string_view kHttp1Opening = "HTTP/";
constexpr std::uint8_t kPriorityUpdate = 0x10;
constexpr std::size_t kFrameHeaderBytes = 9;

Failure OriginFailure(Reason reason, Delivery delivery, std::string message) {
  Failure failure;
  failure.reason = reason;
  failure.source = Source::kOrigin;
  failure.delivery = delivery;
  failure.message = std::move(message);
  return failure;
}

}  // namespace

void Http2Session::Receive(std::string_view bytes, Instant now) {
  now_ = now;
  if (failure_.has_value() || bytes.empty()) return;
  liveness_.OnRead(now);
  if (!CheckOpening(bytes)) return Fill();
  std::optional<Kind> flood;
  const std::string_view admitted = Admit(bytes, flood);
  if (!admitted.empty()) {
    const ssize_t taken = nghttp2_session_mem_recv(
        session_, reinterpret_cast<const std::uint8_t*>(admitted.data()), admitted.size());
    if (taken < 0 && !failure_.has_value()) {
      // The library's own limits on floods end like this (O-185).
      const bool calm = taken == NGHTTP2_ERR_FLOODED || taken == NGHTTP2_ERR_TOO_MANY_SETTINGS;
      Fail(calm ? Http2SessionFailure::Kind::kFlood : Http2SessionFailure::Kind::kProtocol,
           calm ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_INTERNAL_ERROR,
           "the origin broke HTTP/2: " + std::string(nghttp2_strerror(static_cast<int>(taken))));
    }
  }
  if (flood && !failure_.has_value()) FailFlood(*flood);
  // Also makes the GOAWAY by which the library ends a connection; see OnFrameSent.
  Fill();
}

// The first frame is SETTINGS, or it is no HTTP/2.
bool Http2Session::CheckOpening(std::string_view bytes) {
  if (scanner_.frames() > 0) return true;
  std::string opening(scanner_.opening());
  opening += bytes.substr(0, kFrameHeaderBytes - std::min(kFrameHeaderBytes, opening.size()));
  const std::size_t same = std::min(opening.size(), kHttp1Opening.size());
  const bool text = opening.substr(0, same) == kHttp1Opening.substr(0, same);
  if (text && same == kHttp1Opening.size()) {
    Fail(Http2SessionFailure::Kind::kNotHttp2, NGHTTP2_PROTOCOL_ERROR,
         "the origin answered in HTTP/1 on a connection that is to speak HTTP/2");
    return false;
  }
  if (opening.size() < kFrameHeaderBytes) return true;
  if (opening[3] == FrameScanner::kSettings && (opening[4] & FrameScanner::kAck) == 0) return true;
  Fail(Http2SessionFailure::Kind::kNotHttp2, NGHTTP2_PROTOCOL_ERROR,
       "the origin's first bytes are not HTTP/2 SETTINGS");
  return false;
}

// The part of `bytes` before the first frame that is one too many.
std::string_view Http2Session::Admit(std::string_view bytes, std::optional<Kind>& flood) {
  std::string_view rest = bytes;
  while (scanner_.Next(rest)) {
    const std::optional<Kind> kind = KindOf(scanner_.frame());
    if (!kind || guard_.Spend(*kind, now_)) continue;
    flood = kind;
    // Where its header began in an earlier read, the library has some of it, which means nothing.
    const std::size_t end = bytes.size() - rest.size();
    return bytes.substr(0, end - std::min(end, kFrameHeaderBytes + 1));
  }
  return bytes;
}

std::optional<Kind> Http2Session::KindOf(const FrameInfo& frame) {
  switch (frame.type) {
    case FrameScanner::kData:
      if (frame.content > 0 || (frame.flags & FrameScanner::kEndStream) != 0) return std::nullopt;
      return Kind::kEmptyData;
    case FrameScanner::kHeaders:
      if (find(static_cast<std::int32_t>(frame.stream)) != nullptr) return std::nullopt;
      return Kind::kLateHead;
    case FrameScanner::kSettings:
      return Kind::kSettings;
    case FrameScanner::kPing:
      return Kind::kPing;
    case FrameScanner::kGoAway:
      return Kind::kGoAway;
    case FrameScanner::kWindowUpdate:
      return Kind::kWindowUpdate;
    case FrameScanner::kContinuation:
      if (scanner_.continuations() <= kMaxContinuations) return std::nullopt;
      return Kind::kContinuation;
    case FrameScanner::kRstStream:    // OnFrame knows which are harmless
    case FrameScanner::kPushPromise:  // an error
      return std::nullopt;
    case FrameScanner::kPriority:
    case kPriorityUpdate:
      return Kind::kPriority;
    default:
      return Kind::kUnknown;
  }
}

void Http2Session::Spend(Kind kind) {
  if (!guard_.Spend(kind, now_)) FailFlood(kind);
}

void Http2Session::FailFlood(Kind kind) {
  Fail(Http2SessionFailure::Kind::kFlood, NGHTTP2_ENHANCE_YOUR_CALM,
       std::string("the origin floods the connection with ") + FloodGuard::Name(kind) + " frames");
}

void Http2Session::Fail(Http2SessionFailure::Kind kind, std::uint32_t code, std::string message) {
  if (failure_.has_value()) return;
  failure_ = {kind, std::move(message)};
  nghttp2_session_terminate_session(session_, code);
}

// --- Streams ---

void Http2Session::Fault(Stream& stream, Failure failure) {
  failure.delivery = stream.head_seen ? Delivery::kAnswered : Delivery::kUnknown;
  SubmitRst(stream.id, NGHTTP2_PROTOCOL_ERROR);
  stream.upload.reset();
  if (Http2StreamVisitor* const visitor = std::exchange(stream.visitor, nullptr)) {
    visitor->OnEnd({std::move(failure), {}});
  }
}

// The response is complete.
void Http2Session::Complete(Stream& stream) {
  if (stream.visitor != nullptr && stream.fields.body_kind() == BodyKind::kTunnel) {
    stream.peer_closed = true;
    stream.visitor->OnPeerClosed();
    if (!stream.request_sent) return;
  }
  Http2StreamVisitor* const visitor = std::exchange(stream.visitor, nullptr);
  if (visitor == nullptr) return;
  // Who answers before the request is complete does not want the rest (O-160).
  if (!stream.request_sent) Reset(stream.id, ResetCode::kNoError);
  visitor->OnEnd({std::nullopt, std::move(stream.fields.trailers())});
}

void Http2Session::Closed(std::int32_t id, std::uint32_t code) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  const std::unique_ptr<Stream> stream = std::move(found->second);
  streams_.erase(found);
  if (stream->visitor == nullptr) return;
  if (stream->peer_closed && !stream->reset_by_peer && code == NGHTTP2_NO_ERROR) {
    // Ours was the last side of a tunnel to end, just now.
    stream->visitor->OnRequestSent();
    return stream->visitor->OnEnd({std::nullopt, {}});
  }
  const bool suspect = stream->reset_by_peer && code == NGHTTP2_PROTOCOL_ERROR;
  stream->visitor->OnEnd({FailureOf(*stream, code), {}, suspect});
}

Failure Http2Session::FailureOf(const Stream& stream, std::uint32_t code) const {
  const Delivery delivery = stream.head_seen ? Delivery::kAnswered : Delivery::kUnknown;
  if (goaway_ && stream.id > goaway_->last_stream && !stream.reset_by_peer) {
    // The first stream of a connection would most likely meet the same end on the next one (Y13).
    const bool hopeless = stream.id == 1 && goaway_->code != NGHTTP2_NO_ERROR;
    return OriginFailure(hopeless ? Reason::kHttpStreamReset : Reason::kHttpStreamRefused,
                         Delivery::kUnprocessed,
                         "the origin did not process the stream: " + goaway_->text);
  }
  if (stream.nghttp2_error == NGHTTP2_ERR_START_STREAM_NOT_ALLOWED) {
    Failure failure = OriginFailure(Reason::kHttpStreamRefused, Delivery::kNotSent,
                                    "the connection came to its end before the request was sent");
    // An origin that never spoke HTTP/2 is to blame; one that did had nothing to do with this.
    if (settings_received()) failure.source = Source::kPool;
    return failure;
  }
  if (!stream.reset_by_peer) {
    std::string why = stream.nghttp2_error != 0 ? nghttp2_strerror(stream.nghttp2_error)
                                                : Http2CodeName(code).c_str();
    return OriginFailure(Reason::kHttpProtocolError, delivery,
                         "the response breaks the rules of HTTP/2: " + why);
  }
  if (!stream.head_seen && code == NGHTTP2_REFUSED_STREAM) {
    return OriginFailure(Reason::kHttpStreamRefused, Delivery::kUnprocessed,
                         "the origin refused the stream unprocessed (REFUSED_STREAM)");
  }
  if (!stream.head_seen && code == NGHTTP2_HTTP_1_1_REQUIRED) {
    return OriginFailure(Reason::kHttpDowngradeRequired, Delivery::kUnprocessed,
                         "the origin wants this request over HTTP/1.1 (HTTP_1_1_REQUIRED)");
  }
  return OriginFailure(Reason::kHttpStreamReset, delivery,
                       "the origin reset the stream: " + Http2CodeName(code));
}

}  // namespace spillway
