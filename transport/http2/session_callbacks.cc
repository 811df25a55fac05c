// Http2Session: the functions that nghttp2 calls.
//
// None of them fails but to end one stream: a callback's failure would end the session without a
// GOAWAY. Once the session has failed, nobody hears of what else was in the same read.

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <string>
#include <utility>

#include "transport/base/check.h"
#include "transport/http2/session.h"
#include "transport/http2/session_state.h"

namespace spillway {
namespace {

using Kind = FloodGuard::Kind;

constexpr std::size_t kFrameHeaderBytes = 9;

Http2Session& Session(void* user_data) { return *static_cast<Http2Session*>(user_data); }

std::string_view Text(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

bool Has(const nghttp2_frame& frame, std::uint8_t flag) { return (frame.hd.flags & flag) != 0; }

}  // namespace

nghttp2_session_callbacks* Http2Session::Callbacks::Make() {
  nghttp2_session_callbacks* made = nullptr;
  SPILLWAY_CHECK(nghttp2_session_callbacks_new(&made) == 0);
  nghttp2_session_callbacks_set_on_begin_headers_callback(made, OnBeginHeaders);
  nghttp2_session_callbacks_set_on_header_callback(made, OnHeader);
  nghttp2_session_callbacks_set_on_invalid_header_callback(made, OnInvalidHeader);
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(made, OnInvalidFrame);
  nghttp2_session_callbacks_set_on_frame_recv_callback(made, OnFrame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, OnData);
  nghttp2_session_callbacks_set_on_stream_close_callback(made, OnStreamClose);
  nghttp2_session_callbacks_set_on_frame_send_callback(made, OnFrameSent);
  nghttp2_session_callbacks_set_on_frame_not_send_callback(made, OnFrameNotSent);
  nghttp2_session_callbacks_set_send_data_callback(made, WriteBody);
  return made;
}

// --- Receiving ---

int Http2Session::Callbacks::OnBeginHeaders(nghttp2_session*, const nghttp2_frame* frame,
                                            void* user_data) {
  Stream* stream = Session(user_data).find(frame->hd.stream_id);
  if (stream != nullptr) stream->fields.Begin();
  return 0;
}

int Http2Session::Callbacks::OnHeader(nghttp2_session*, const nghttp2_frame* frame,
                                      const std::uint8_t* name, std::size_t name_size,
                                      const std::uint8_t* value, std::size_t value_size,
                                      std::uint8_t, void* user_data) {
  Http2Session& session = Session(user_data);
  Stream* stream = session.find(frame->hd.stream_id);
  if (session.failure_.has_value() || stream == nullptr || stream->visitor == nullptr) return 0;
  std::optional<Failure> failure =
      stream->fields.Add(Text(name, name_size), Text(value, value_size));
  if (!failure) return 0;
  session.Fault(*stream, *std::move(failure));
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

// Left alone, the library would drop the field and go on.
int Http2Session::Callbacks::OnInvalidHeader(nghttp2_session*, const nghttp2_frame* frame,
                                             const std::uint8_t*, std::size_t, const std::uint8_t*,
                                             std::size_t, std::uint8_t, void* user_data) {
  return OnInvalidFrame(nullptr, frame, NGHTTP2_ERR_HTTP_HEADER, user_data) == 0
             ? NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE
             : 0;
}

int Http2Session::Callbacks::OnInvalidFrame(nghttp2_session*, const nghttp2_frame* frame, int error,
                                            void* user_data) {
  Stream* stream = Session(user_data).find(frame->hd.stream_id);
  if (stream != nullptr) stream->nghttp2_error = error;
  return 0;
}

int Http2Session::Callbacks::OnFrame(nghttp2_session*, const nghttp2_frame* frame,
                                     void* user_data) {
  Http2Session& session = Session(user_data);
  if (session.failure_.has_value()) return 0;
  switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
      OnHeaders(session, *frame);
      break;
    case NGHTTP2_DATA:
      if (Stream* stream = session.find(frame->hd.stream_id);
          stream != nullptr && Has(*frame, NGHTTP2_FLAG_END_STREAM)) {
        session.Complete(*stream);
      }
      break;
    case NGHTTP2_RST_STREAM: {
      Stream* stream = session.find(frame->hd.stream_id);
      if (stream != nullptr) stream->reset_by_peer = true;
      session.Spend(Kind::kReset);
      break;
    }
    case NGHTTP2_SETTINGS:
      OnSettings(session, *frame);
      break;
    case NGHTTP2_GOAWAY:
      OnGoAway(session, *frame);
      break;
    default:
      break;
  }
  return 0;
}

void Http2Session::Callbacks::OnHeaders(Http2Session& session, const nghttp2_frame& frame) {
  Stream* stream = session.find(frame.hd.stream_id);
  if (stream == nullptr || stream->visitor == nullptr) return;
  Http2ResponseFields& fields = stream->fields;
  const bool end = Has(frame, NGHTTP2_FLAG_END_STREAM);
  if (std::optional<Failure> failure = fields.Finish(end)) {
    return session.Fault(*stream, *std::move(failure));
  }
  switch (fields.section()) {
    case Http2ResponseFields::Section::kInformational:
      if (fields.head().status == 100) session.ReleaseBody(stream->id);
      return stream->visitor->OnInformational(std::move(fields.head()));
    case Http2ResponseFields::Section::kFinal:
      session.NoteFinalStatus(*stream, fields.head().status);
      stream->visitor->OnHead(std::move(fields.head()), fields.body_kind(), fields.body_length());
      break;
    case Http2ResponseFields::Section::kTrailers:
      break;
  }
  if (end) session.Complete(*stream);
}

void Http2Session::Callbacks::OnSettings(Http2Session& session, const nghttp2_frame& frame) {
  if (Has(frame, NGHTTP2_FLAG_ACK)) return session.liveness_.OnSettingsAck();
  session.liveness_.OnSettings();
  session.settings_received_ = true;
  session.peer_.max_streams = nghttp2_session_get_remote_settings(
      session.session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  session.peer_.max_header_list =
      nghttp2_session_get_remote_settings(session.session_, NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE);
  session.visitor_.OnPeerSettings(session.peer_);
}

void Http2Session::Callbacks::OnGoAway(Http2Session& session, const nghttp2_frame& frame) {
  Http2GoAway goaway;
  goaway.code = frame.goaway.error_code;
  goaway.last_stream = frame.goaway.last_stream_id;
  goaway.text = "GOAWAY " + Http2CodeName(goaway.code);
  if (frame.goaway.opaque_data_len > 0) {
    goaway.text +=
        " \"" + EscapeForError(Text(frame.goaway.opaque_data, frame.goaway.opaque_data_len)) + "\"";
  }
  session.goaway_ = goaway;
  session.visitor_.OnGoAway(*session.goaway_);
}

int Http2Session::Callbacks::OnData(nghttp2_session* library, std::uint8_t, std::int32_t id,
                                    const std::uint8_t* data, std::size_t size, void* user_data) {
  Http2Session& session = Session(user_data);
  // Now, whoever gets the bytes and whenever (O-194).
  nghttp2_session_consume_connection(library, size);
  Stream* stream = session.find(id);
  if (session.failure_.has_value() || stream == nullptr || stream->visitor == nullptr) return 0;
  // Beyond the stream's window: it is being reset for that, yet the library hands the bytes on
  // (O-193).
  if (stream->unconsumed + size > session.limits_.stream_window) return 0;
  stream->unconsumed += size;
  stream->received += size;
  // The library checks this as well; bytes over the length are never delivered (O-166).
  if (stream->fields.body_kind() == BodyKind::kLength &&
      stream->received > stream->fields.body_length()) {
    Failure failure;
    failure.reason = Reason::kHttpProtocolError;
    failure.source = Source::kOrigin;
    failure.message = "the body is longer than its content-length";
    session.Fault(*stream, std::move(failure));
    return 0;
  }
  stream->visitor->OnData(Text(data, size));
  return 0;
}

int Http2Session::Callbacks::OnStreamClose(nghttp2_session*, std::int32_t id, std::uint32_t code,
                                           void* user_data) {
  Session(user_data).Closed(id, code);
  return 0;
}

// --- Sending ---

int Http2Session::Callbacks::OnFrameSent(nghttp2_session*, const nghttp2_frame* frame,
                                         void* user_data) {
  Http2Session& session = Session(user_data);
  Stream* stream = session.find(frame->hd.stream_id);
  switch (frame->hd.type) {
    case NGHTTP2_DATA:
      session.guard_.Earn(Kind::kWindowUpdate, 2);
      session.guard_.Earn(Kind::kPing, 1);
      // An origin that wants no more of an upload may answer each frame still under way so.
      session.guard_.Earn(Kind::kReset, 1);
      [[fallthrough]];
    case NGHTTP2_HEADERS:
      if (stream != nullptr && stream->visitor != nullptr && frame->hd.type == NGHTTP2_HEADERS) {
        stream->visitor->OnSent(frame->hd.length + kFrameHeaderBytes);
      }
      if (stream != nullptr && Has(*frame, NGHTTP2_FLAG_END_STREAM)) {
        session.sent_.push_back(stream->id);
      }
      break;
    case NGHTTP2_RST_STREAM:
      // One that the peer made us send.
      if (stream != nullptr && !stream->reset_by_us) session.Spend(Kind::kReset);
      break;
    case NGHTTP2_GOAWAY:
      // The library found the connection broken.
      if (frame->goaway.error_code != NGHTTP2_NO_ERROR && !session.failure_.has_value()) {
        const bool calm = frame->goaway.error_code == NGHTTP2_ENHANCE_YOUR_CALM;
        std::string message = "the origin broke HTTP/2: " + Http2CodeName(frame->goaway.error_code);
        if (frame->goaway.opaque_data_len > 0) {
          message +=
              " (" +
              EscapeForError(Text(frame->goaway.opaque_data, frame->goaway.opaque_data_len)) + ")";
        }
        session.failure_ = {
            calm ? Http2SessionFailure::Kind::kFlood : Http2SessionFailure::Kind::kProtocol,
            std::move(message)};
      }
      break;
    default:
      break;
  }
  return 0;
}

int Http2Session::Callbacks::OnFrameNotSent(nghttp2_session*, const nghttp2_frame* frame, int error,
                                            void* user_data) {
  if (frame->hd.type != NGHTTP2_HEADERS) return 0;
  Stream* stream = Session(user_data).find(frame->hd.stream_id);
  if (stream != nullptr) stream->nghttp2_error = error;
  return 0;
}

// How much of the body goes into the next DATA frame.
ssize_t Http2Session::Callbacks::ReadBody(nghttp2_session*, std::int32_t id, std::uint8_t*,
                                          std::size_t max, std::uint32_t* flags,
                                          nghttp2_data_source* source, void* user_data) {
  Http2Session& session = Session(user_data);
  Stream& stream = *static_cast<Stream*>(source->ptr);
  if (stream.upload == nullptr || stream.held) return NGHTTP2_ERR_DEFERRED;
  if (session.output().size() >= kMaxOutputBytes) {
    session.throttled_.push_back(id);
    return NGHTTP2_ERR_DEFERRED;
  }
  switch (stream.upload->Prepare()) {
    case Http2Upload::State::kPending:
      if (stream.visitor != nullptr) stream.visitor->OnBodyPending();
      return NGHTTP2_ERR_DEFERRED;
    case Http2Upload::State::kFailed:
      session.FailUpload(stream, stream.upload->failure());
      return NGHTTP2_ERR_DEFERRED;
    case Http2Upload::State::kReady:
      break;
  }
  const std::size_t size = std::min(max, stream.upload->front().size());
  if (size == stream.upload->front().size() && stream.upload->last()) {
    if (std::optional<Failure> failure = session.EndBody(stream, *flags)) {
      session.FailUpload(stream, *std::move(failure));
      return NGHTTP2_ERR_DEFERRED;
    }
  }
  if (size > 0) *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  return static_cast<ssize_t>(size);
}

// Copies it straight into the output.
int Http2Session::Callbacks::WriteBody(nghttp2_session*, nghttp2_frame*, const std::uint8_t* header,
                                       std::size_t size, nghttp2_data_source* source,
                                       void* user_data) {
  Http2Session& session = Session(user_data);
  Stream& stream = *static_cast<Stream*>(source->ptr);
  session.output_ += Text(header, kFrameHeaderBytes);
  session.output_ += stream.upload->front().substr(0, size);
  stream.upload->Take(size);
  if (stream.visitor != nullptr) stream.visitor->OnSent(size);
  return 0;
}

}  // namespace spillway
