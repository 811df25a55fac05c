// The HTTP/2 half of the scripted origin, tried with a client made of nghttp2: it must take what
// the origin's manners say for good HTTP/2, and what scripts say for what it is.

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <map>
#include <string>
#include <vector>

#include "tests/origin/h2_frames.h"
#include "tests/origin/h2_request.h"
#include "tests/origin/listen.h"
#include "tests/origin/origin.h"

namespace spillway {
namespace {

struct Answered {
  std::map<std::string, std::string> fields;
  std::string body;
  bool closed = false;
  std::uint32_t code = 0;
};

// A blocking client of one connection.
class NgClient {
 public:
  explicit NgClient(std::uint16_t port) {
    socklen_t size = 0;
    const sockaddr_storage target = LoopbackAddress("127.0.0.1", port, size);
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(connect(fd_, reinterpret_cast<const sockaddr*>(&target), size), 0);
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, OnHeader);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, OnData);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, OnClose);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, OnFrame);
    nghttp2_session_client_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    const nghttp2_settings_entry no_push = {NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &no_push, 1);
  }
  ~NgClient() {
    nghttp2_session_del(session_);
    close(fd_);
  }
  NgClient(const NgClient&) = delete;
  NgClient& operator=(const NgClient&) = delete;

  std::int32_t Ask(const std::string& method, const std::string& path, std::string body = "") {
    const std::int32_t id = nghttp2_session_get_next_stream_id(session_);
    bodies_[id] = std::move(body);
    const std::array<std::string, 8> words = {":method", method, ":scheme",    "http",
                                              ":path",   path,   ":authority", "x"};
    std::array<nghttp2_nv, 4> fields{};
    for (std::size_t i = 0; i < fields.size(); ++i) {
      fields[i] = Field(words[2 * i], words[2 * i + 1]);
    }
    nghttp2_data_provider source{};
    source.source.ptr = &bodies_[id];
    source.read_callback = ReadBody;
    nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(),
                           bodies_[id].empty() ? nullptr : &source, nullptr);
    return id;
  }
  // Until `done`; false when the origin left or the session gave up first.
  template <typename Done>
  bool Until(Done done) {
    std::array<char, 16384> buffer{};
    while (!done()) {
      if (!Write()) return false;
      if (done()) break;
      if (nghttp2_session_want_read(session_) == 0) return false;
      const ssize_t n = recv(fd_, buffer.data(), buffer.size(), 0);
      if (n <= 0) return false;
      if (nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(buffer.data()),
                                   static_cast<std::size_t>(n)) < 0) {
        return false;
      }
    }
    return Write();
  }
  bool Closed(std::int32_t id) {
    return Until([&] { return answers_[id].closed; });
  }
  Answered& answer(std::int32_t id) { return answers_[id]; }
  std::map<int, int>& frames() { return frames_; }
  nghttp2_session* session() { return session_; }
  bool Write() {
    const std::uint8_t* bytes = nullptr;
    for (;;) {
      const ssize_t n = nghttp2_session_mem_send(session_, &bytes);
      if (n <= 0) return n == 0;
      if (send(fd_, bytes, static_cast<std::size_t>(n), MSG_NOSIGNAL) != n) return false;
    }
  }

 private:
  static nghttp2_nv Field(const std::string& name, const std::string& value) {
    return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
            reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(),
            value.size(), NGHTTP2_NV_FLAG_NONE};
  }
  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                      std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                      std::uint8_t, void* self) {
    auto& answer = static_cast<NgClient*>(self)->answers_[frame->hd.stream_id];
    answer.fields[std::string(reinterpret_cast<const char*>(name), name_size)] =
        std::string(reinterpret_cast<const char*>(value), value_size);
    return 0;
  }
  static int OnData(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                    std::size_t size, void* self) {
    static_cast<NgClient*>(self)->answers_[id].body.append(reinterpret_cast<const char*>(data),
                                                           size);
    return 0;
  }
  static int OnClose(nghttp2_session*, std::int32_t id, std::uint32_t code, void* self) {
    auto& answer = static_cast<NgClient*>(self)->answers_[id];
    answer.closed = true;
    answer.code = code;
    return 0;
  }
  static int OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    ++static_cast<NgClient*>(self)->frames_[frame->hd.type];
    return 0;
  }
  static ssize_t ReadBody(nghttp2_session*, std::int32_t, std::uint8_t* into, std::size_t size,
                          std::uint32_t* flags, nghttp2_data_source* source, void*) {
    auto& body = *static_cast<std::string*>(source->ptr);
    const std::size_t take = std::min(size, body.size());
    std::copy_n(body.begin(), take, into);
    body.erase(0, take);
    if (body.empty()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(take);
  }

  int fd_ = -1;
  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, std::string> bodies_;
  std::map<std::int32_t, Answered> answers_;
  std::map<int, int> frames_;
};

OriginOptions Http2(std::string_view script = "") {
  OriginOptions options;
  options.http2 = true;
  options.scripts = {MustParse(script)};
  return options;
}

TEST(Http2Origin, ServesManyRequestsOnOneConnection) {
  OriginOptions options = Http2();
  options.handler = [](const SeenRequest& request, std::uint64_t) {
    Step step{StepKind::kSend};
    step.text = Answer(201, request.target + request.body, "X-A: b\r\nConnection: close\r\n");
    return Script{step};
  };
  Origin origin(std::move(options));
  NgClient client(origin.port());
  const std::string large(300000, 'x');  // more than any first window
  const auto first = client.Ask("GET", "/a");
  const auto second = client.Ask("POST", "/b", large);
  const auto third = client.Ask("POST", "/c", "body");
  for (const auto id : {first, second, third}) {
    ASSERT_TRUE(client.Closed(id)) << id;
    EXPECT_EQ(client.answer(id).code, 0U);
    EXPECT_EQ(client.answer(id).fields[":status"], "201");
    EXPECT_EQ(client.answer(id).fields["x-a"], "b");
    EXPECT_FALSE(client.answer(id).fields.contains("connection"));
  }
  EXPECT_EQ(client.answer(first).body, "/a");
  EXPECT_EQ(client.answer(second).body, "/b" + large);
  const auto seen = origin.seen();
  ASSERT_EQ(seen.size(), 1U);
  ASSERT_EQ(seen[0].requests.size(), 3U);
  EXPECT_EQ(seen[0].requests[1].body.size(), large.size());
  EXPECT_TRUE(seen[0].requests[1].body_complete);
  EXPECT_TRUE(seen[0].requests[0].well_formed);
  EXPECT_TRUE(seen[0].http2.preface);
  EXPECT_EQ(seen[0].http2.error, "");
  EXPECT_GT(seen[0].http2.data_bytes, large.size());
}

TEST(Http2Origin, SendsWhatItsScriptSaysAndSeesWhatComesBack) {
  Origin origin(Http2(R"(h2_start max_streams=7 window=1000
h2_expect ack
h2_expect headers
h2 ping
h2_expect ping_ack
h2 headers status=200 field="a: b" more
h2 continuation name="C" value="d"
h2_expect rst
signal reset
h2_run
)"));
  NgClient client(origin.port());
  const auto id = client.Ask("GET", "/a");
  // nghttp2 drops an uppercase name by resetting the stream.
  EXPECT_TRUE(client.Closed(id));
  EXPECT_EQ(client.answer(id).code, static_cast<std::uint32_t>(NGHTTP2_PROTOCOL_ERROR));
  ASSERT_TRUE(origin.board().Await("reset"));
  EXPECT_EQ(nghttp2_session_get_remote_settings(client.session(),
                                                NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS),
            7U);
  EXPECT_EQ(
      nghttp2_session_get_remote_settings(client.session(), NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE),
      1000U);
  const auto seen = origin.seen();
  ASSERT_EQ(seen[0].http2.resets.size(), 1U);
  EXPECT_EQ(seen[0].http2.resets[0], (std::pair<std::uint32_t, std::string>(1, "PROTOCOL_ERROR")));
  EXPECT_EQ(seen[0].http2.acks.at("PING"), 1U);
}

TEST(Http2Origin, BreaksRulesOnlyWhenToldTo) {
  struct Break {
    const char* script;
    std::uint32_t code;  // of the GOAWAY that nghttp2 answers
  };
  const Break breaks[] = {
      {"h2 data stream=0 text=\"x\"\n", NGHTTP2_PROTOCOL_ERROR},
      {"h2 settings frame_size=1\n", NGHTTP2_PROTOCOL_ERROR},
      {"h2 settings window=2147483648\n", NGHTTP2_FLOW_CONTROL_ERROR},
      {"h2 headers stream=$ block=\"\\xff\\xff\\xff\\xff\\xff\\xff\"\n", NGHTTP2_COMPRESSION_ERROR},
      {"h2 window inc=0\n", NGHTTP2_PROTOCOL_ERROR},
      {"h2 ping payload=\"short\"\n", NGHTTP2_FRAME_SIZE_ERROR},
      {"h2 push_promise promised=2 field=\":method: GET\"\n", NGHTTP2_PROTOCOL_ERROR},
      {"h2 unknown type=0 flags=8 stream=1 payload=\"\\xff\"\n", NGHTTP2_PROTOCOL_ERROR},
  };
  for (const Break& broken : breaks) {
    Origin origin(Http2("h2_start\nh2_expect headers\n" + std::string(broken.script) +
                        "h2_expect goaway\nsignal told\nh2_run\n"));
    NgClient client(origin.port());
    client.Ask("GET", "/a");
    client.Until([] { return false; });
    ASSERT_TRUE(origin.board().Await("told")) << broken.script;
    const auto seen = origin.seen();
    ASSERT_EQ(seen[0].http2.goaways.size(), 1U) << broken.script;
    EXPECT_EQ(seen[0].http2.goaways[0].second, H2CodeName(broken.code)) << broken.script;
  }
}

TEST(Http2Origin, RepeatsAFrameManyTimes) {
  Origin origin(
      Http2("h2_start\nh2_expect headers\nh2 ping times=5000\nh2 headers status=204 end\n"));
  NgClient client(origin.port());
  const auto id = client.Ask("GET", "/a");
  ASSERT_TRUE(client.Closed(id));
  EXPECT_EQ(client.frames()[NGHTTP2_PING], 5000);
}

TEST(Http2Origin, PlaysAHandlersStepsPerStream) {
  OriginOptions options = Http2();
  options.on_head = [](const SeenRequest& request, std::uint64_t) -> std::optional<Script> {
    if (request.target != "/refused") return std::nullopt;
    return MustParse("h2 rst code=REFUSED_STREAM\n");
  };
  Origin origin(std::move(options));
  NgClient client(origin.port());
  const auto refused = client.Ask("GET", "/refused");
  const auto served = client.Ask("GET", "/served");
  ASSERT_TRUE(client.Closed(refused));
  ASSERT_TRUE(client.Closed(served));
  EXPECT_EQ(client.answer(refused).code, static_cast<std::uint32_t>(NGHTTP2_REFUSED_STREAM));
  EXPECT_EQ(client.answer(served).body, "served");
}

TEST(Http2Request, IsReadStrictly) {
  const H2Fields good = {
      {":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":authority", "x"}, {"a", "b"}};
  EXPECT_TRUE(RequestOf(1, good).well_formed);
  EXPECT_EQ(RequestOf(1, good).head, "GET / HTTP/2\r\nhost: x\r\na: b\r\n\r\n");
  const auto without = [&](std::size_t which) {
    H2Fields fields = good;
    fields.erase(fields.begin() + static_cast<std::ptrdiff_t>(which));
    return fields;
  };
  for (std::size_t i = 0; i < 4; ++i) EXPECT_FALSE(RequestOf(1, without(i)).well_formed) << i;
  const std::pair<std::string, std::string> bad[] = {
      {":path", "/twice"}, {"A", "upper"},      {"host", "x"},  {"connection", "close"},
      {"te", "gzip"},      {"a", "b\r\nc: d"},  {"a", " lead"}, {"a", "trail "},
      {"", "empty"},       {"keep-alive", "1"}, {"a b", "c"}};
  for (const auto& field : bad) {
    H2Fields fields = good;
    fields.push_back(field);
    EXPECT_FALSE(RequestOf(1, fields).well_formed) << field.first << ": " << field.second;
  }
}

}  // namespace
}  // namespace spillway
