// What goes out and what comes back, and the limits on what comes.

#include "transport/http2/session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "tests/harness/test_body.h"
#include "tests/transport/http2/session_driver.h"

namespace spillway {
namespace {

using h2::Data;
using h2::Headers;
using h2::Rst;
using h2::Window;
using std::chrono::milliseconds;

const h2::Fields kOk = {{":status", "200"}};

std::shared_ptr<BodySource> Memory(std::string bytes) { return MemoryBody(std::move(bytes)); }

std::string Repeat(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

// --- Requests and responses ---

// H13
TEST(Http2Session, OpensWithItsSettingsAndALargerConnectionWindow) {
  SessionDriver driver;
  const std::vector<h2::SeenFrame> sent = driver.TakeFrames();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[0].payload, h2::Number(h2::kEnablePush, 2) + h2::Number(0, 4) +
                                 h2::Number(h2::kInitialWindow, 2) + h2::Number(256 * 1024, 4) +
                                 h2::Number(h2::kMaxFrame, 2) + h2::Number(16 * 1024, 4) +
                                 h2::Number(h2::kMaxHeaderList, 2) + h2::Number(1024 * 1024, 4));
  EXPECT_EQ(h2::Describe(sent[1]), "WINDOW_UPDATE 0 +" + std::to_string(4 * 1024 * 1024 - 65535));
}

// H15: no body, no DATA.
TEST(Http2Session, EndsTheStreamOnTheHeadersOfARequestWithoutBody) {
  SessionDriver driver;
  driver.Handshake();
  HeardStream& stream = driver.Send("GET");
  EXPECT_EQ(driver.TakeSentOfStreams(), "HEADERS 1 END_STREAM");
  EXPECT_TRUE(stream.request_sent);
  driver.Receive(Headers(1, {{":status", "200"}, {"content-length", "5"}, {"x-a", "1"}}) +
                 Data(1, "he") + Data(1, "llo", true));
  EXPECT_TRUE(stream.complete());
  EXPECT_EQ(stream.head.status, 200U);
  EXPECT_EQ(stream.head.major_version, 2);
  EXPECT_EQ(stream.head.headers, (HeaderList{{"content-length", "5"}, {"x-a", "1"}}));
  EXPECT_EQ(stream.kind, BodyKind::kLength);
  EXPECT_EQ(stream.length, 5U);
  EXPECT_EQ(stream.body, "hello");
  EXPECT_EQ(driver.session().streams(), 0U);
}

// H15: END_STREAM comes with the last DATA, not after it.
TEST(Http2Session, EndsTheStreamOnTheLastDataOfABody) {
  SessionDriver driver;
  driver.Handshake();
  HeardStream& stream = driver.Send("POST", Memory("hello"));
  EXPECT_EQ(driver.TakeSentOfStreams(), "HEADERS 1; DATA 1 5 END_STREAM");
  EXPECT_TRUE(stream.request_sent);
}

TEST(Http2Session, EndsABodyOfUnknownLengthOnItsLastPieceToo) {
  SessionDriver driver;
  driver.Handshake();
  StreamedBody::Options options;
  options.bytes = "abcdefgh";
  options.piece = 4;
  driver.Send("POST", std::make_shared<StreamedBody>(std::move(options)));
  EXPECT_EQ(driver.TakeSentOfStreams(), "HEADERS 1; DATA 1 4; DATA 1 4 END_STREAM");
}

TEST(Http2Session, WaitsForABodyThatHasNothingYet) {
  SessionDriver driver;
  driver.Handshake();
  std::function<void()> wake;
  bool open = false;
  StreamedBody::Options options;
  options.bytes = "abcd";
  options.piece = 4;
  options.gate = [&](std::function<void()> ready) {
    if (!open) wake = std::move(ready);
    return open;
  };
  driver.Send("POST", std::make_shared<StreamedBody>(std::move(options)));
  EXPECT_EQ(driver.TakeSentOfStreams(), "HEADERS 1");
  open = true;
  wake();
  EXPECT_EQ(driver.TakeSentOfStreams(), "DATA 1 4 END_STREAM");
}

struct WrongBody {
  const char* name;
  std::uint64_t declared;
  bool fails;
};

// F5, F7, C-018: the origin never sees a complete request.
TEST(Http2Session, ResetsAStreamWhoseBodyBreaksItsWord) {
  for (const WrongBody& row :
       {WrongBody{"short", 9, false}, WrongBody{"long", 3, false}, WrongBody{"failing", 8, true}}) {
    SCOPED_TRACE(row.name);
    SessionDriver driver;
    driver.Handshake();
    StreamedBody::Options options;
    options.bytes = "abcdefgh";
    options.piece = 2;
    options.length = row.declared;
    options.fails = row.fails;
    HeardStream& stream = driver.Send("POST", std::make_shared<StreamedBody>(std::move(options)));
    const std::string sent = driver.TakeSentOfStreams();
    EXPECT_EQ(sent.find("END_STREAM"), std::string::npos) << sent;
    EXPECT_NE(sent.find("RST_STREAM 1 CANCEL"), std::string::npos) << sent;
    ASSERT_TRUE(stream.ended && stream.end.failure);
    EXPECT_NE(stream.end.failure->source, Source::kOrigin);
  }
}

// O-160: what comes before the request is complete is still the response.
TEST(Http2Session, StopsTheUploadWhenTheResponseIsComplete) {
  SessionDriver driver;
  driver.Handshake();
  HeardStream& stream = driver.Send("POST", Memory(std::string(200'000, 'x')));
  driver.TakeSent();  // as much as the peer's window of 65535 allows
  driver.Receive(Headers(1, {{":status", "413"}}, true));
  EXPECT_TRUE(stream.complete());
  EXPECT_FALSE(stream.request_sent);
  EXPECT_EQ(driver.TakeSentOfStreams(), "RST_STREAM 1 NO_ERROR");
  driver.Receive(Rst(1, h2::kNoError) + Window(0, 100'000));
  EXPECT_EQ(driver.TakeSentOfStreams(), "");
  EXPECT_EQ(driver.failure(), "");
}

// O-160: the peer's own RST_STREAM(NO_ERROR) after its response changes nothing.
TEST(Http2Session, TakesANoErrorResetAfterTheResponse) {
  SessionDriver driver;
  driver.Handshake();
  HeardStream& stream = driver.Send("POST", Memory(std::string(200'000, 'x')));
  driver.Receive(Headers(1, kOk) + Data(1, "done", true) + Rst(1, h2::kNoError));
  EXPECT_TRUE(stream.complete());
  EXPECT_EQ(stream.body, "done");
}

TEST(Http2Session, GivesTrailersAndInformationalResponses) {
  SessionDriver driver;
  driver.Handshake();
  HeardStream& stream = driver.Send();
  driver.Receive(Headers(1, {{":status", "103"}, {"link", "</a>"}}) + Headers(1, kOk) +
                 Data(1, "x") + Headers(1, {{"x-checksum", "7"}, {"set-cookie", "no=1"}}, true));
  EXPECT_EQ(stream.informational, std::vector<std::uint32_t>{103});
  EXPECT_TRUE(stream.complete());
  EXPECT_EQ(stream.kind, BodyKind::kChunked);
  EXPECT_EQ(stream.end.trailers, (HeaderList{{"x-checksum", "7"}}));
}

TEST(Http2Session, KnowsThatNoBodyFollowsToHead) {
  SessionDriver driver;
  driver.Handshake();
  HeardStream& head = driver.Send("HEAD");
  HeardStream& unchanged = driver.Send("GET");
  driver.Receive(Headers(1, {{":status", "200"}, {"content-length", "5"}}, true) +
                 Headers(3, {{":status", "304"}, {"content-length", "5"}}, true));
  EXPECT_TRUE(head.complete());
  EXPECT_EQ(head.kind, BodyKind::kNone);
  EXPECT_TRUE(unchanged.complete());
}

// O-175: the library passes any number.
TEST(Http2Session, EndsAStreamThatHasTooManyInformationalResponses) {
  SessionDriver driver;
  driver.response_limits.max_informational = 4;
  driver.Handshake();
  HeardStream& within = driver.Send();
  HeardStream& above = driver.Send();
  driver.Receive(Repeat(Headers(1, {{":status", "103"}}), 4) + Headers(1, kOk, true));
  driver.Receive(Repeat(Headers(3, {{":status", "103"}}), 10'000));
  EXPECT_TRUE(within.complete());
  EXPECT_EQ(above.outcome(), "http_protocol_error");
  EXPECT_EQ(above.informational.size(), 4U);
}

// --- Limits on what is decoded ---

// O-178: an entry of 4 KB is put into the table once and named 4,000 times by a byte.
TEST(Http2Session, EndsAStreamWhoseHeadersGrowWhenDecompressed) {
  SessionDriver driver;
  driver.Handshake();
  HeardStream& bomb = driver.Send();
  HeardStream& other = driver.Send();
  driver.TakeSent();
  const std::string value(3900, 'v');
  std::string block = "\x88";  // :status 200
  block += '\x40';             // a literal with incremental indexing
  block += h2::HpackInteger(1, 7, 0) + "x" + h2::HpackInteger(value.size(), 7, 0) + value;
  block += std::string(4000, '\xbe');  // index 62, the entry
  driver.Receive(h2::Frame(h2::kHeaders, h2::kEndHeaders, 1, block));
  EXPECT_EQ(bomb.outcome(), "http_response_header_section_size");
  EXPECT_FALSE(bomb.head_seen);
  EXPECT_EQ(driver.TakeSentOfStreams(), "RST_STREAM 1 PROTOCOL_ERROR");
  // O-180: the compression state went on, so that the next block means what it says.
  driver.Receive(h2::Frame(h2::kHeaders, h2::kEndHeaders | h2::kEndStream, 3, "\x88\xbe"));
  EXPECT_TRUE(other.complete());
  EXPECT_EQ(other.head.headers, (HeaderList{{"x", value}}));
}

TEST(Http2Session, CountsFieldsAtTheLimitAndAboveIt) {
  for (const int extra : {0, 1}) {
    SessionDriver driver;
    driver.response_limits.max_header_fields = 10;
    driver.Handshake();
    HeardStream& stream = driver.Send();
    h2::Fields fields = kOk;
    for (int i = 0; i < 9 + extra; ++i) fields.push_back({"x", "1"});
    driver.Receive(Headers(1, fields, true));
    EXPECT_EQ(stream.outcome(), extra == 0 ? "" : "http_response_header_section_size");
  }
}

// O-180: header blocks of streams that are gone cost us work and are rationed.
TEST(Http2Session, BearsOnlySoManyHeadersOfStreamsThatAreGone) {
  SessionDriver driver;
  driver.Handshake();
  driver.Send();
  driver.Receive(Headers(1, kOk, true));
  driver.Receive(Repeat(Headers(1, kOk, true), 99));
  EXPECT_EQ(driver.failure(), "");
  driver.Receive(Repeat(Headers(1, kOk, true), 100));
  EXPECT_EQ(driver.failure(), "flood");
}

// O-164 (MadeYouReset): frames that make us reset streams without end.
TEST(Http2Session, BearsOnlySoManyResetsThatThePeerMakesItSend) {
  SessionDriver driver;
  driver.Handshake();
  int resets = 0;
  for (std::uint32_t id = 1; driver.failure().empty() && resets < 1000; id += 2, ++resets) {
    driver.Send();
    driver.Receive(Headers(id, {{":status", "abc"}}));
  }
  EXPECT_EQ(driver.failure(), "flood");
  EXPECT_EQ(resets, 101);
}

// O-163: and so for its own.
TEST(Http2Session, BearsOnlySoManyResetsByThePeer) {
  SessionDriver driver;
  driver.Handshake();
  int resets = 0;
  for (std::uint32_t id = 1; driver.failure().empty() && resets < 1000; id += 2, ++resets) {
    driver.Send();
    driver.Receive(Rst(id, h2::kRefusedStream));
  }
  EXPECT_EQ(driver.failure(), "flood");
  EXPECT_EQ(resets, 101);
}

// Caddy, as Go's server does, answers each frame of an upload that it does not want.
TEST(Http2Session, BearsAResetForEachPieceOfAnUpload) {
  SessionDriver driver;
  driver.Handshake();
  for (std::uint32_t id = 1; id < 1000; id += 2) {
    driver.Send("POST", Memory("x"));
    driver.Receive(Rst(id, h2::kStreamClosed));
  }
  EXPECT_EQ(driver.failure(), "");
}

TEST(Http2Session, BearsResetsAtTheRateThatTheLimitsAllow) {
  SessionDriver driver;
  driver.Handshake();
  for (std::uint32_t id = 1; id < 2000; id += 2) {
    driver.Send();
    driver.Receive(Rst(id, h2::kRefusedStream));
    driver.Advance(milliseconds(34));  // 30 a second and a little less
    driver.Receive(h2::Data(id, "", true));
  }
  EXPECT_EQ(driver.failure(), "");
}

// O-185: the answers to pings are bounded by the rate at which pings are taken, read or not.
TEST(Http2Session, QueuesFewAnswersToAPeerThatDoesNotReadThem) {
  Http2Limits limits;
  SessionDriver driver(limits);
  driver.Handshake();
  driver.session().Receive(Repeat(h2::Ping(), 100'000), driver.now());
  EXPECT_EQ(driver.failure(), "flood");
  EXPECT_LT(driver.session().output().size(), 4096U);
}

}  // namespace
}  // namespace spillway
