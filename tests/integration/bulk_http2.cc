// HTTP/2 of BulkOrigin, on nghttp2.

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/integration/bulk_connection.h"

namespace spillway {
namespace {

constexpr std::uint32_t kStreamWindow = 1024 * 1024;
constexpr std::int32_t kConnectionWindow = 8 * 1024 * 1024;
constexpr std::uint32_t kMaxStreams = 1000;

struct Stream {
  std::string path;
  BulkReader received;
  bool answered = false;
  // Of the answer.
  std::uint64_t at = 0;
  std::uint64_t size = 0;
  std::string text;  // in place of the pattern
  bool held = false;
};

class Http2 {
 public:
  Http2(BulkState& state, const BulkSocket& socket) : state_(state), socket_(socket) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_send_callback(callbacks, OnSend);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, OnHeader);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, OnData);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, OnFrame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, OnClose);
    nghttp2_option* option = nullptr;
    nghttp2_option_new(&option);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_session_server_new2(&session_, callbacks, this, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    const std::array<nghttp2_settings_entry, 2> settings = {
        {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kMaxStreams},
         {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow}}};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
    nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
  }
  ~Http2() {
    state_.open -= static_cast<std::int64_t>(streams_.size());
    nghttp2_session_del(session_);
  }
  Http2(const Http2&) = delete;
  Http2& operator=(const Http2&) = delete;

  void Run() {
    std::vector<char> buffer(256 * 1024);
    while (!state_.stopping) {
      if (state_.released) ResumeHeld();
      if (nghttp2_session_send(session_) != 0) return;
      const bool to_read = nghttp2_session_want_read(session_) != 0;
      const bool to_write = nghttp2_session_want_write(session_) != 0;
      if (!to_read && !to_write) return;
      socket_.Wait(to_read, to_write);
      const long count = socket_.Read(buffer.data(), buffer.size());
      if (count < 0) return;
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(buffer.data());
      if (nghttp2_session_mem_recv(session_, bytes, static_cast<std::size_t>(count)) < 0) return;
    }
  }

 private:
  static Http2& Self(void* user) { return *static_cast<Http2*>(user); }

  static ssize_t OnSend(nghttp2_session* /*session*/, const std::uint8_t* bytes, std::size_t size,
                        int /*flags*/, void* user) {
    const long count = Self(user).socket_.Write({reinterpret_cast<const char*>(bytes), size});
    if (count == 0) return NGHTTP2_ERR_WOULDBLOCK;
    return count < 0 ? static_cast<long>(NGHTTP2_ERR_CALLBACK_FAILURE) : count;
  }

  static int OnHeader(nghttp2_session* /*session*/, const nghttp2_frame* frame,
                      const std::uint8_t* name, std::size_t name_size, const std::uint8_t* value,
                      std::size_t value_size, std::uint8_t /*flags*/, void* user) {
    const std::string_view key(reinterpret_cast<const char*>(name), name_size);
    if (key == ":path") {
      Http2& self = Self(user);
      ++self.state_.open;
      self.streams_[frame->hd.stream_id].path.assign(reinterpret_cast<const char*>(value),
                                                     value_size);
    }
    return 0;
  }

  static int OnData(nghttp2_session* session, std::uint8_t /*flags*/, std::int32_t id,
                    const std::uint8_t* bytes, std::size_t size, void* user) {
    Stream& stream = Self(user).streams_[id];
    if (stream.path == "/stuck") return nghttp2_session_consume_connection(session, size);
    stream.received.Add({reinterpret_cast<const char*>(bytes), size});
    return nghttp2_session_consume(session, id, size);
  }

  static int OnFrame(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* user) {
    const bool message = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (message && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
      Self(user).Answer(frame->hd.stream_id);
    }
    return 0;
  }

  static int OnClose(nghttp2_session* /*session*/, std::int32_t id, std::uint32_t /*code*/,
                     void* user) {
    Http2& self = Self(user);
    if (self.streams_.erase(id) > 0) --self.state_.open;
    return 0;
  }

  static ssize_t OnRead(nghttp2_session* /*session*/, std::int32_t id, std::uint8_t* buffer,
                        std::size_t size, std::uint32_t* flags, nghttp2_data_source* /*source*/,
                        void* user) {
    Http2& self = Self(user);
    Stream& stream = self.streams_[id];
    const auto left =
        static_cast<std::size_t>(std::min<std::uint64_t>(size, stream.size - stream.at));
    if (left == 0 && stream.held) return NGHTTP2_ERR_DEFERRED;
    const std::string_view piece = stream.text.empty()
                                       ? BulkAt(stream.at, left)
                                       : std::string_view(stream.text).substr(stream.at, left);
    std::memcpy(buffer, piece.data(), piece.size());
    stream.at += piece.size();
    self.state_.bytes_sent += piece.size();
    if (stream.at == stream.size && !stream.held) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(piece.size());
  }

  void Answer(std::int32_t id) {
    Stream& stream = streams_[id];
    if (stream.path == "/up") {
      stream.text = BulkReceipt(stream.received);
    } else if (stream.path == "/hold") {
      stream.text = kHeldPiece;
      stream.held = !state_.released;
    }
    stream.size = stream.text.empty() ? BulkBytesOf(stream.path) : stream.text.size();
    std::string status[2] = {":status", "200"};
    const nghttp2_nv field = {reinterpret_cast<std::uint8_t*>(status[0].data()),
                              reinterpret_cast<std::uint8_t*>(status[1].data()), status[0].size(),
                              status[1].size(), NGHTTP2_NV_FLAG_NONE};
    const nghttp2_data_provider provider = {{}, OnRead};
    nghttp2_submit_response(session_, id, &field, 1, &provider);
  }

  void ResumeHeld() {
    for (auto& [id, stream] : streams_) {
      if (!stream.held) continue;
      stream.held = false;
      nghttp2_session_resume_data(session_, id);
    }
  }

  BulkState& state_;
  const BulkSocket& socket_;
  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, Stream> streams_;
};

}  // namespace

void ServeBulkHttp2(BulkState& state, const BulkSocket& socket) { Http2(state, socket).Run(); }

}  // namespace spillway
