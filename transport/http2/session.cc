#include "transport/http2/session.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <utility>

#include "transport/base/check.h"
#include "transport/http2/request_fields.h"
#include "transport/http2/session_state.h"

namespace spillway {
namespace {

using Kind = FloodGuard::Kind;

// An output buffer that grew beyond this is not kept by an idle connection.
constexpr std::size_t kKeptOutputBytes = std::size_t{16} * 1024;

struct OptionDeleter {
  void operator()(nghttp2_option* option) const { nghttp2_option_del(option); }
};
struct CallbacksDeleter {
  void operator()(nghttp2_session_callbacks* callbacks) const {
    nghttp2_session_callbacks_del(callbacks);
  }
};

std::unique_ptr<nghttp2_option, OptionDeleter> MakeOptions() {
  nghttp2_option* raw = nullptr;
  SPILLWAY_CHECK(nghttp2_option_new(&raw) == 0);
  nghttp2_option_set_no_auto_window_update(raw, 1);
  nghttp2_option_set_peer_max_concurrent_streams(raw, kStreamsBeforeSettings);
  nghttp2_option_set_max_deflate_dynamic_table_size(raw, kHeaderTableBytes);
  nghttp2_option_set_max_send_header_block_length(raw, kMaxRequestHeadBytes);
  // It counts reads, not frames, and would take a frame that comes in small pieces for many. Ours
  // counts frames (kMaxContinuations); 9 reads may make the header of each.
  nghttp2_option_set_max_continuations(raw, std::size_t{16} * kMaxContinuations);
  return std::unique_ptr<nghttp2_option, OptionDeleter>(raw);
}

// nghttp2 does not write through these pointers.
std::uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
}

std::vector<nghttp2_nv> ToLibrary(const Http2RequestFields& fields) {
  std::vector<nghttp2_nv> out;
  out.reserve(fields.fields.size());
  for (const Http2Field& field : fields.fields) {
    const std::uint8_t flags = field.sensitive ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE;
    out.push_back(
        {Bytes(field.name), Bytes(field.value), field.name.size(), field.value.size(), flags});
  }
  return out;
}

Failure NoStream(std::string message) {
  Failure failure;
  failure.reason = Reason::kHttpStreamRefused;
  failure.source = Source::kPool;
  failure.phase = Phase::kWrite;
  failure.delivery = Delivery::kNotSent;
  failure.message = std::move(message);
  return failure;
}

std::uint32_t CodeOf(Http2Session::ResetCode code) {
  switch (code) {
    case Http2Session::ResetCode::kCancel:
      return NGHTTP2_CANCEL;
    case Http2Session::ResetCode::kNoError:
      return NGHTTP2_NO_ERROR;
    case Http2Session::ResetCode::kProtocolError:
      return NGHTTP2_PROTOCOL_ERROR;
  }
  return NGHTTP2_INTERNAL_ERROR;
}

}  // namespace

std::string Http2CodeName(std::uint32_t code) {
  if (code > NGHTTP2_HTTP_1_1_REQUIRED) return "error code " + std::to_string(code);
  return nghttp2_http2_strerror(code);
}

Http2Session::Http2Session(const Http2Limits& limits, Http2Visitor& visitor, Instant now)
    : limits_(limits), visitor_(visitor), now_(now), guard_(limits, now), liveness_(limits, now) {
  const std::unique_ptr<nghttp2_session_callbacks, CallbacksDeleter> callbacks(Callbacks::Make());
  const auto options = MakeOptions();
  SPILLWAY_CHECK(nghttp2_session_client_new2(&session_, callbacks.get(), this, options.get()) == 0);
  const std::array<nghttp2_settings_entry, 4> settings = {{
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.stream_window},
      {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, kMaxFrameBytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, kAdvisedHeaderListBytes},
  }};
  SPILLWAY_CHECK(
      nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size()) == 0);
  SPILLWAY_CHECK(nghttp2_session_set_local_window_size(
                     session_, NGHTTP2_FLAG_NONE, 0,
                     static_cast<std::int32_t>(limits.connection_window)) == 0);
  Fill();
}

Http2Session::~Http2Session() { nghttp2_session_del(session_); }

Http2Session::Stream* Http2Session::find(std::int32_t id) {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second.get();
}

bool Http2Session::going_away() const {
  return goaway_.has_value() || failure_.has_value() ||
         nghttp2_session_get_next_stream_id(session_) >
             std::uint32_t{INT32_MAX} - kReservedStreamIds;
}

// --- Requests ---

Result<std::int32_t> Http2Session::Submit(const Http2Request& request, Http2StreamVisitor& visitor,
                                          Instant now) {
  now_ = now;
  // Streams that were just reset hold their place until their RST_STREAM is made.
  Fill();
  if (going_away()) return NoStream("the origin takes no new streams on this connection");
  if (streams_.size() >= peer_.max_streams) {
    return NoStream("the origin allows no more streams on this connection");
  }
  const bool tunnel = request.start == Http2BodyStart::kInTunnel;
  const std::optional<std::uint64_t> length =
      request.body == nullptr ? std::optional<std::uint64_t>(0) : request.body->length();
  Http2RequestFields fields;
  if (tunnel) {
    MakeConnectFields(*request.head, fields);
  } else {
    MakeRequestFields(*request.head, length, fields);
  }
  if (fields.list_size > peer_.max_header_list) {
    Failure failure = BadRequest("headers", "larger than the origin takes over HTTP/2");
    failure.phase = Phase::kWrite;
    return failure;
  }
  auto stream = std::make_unique<Stream>(request, visitor);
  nghttp2_data_provider provider{};
  provider.source.ptr = stream.get();
  provider.read_callback = Callbacks::ReadBody;
  const bool has_body = tunnel || length != std::uint64_t{0};
  const std::vector<nghttp2_nv> headers = ToLibrary(fields);
  const std::int32_t id = nghttp2_submit_request(session_, nullptr, headers.data(), headers.size(),
                                                 has_body ? &provider : nullptr, stream.get());
  if (id < 0) return NoStream("no stream could be made on this connection");
  stream->id = id;
  if (has_body) {
    stream->upload =
        std::make_unique<Http2Upload>(request.body, [this, id] { return visitor_.WakeUpload(id); });
  }
  streams_.emplace(id, std::move(stream));
  // Servers answer requests with these (see FloodGuard).
  guard_.Earn(Kind::kWindowUpdate, 2);
  guard_.Earn(Kind::kEmptyData, 1);
  return id;
}

void Http2Session::SubmitRst(std::int32_t id, std::uint32_t code) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, code);
}

void Http2Session::Reset(std::int32_t id, ResetCode code) {
  Stream* stream = find(id);
  if (stream == nullptr || stream->reset_by_us) return;
  stream->visitor = nullptr;
  stream->reset_by_us = true;
  stream->upload.reset();
  // What the peer had under way may still arrive: a head, trailers, a reset of its own.
  guard_.Earn(Kind::kLateHead, 2);
  guard_.Earn(Kind::kReset, 1);
  guard_.Earn(Kind::kWindowUpdate, 1);
  SubmitRst(id, CodeOf(code));
}

void Http2Session::Consume(std::int32_t id, std::size_t bytes) {
  Stream* stream = find(id);
  if (stream == nullptr) return;
  stream->unconsumed -= std::min(stream->unconsumed, bytes);
  nghttp2_session_consume_stream(session_, id, bytes);
}

void Http2Session::ResumeUpload(std::int32_t id) {
  Stream* stream = find(id);
  if (stream == nullptr || stream->upload == nullptr) return;
  stream->upload->OnWoken();
  nghttp2_session_resume_data(session_, id);
  if (stream->visitor != nullptr) stream->visitor->OnBodyReady();
}

void Http2Session::ReleaseBody(std::int32_t id) {
  Stream* stream = find(id);
  if (stream == nullptr || !stream->held || (stream->tunnel && !stream->head_seen)) return;
  stream->held = false;
  nghttp2_session_resume_data(session_, id);
  if (stream->visitor != nullptr) stream->visitor->OnBodyReady();
}

// W3: an origin that accepts goes on receiving while it sends; one that refuses wants no more.
void Http2Session::NoteFinalStatus(Stream& stream, std::uint32_t status) {
  stream.head_seen = true;
  if (status <= 299) return ReleaseBody(stream.id);
  stream.upload.reset();
  if (!stream.request_sent && stream.visitor != nullptr) stream.visitor->OnBodyReady();
}

// The last piece is about to go out. What follows it, if anything, ends the stream instead (F8).
std::optional<Failure> Http2Session::EndBody(Stream& stream, std::uint32_t& flags) {
  flags |= NGHTTP2_DATA_FLAG_EOF;
  const HeaderList* trailers = stream.tunnel ? nullptr : stream.upload->trailers();
  if (trailers == nullptr || trailers->empty()) return std::nullopt;
  Http2RequestFields fields;
  MakeTrailerFields(*trailers, fields);
  if (fields.list_size > peer_.max_header_list) {
    return BadRequest("trailers", "larger than the origin takes over HTTP/2");
  }
  const std::vector<nghttp2_nv> list = ToLibrary(fields);
  if (nghttp2_submit_trailer(session_, stream.id, list.data(), list.size()) != 0) {
    return BadRequest("trailers", "cannot be sent over HTTP/2");
  }
  flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
  return std::nullopt;
}

// The source's error beats whatever else may happen (F7). The origin never sees END_STREAM.
void Http2Session::FailUpload(Stream& stream, Failure failure) {
  failure.delivery = stream.head_seen ? Delivery::kAnswered : Delivery::kUnknown;
  Http2StreamVisitor* const visitor = stream.visitor;
  Reset(stream.id, ResetCode::kCancel);
  if (visitor != nullptr) visitor->OnEnd({std::move(failure), {}});
}

void Http2Session::GoAway() {
  if (failure_.has_value()) return;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, 0, NGHTTP2_NO_ERROR, nullptr, 0);
}

void Http2Session::Ping() { nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr); }

// --- Output ---

void Http2Session::Fill() {
  while (true) {
    const std::uint8_t* data = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &data);
    if (size < 0 && !failure_.has_value()) {
      failure_ = {
          Http2SessionFailure::Kind::kProtocol,
          "HTTP/2 cannot be written: " + std::string(nghttp2_strerror(static_cast<int>(size)))};
    }
    if (size > 0) {
      output_.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
    }
    // A request has been sent once its last frame is in the output, which is only now.
    for (const std::int32_t id : std::exchange(sent_, {})) {
      Stream* stream = find(id);
      if (stream == nullptr) continue;
      stream->request_sent = true;
      stream->upload.reset();
      if (stream->visitor != nullptr) stream->visitor->OnRequestSent();
    }
    if (size <= 0) return;
  }
}

void Http2Session::Written(std::size_t bytes) {
  output_front_ += bytes;
  flushed_ += bytes;
  if (output_front_ == output_.size()) {
    output_.clear();
    output_front_ = 0;
    if (output_.capacity() > kKeptOutputBytes && streams_.empty()) std::string().swap(output_);
  } else if (output_front_ >= kMaxOutputBytes / 2) {
    output_.erase(0, output_front_);
    output_front_ = 0;
  }
  if (output().size() > kMaxOutputBytes / 2) return;
  for (const std::int32_t id : std::exchange(throttled_, {})) {
    nghttp2_session_resume_data(session_, id);
  }
}

// --- Time ---

void Http2Session::OnTimer(Instant now) {
  now_ = now;
  using FailureKind = Http2SessionFailure::Kind;
  switch (liveness_.OnTimer(now)) {
    case Http2Liveness::Due::kNothing:
      return;
    case Http2Liveness::Due::kPing:
      return Ping();
    case Http2Liveness::Due::kSettingsMissing:
      return Fail(FailureKind::kSettingsTimeout, NGHTTP2_SETTINGS_TIMEOUT,
                  "the origin sent no HTTP/2 SETTINGS in time");
    case Http2Liveness::Due::kAckMissing:
      return Fail(FailureKind::kSettingsTimeout, NGHTTP2_SETTINGS_TIMEOUT,
                  "the origin did not acknowledge our HTTP/2 SETTINGS in time");
    case Http2Liveness::Due::kDead:
      return Fail(FailureKind::kPingTimeout, NGHTTP2_NO_ERROR,
                  "the origin answered nothing, not even a PING");
  }
}

void Http2Session::OnAbandoned(Instant started, Instant now) {
  now_ = now;
  if (liveness_.OnAbandoned(started, now)) Ping();
}

void Http2Session::SkipToStream(std::int32_t id) {
  nghttp2_session_set_next_stream_id(session_, id);
}

std::int32_t Http2Session::unreturned_window() const {
  return nghttp2_session_get_effective_recv_data_length(session_);
}

}  // namespace spillway
