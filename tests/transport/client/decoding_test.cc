// Content codings over real exchanges: what is asked for, what is undone, and at whose pace.

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>

#include "tests/transport/client/client_fixture.h"
#include "tests/transport/client/encode.h"

namespace spillway {
namespace {

std::string Chunked(std::string_view body, std::string_view headers, std::string_view end = "") {
  std::string text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n";
  text.append(headers).append("\r\n");
  while (!body.empty()) {
    const std::string_view piece = body.substr(0, 1000);
    body.remove_prefix(piece.size());
    char size[20];
    std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
    text.append(size).append(piece).append("\r\n");
  }
  return text.append("0\r\n").append(end).append("\r\n");
}

class Decodings : public BothProtocols {
 protected:
  static std::string OfUnknownLength(std::string_view body, std::string_view headers) {
    if (!http2()) return Chunked(body, headers, "X-Sum: 1\r\n");
    return std::string("HTTP/1.1 200 OK\r\n").append(headers).append("\r\n").append(body);
  }
};
INSTANTIATE_TEST_SUITE_P(Over, Decodings, kBothProtocols, BothProtocols::Name);

std::string Text(std::size_t size) {
  std::string text;
  for (int i = 0; text.size() < size; ++i) text += std::to_string(i * 7919) + " words\n";
  text.resize(size);
  return text;
}

ClientRequest Decoding(const std::string& url, Decompression how = Decompression::kAuto) {
  ClientRequest request;
  request.request = Get(url);
  request.decompression = how;
  return request;
}

const std::string kGzipped = "Content-Encoding: gzip\r\n";

TEST_P(Decodings, Z1_Z2_R5_UndoesWhatItAskedForAndKeepsTheConnection) {
  const std::string text = Text(50000);
  Origin origin{Speaking({{"/unknown", OfUnknownLength(Gzip(text), kGzipped)},
                          {"/length", Answer(200, Gzip(text), kGzipped)}})};
  ClientFixture fixture(PolicyFor());
  for (const char* path : {"/unknown", "/length"}) {
    const auto call = fixture.Do(Decoding(origin.url(path)));
    ASSERT_FALSE(call->record->failure.has_value()) << call->record->failure->message;
    EXPECT_EQ(call->body, text);
    EXPECT_TRUE(call->record->uncompressed);
    EXPECT_EQ(call->record->response_body_bytes, text.size());
    EXPECT_LT(call->record->bytes_received, text.size() / 2);
    EXPECT_FALSE(call->head.headers.Has("Content-Encoding"));
    EXPECT_FALSE(call->head.headers.Has("Content-Length"));
    EXPECT_EQ(call->trailers.Has("X-Sum"), !http2() && path == std::string_view("/unknown"));
  }
  EXPECT_EQ(origin.seen().size(), 1U);
  for (const SeenRequest& request : Requests(origin)) {
    EXPECT_EQ(request.Find("accept-encoding"), "gzip");
  }
}

TEST_P(Decodings, Z2_Z3_LeavesAloneWhatItDidNotAskFor) {
  const std::string coded = Gzip("text");
  Origin origin{Speaking({{"/", Answer(200, coded, kGzipped)},
                          {"/twice", Answer(200, coded, "Content-Encoding: gzip, gzip\r\n")},
                          {"/br", Answer(200, coded, "Content-Encoding: br\r\n")}})};
  ClientFixture fixture(PolicyFor());
  ClientRequest own = Decoding(origin.url("/"));
  own.request.headers.Add("accept-encoding", "gzip");
  for (ClientRequest& request : std::vector<ClientRequest>{
           std::move(own), Decoding(origin.url("/twice")), Decoding(origin.url("/br")),
           Decoding(origin.url("/"), Decompression::kPassThrough),
           Decoding(origin.url("/"), Decompression::kPolicy)}) {
    const auto call = fixture.Do(std::move(request));
    EXPECT_EQ(call->body, coded);
    EXPECT_FALSE(call->record->uncompressed);
    EXPECT_TRUE(call->head.headers.Has("Content-Encoding"));
    EXPECT_TRUE(call->head.headers.Has("Content-Length"));
  }
  EXPECT_EQ(Requests(origin).back().Find("accept-encoding"), std::nullopt);
}

TEST_P(Decodings, BrotliAndZstdAreForPolicyToAllow) {
  const std::string text = Text(5000);
  Origin origin{Speaking({{"/br", Answer(200, Brotli(text), "Content-Encoding: br\r\n")},
                          {"/zstd", Answer(200, Zstd(text), "Content-Encoding: zstd\r\n")}})};
  Destination all;
  all.client = {.decompression = Decompression::kAuto, .brotli = true, .zstd = true};
  ClientFixture fixture(PolicyFor(all));
  for (const char* path : {"/br", "/zstd"}) {
    EXPECT_EQ(fixture.Do(Decoding(origin.url(path), Decompression::kPolicy))->body, text);
  }
  EXPECT_EQ(Requests(origin).back().Find("accept-encoding"), "gzip, br, zstd");
}

TEST_P(Decodings, FollowsThePolicyInForce) {
  Origin origin{Speaking({{"/", Answer(200, Gzip("text"), kGzipped)}})};
  ClientFixture fixture(PolicyFor());
  const std::string url = origin.url("/");
  EXPECT_EQ(fixture.Do(Decoding(url, Decompression::kPolicy))->body, Gzip("text"));
  Destination decoding;
  decoding.client.decompression = Decompression::kAuto;
  fixture.transport().SetPolicy(PolicyFor(decoding));
  EXPECT_EQ(fixture.Do(Decoding(url, Decompression::kPolicy))->body, "text");
  EXPECT_EQ(fixture.Do(Decoding(url, Decompression::kPassThrough))->body, Gzip("text"));
  fixture.transport().SetPolicy(PolicyFor());
  EXPECT_EQ(fixture.Do(Decoding(url, Decompression::kPolicy))->body, Gzip("text"));
}

struct Broken {
  const char* name;
  std::string body;
  Reason reason;
};

TEST_P(Decodings, O124_O126_O127_EndsWhatIsBrokenCutOrABomb) {
  const std::string coded = Gzip(Text(5000));
  const Broken rows[] = {
      {"O-124 a bomb", Gzip(std::string(100U << 20U, 'a')), Reason::kHttpResponseContentCoding},
      {"O-126 cut", coded.substr(0, coded.size() - 9), Reason::kHttpResponseIncomplete},
      {"O-126 behind its end", coded + "x", Reason::kHttpResponseIncomplete},
      {"O-126 garbage behind", coded + "garbage behind the end",
       Reason::kHttpResponseContentCoding},
      {"O-127 not coded", "plain text", Reason::kHttpResponseContentCoding},
  };
  for (const Broken& row : rows) {
    SCOPED_TRACE(row.name);
    Origin origin{Speaking({{"/", Answer(200, row.body, kGzipped)}})};
    ClientFixture fixture(PolicyFor());
    const auto call = fixture.Do(Decoding(origin.url("/")));
    ASSERT_TRUE(call->record->failure.has_value());
    EXPECT_EQ(call->record->failure->reason, row.reason) << call->record->failure->message;
    EXPECT_EQ(call->record->failure->phase, Phase::kBody);
    EXPECT_EQ(call->record->failure->delivery, Delivery::kAnswered);
    EXPECT_EQ(call->record->failure->response_status, 200U);
    EXPECT_LT(call->body.size(), 12U << 20U);
    EXPECT_EQ(call->ends, 1);
  }
}

TEST(DecodingsHttp1, ABodyThatIsCutShortOfItsFramingIsItsOwnFailure) {
  Origin origin{
      "expect_head\nsend \"HTTP/1.1 200 OK\\r\\nContent-Encoding: gzip\\r\\nContent-Length: "
      "99\\r\\n\\r\\n\\x1f\\x8b\"\nclose\n"};
  ClientFixture fixture;
  const auto call = fixture.Do(Decoding(origin.url("/")));
  ASSERT_TRUE(call->record->failure.has_value());
  EXPECT_EQ(call->record->failure->reason, Reason::kHttpResponseIncomplete);
}

TEST(DecodingsHttp1, EmptyBodiesHaveNothingToUndo) {
  Origin origin{Answering({{"/0", Answer(200, "", kGzipped)},
                           {"/204", "HTTP/1.1 204 No\r\nContent-Encoding: gzip\r\n\r\n"},
                           {"/chunked", Chunked("", kGzipped)}})};
  ClientFixture fixture;
  for (const char* path : {"/0", "/204", "/chunked"}) {
    const auto call = fixture.Do(Decoding(origin.url(path)));
    EXPECT_FALSE(call->record->failure.has_value()) << path;
    EXPECT_EQ(call->body, "");
  }
}

TEST_P(Decodings, MaxResponseBytesCountsWhatTheCallerGets) {
  Origin origin{Speaking({{"/", Answer(200, Gzip(Text(20000)), kGzipped)}})};
  ClientFixture fixture(PolicyFor());
  ClientRequest request = Decoding(origin.url("/"));
  request.request.max_response_bytes = 19999;
  const auto call = fixture.Do(std::move(request));
  ASSERT_TRUE(call->record->failure.has_value());
  EXPECT_EQ(call->record->failure->reason, Reason::kHttpResponseBodySize);
  ClientRequest enough = Decoding(origin.url("/"));
  enough.request.max_response_bytes = 20000;
  EXPECT_FALSE(fixture.Do(std::move(enough))->record->failure.has_value());
}

// Coded, a short text is longer than it was.
TEST_P(Decodings, MaxResponseBytesCountsWhatIsReceivedAsWell) {
  const std::string coded = Gzip("text");
  Origin origin{
      Speaking({{"/", Answer(200, coded, kGzipped)}, {"/x", OfUnknownLength(coded, kGzipped)}})};
  ClientFixture fixture(PolicyFor());
  for (const char* path : {"/", "/x"}) {
    for (const std::size_t too_few : {1U, 0U}) {
      ClientRequest request = Decoding(origin.url(path));
      request.request.max_response_bytes = coded.size() - too_few;
      const auto call = fixture.Do(std::move(request));
      ASSERT_EQ(call->record->failure.has_value(), too_few > 0) << path;
      if (too_few == 0) continue;
      EXPECT_EQ(call->record->failure->reason, Reason::kHttpResponseBodySize);
      EXPECT_EQ(call->record->failure->response_status, 200U);
    }
  }
}

TEST_P(Decodings, WorksBehindRedirects) {
  Origin origin{Speaking({{"/", RedirectTo("/x")}, {"/x", Answer(200, Gzip("text"), kGzipped)}})};
  ClientFixture fixture(PolicyFor());
  ClientRequest request = Decoding(origin.url("/"));
  request.max_redirects = 1;
  const auto call = fixture.Do(std::move(request));
  EXPECT_EQ(call->body, "text");
  EXPECT_EQ(call->record->hops.size(), 1U);
}

// Pauses after each piece and waits to be told to go on.
class SlowSink final : public ResponseSink {
 public:
  void OnInformational(ResponseHead) override {}
  void OnHead(ResponseHead, BodyKind kind, std::uint64_t length) override {
    kind_ = kind;
    length_ = length;
  }
  Flow OnData(const Chunk& chunk) override {
    const std::lock_guard lock(mu_);
    body_ += chunk.bytes;
    ++pieces_;
    largest_ = std::max(largest_, chunk.bytes.size());
    changed_.notify_all();
    return Flow::kPause;
  }
  void OnTrailers(HeaderList) override {}
  void OnEnd(const RoundTripRecord& record) override {
    const std::lock_guard lock(mu_);
    failure_ = record.failure;
    ++ends_;
    changed_.notify_all();
  }

  // Waits for another piece than the `seen` first ones, or the end; false at the end.
  bool AwaitPiece(std::size_t seen) {
    std::unique_lock lock(mu_);
    changed_.wait(lock, [&] { return ends_ > 0 || pieces_ > seen; });
    return ends_ == 0;
  }
  void AwaitEnd() {
    std::unique_lock lock(mu_);
    changed_.wait(lock, [&] { return ends_ > 0; });
  }
  std::size_t pieces() {
    const std::lock_guard lock(mu_);
    return pieces_;
  }

  std::mutex mu_;
  std::condition_variable changed_;
  BodyKind kind_ = BodyKind::kNone;
  std::uint64_t length_ = 1;
  std::string body_;
  std::size_t pieces_ = 0;
  std::size_t largest_ = 0;
  int ends_ = 0;
  std::optional<Failure> failure_;
};

TEST_P(Decodings, RestsWhereverTheReceiverDoes) {
  // One read of the socket holds far more than one piece.
  const std::string text = Text(300000);
  Origin origin{Speaking({{"/", Answer(200, Gzip(text), kGzipped)},
                          {"/unknown", OfUnknownLength(Gzip(text), kGzipped)}})};
  ClientFixture fixture(PolicyFor());
  for (const char* path : {"/", "/unknown"}) {
    auto sink = std::make_shared<SlowSink>();
    const auto handle = fixture.client().Start(Decoding(origin.url(path)), sink);
    std::size_t seen = 0;
    while (sink->AwaitPiece(seen)) {
      EXPECT_EQ(sink->pieces(), seen + 1) << "nothing comes during a pause";
      ++seen;
      handle->Resume();
    }
    EXPECT_FALSE(sink->failure_.has_value());
    EXPECT_EQ(sink->body_, text);
    EXPECT_GT(seen, 8U);
    EXPECT_LE(sink->largest_, ContentDecoder::kPieceBytes);
    EXPECT_EQ(sink->kind_, BodyKind::kChunked);
    EXPECT_EQ(sink->length_, 0U);
    EXPECT_EQ(sink->ends_, 1);
  }
}

TEST_P(Decodings, Z5_ACancelDuringAPauseEndsIt) {
  Origin origin{Speaking({{"/", Answer(200, Gzip(Text(300000)), kGzipped)}})};
  ClientFixture fixture(PolicyFor());
  for (const std::size_t pieces : {0U, 1U, 3U}) {
    auto sink = std::make_shared<SlowSink>();
    const auto handle = fixture.client().Start(Decoding(origin.url("/")), sink);
    for (std::size_t seen = 0; seen < pieces; ++seen) {
      ASSERT_TRUE(sink->AwaitPiece(seen));
      handle->Resume();
    }
    ASSERT_TRUE(sink->AwaitPiece(pieces));
    handle->Cancel();
    sink->AwaitEnd();
    ASSERT_TRUE(sink->failure_.has_value());
    EXPECT_EQ(sink->failure_->reason, Reason::kCancelled);
    handle->Resume();
    EXPECT_EQ(sink->ends_, 1);
  }
}

TEST_P(Decodings, Z5_EndsOnceHoweverACancelAndAResumeRace) {
  const std::string text = Text(300000);
  Origin origin{Speaking({{"/", Answer(200, Gzip(text), kGzipped)}})};
  ClientFixture fixture(PolicyFor());
  for (int i = 0; i < 100; ++i) {
    auto sink = std::make_shared<SlowSink>();
    const auto handle = fixture.client().Start(Decoding(origin.url("/")), sink);
    std::size_t seen = 0;
    while (sink->AwaitPiece(seen)) {
      seen = sink->pieces();
      handle->Resume();
      if (seen == static_cast<std::size_t>(i % 12)) handle->Cancel();
      handle->Resume();
    }
    EXPECT_EQ(sink->ends_, 1);
    if (!sink->failure_.has_value()) {
      EXPECT_EQ(sink->body_, text);
    }
  }
}

}  // namespace
}  // namespace spillway
