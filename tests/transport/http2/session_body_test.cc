// Request bodies that stream: trailers, early answers, bodies that wait to be asked for, tunnels.

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/harness/push_body.h"
#include "tests/transport/http2/session_driver.h"

namespace spillway {
namespace {

using h2::Data;
using h2::Headers;

const h2::Fields kOk = {{":status", "200"}};
const h2::Fields kTooLarge = {{":status", "413"}};
const h2::Fields kContinue = {{":status", "100"}};

std::shared_ptr<PushBody> Pushed() { return std::make_shared<PushBody>(); }

// --- Trailers ---

// F8: the last DATA does not end the stream, the trailers do; names in lower case.
TEST(Http2Session, EndsTheStreamOnTheTrailersOfABody) {
  SessionDriver driver;
  driver.Handshake();
  auto body = Pushed();
  body->Push("abc");
  body->End({{"X-Sum", "17"}, {"x-other", "Value"}});
  HeardStream& stream = driver.Send("POST", body, {{"Trailer", "X-Sum"}});
  const std::vector<h2::SeenFrame> frames = driver.TakeFrames();
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_EQ(h2::Describe(frames[0]), "HEADERS 1");
  EXPECT_EQ(h2::Describe(frames[1]), "DATA 1 3");
  EXPECT_EQ(h2::Describe(frames[2]), "HEADERS 1 END_STREAM");
  EXPECT_TRUE(stream.request_sent);
  driver.Receive(Headers(1, kOk, true));
  EXPECT_TRUE(stream.complete());
  EXPECT_EQ(driver.TakeSentOfStreams(), "");
}

TEST(Http2Session, SendsTheTrailersOfABodyThatIsEmpty) {
  SessionDriver driver;
  driver.Handshake();
  auto body = Pushed();
  HeardStream& stream = driver.Send("POST", body);
  EXPECT_EQ(driver.TakeSentOfStreams(), "HEADERS 1");
  body->End({{"x-sum", "0"}});
  const std::string sent = driver.TakeSentOfStreams();
  EXPECT_TRUE(sent == "HEADERS 1 END_STREAM" || sent == "DATA 1 0; HEADERS 1 END_STREAM") << sent;
  EXPECT_TRUE(stream.request_sent);
}

TEST(Http2Session, EndsAnEmptyBodyOfUnknownLengthWithoutTrailers) {
  SessionDriver driver;
  driver.Handshake();
  auto body = Pushed();
  body->End();
  driver.Send("POST", body);
  EXPECT_EQ(driver.TakeSentOfStreams(), "HEADERS 1; DATA 1 0 END_STREAM");
}

// H13 for trailers: what the peer would not take is not sent, and the stream does not look whole.
TEST(Http2Session, ResetsAStreamWhoseTrailersThePeerWouldNotTake) {
  SessionDriver driver;
  driver.Handshake({{h2::kMaxHeaderList, 400}});
  auto body = Pushed();
  HeardStream& stream = driver.Send("POST", body);
  body->Push("abc");
  body->End({{"x-sum", std::string(500, 'x')}});
  const std::string sent = driver.TakeSentOfStreams();
  EXPECT_EQ(sent.find("END_STREAM"), std::string::npos) << sent;
  EXPECT_NE(sent.find("RST_STREAM 1 CANCEL"), std::string::npos) << sent;
  EXPECT_EQ(stream.outcome(), "http_request_error");
  EXPECT_EQ(stream.end.failure->field, "trailers");
}

// --- Early answers ---

// W3, W5: who accepts goes on receiving while it sends.
TEST(Http2Session, GoesOnSendingAfterAHeadThatAccepts) {
  SessionDriver driver;
  driver.Handshake();
  auto body = Pushed();
  HeardStream& stream = driver.Send("POST", body);
  body->Push("one");
  EXPECT_EQ(driver.TakeSentOfStreams(), "HEADERS 1; DATA 1 3");
  driver.Receive(Headers(1, kOk) + Data(1, "uno"));
  body->Push("two2");
  EXPECT_EQ(driver.TakeSentOfStreams(), "DATA 1 4");
  driver.Receive(Data(1, "dos"));
  body->End();
  EXPECT_EQ(driver.TakeSentOfStreams(), "DATA 1 0 END_STREAM");
  EXPECT_FALSE(stream.ended);
  driver.Receive(Headers(1, {{"grpc-status", "0"}}, true));
  EXPECT_TRUE(stream.complete());
  EXPECT_EQ(stream.body, "unodos");
  EXPECT_EQ(stream.end.trailers, (HeaderList{{"grpc-status", "0"}}));
  EXPECT_EQ(driver.TakeSentOfStreams(), "");
}

// W3: who refuses gets no more of the body, which is not read either.
TEST(Http2Session, StopsReadingTheBodyAfterAHeadThatRefuses) {
  SessionDriver driver;
  driver.Handshake();
  auto body = Pushed();
  HeardStream& stream = driver.Send("POST", body);
  body->Push("one");
  EXPECT_EQ(driver.TakeSentOfStreams(), "HEADERS 1; DATA 1 3");
  driver.Receive(Headers(1, kTooLarge) + Data(1, "too "));
  body->Forbid();
  body->Push("two");
  EXPECT_EQ(driver.TakeSentOfStreams(), "");
  driver.Receive(Data(1, "large", true));
  EXPECT_TRUE(stream.complete());
  EXPECT_EQ(stream.body, "too large");
  EXPECT_EQ(driver.TakeSentOfStreams(), "RST_STREAM 1 NO_ERROR");
  EXPECT_FALSE(stream.request_sent);
}

// W3, O-160: a complete answer ends the exchange, whatever it says.
TEST(Http2Session, NeverReadsTheBodyAgainOnceTheResponseIsComplete) {
  SessionDriver driver;
  driver.Handshake();
  auto body = Pushed();
  HeardStream& stream = driver.Send("POST", body);
  body->Push("one");
  driver.TakeSent();
  driver.Receive(Headers(1, kOk) + Data(1, "done", true));
  body->Forbid();
  EXPECT_TRUE(stream.complete());
  EXPECT_EQ(driver.TakeSentOfStreams(), "RST_STREAM 1 NO_ERROR");
  body->Push("two");
  driver.Receive(h2::Window(1, 1000) + h2::Window(0, 1000));
  EXPECT_EQ(driver.TakeSentOfStreams(), "");
}

// --- Bodies that wait to be asked for ---

// E7
TEST(Http2Session, HoldsABodyUntilItIsAskedFor) {
  SessionDriver driver;
  driver.Handshake();
  auto body = Pushed();
  body->Push("abc");
  body->End();
  HeardStream& stream =
      driver.Send("POST", body, {{"Expect", "100-continue"}}, Http2BodyStart::kWhenAsked);
  EXPECT_EQ(driver.TakeSentOfStreams(), "HEADERS 1");
  driver.Receive(Headers(1, {{":status", "103"}}));
  EXPECT_EQ(body->reads(), 0);
  driver.Receive(Headers(1, kContinue));
  EXPECT_EQ(driver.TakeSentOfStreams(), "DATA 1 3 END_STREAM");
  driver.Receive(Headers(1, kOk, true));
  EXPECT_TRUE(stream.complete());
}

// E2
TEST(Http2Session, SendsABodyThatIsReleased) {
  SessionDriver driver;
  driver.Handshake();
  auto body = Pushed();
  body->Push("abc");
  body->End();
  HeardStream& stream = driver.Send("POST", body, {}, Http2BodyStart::kWhenAsked);
  EXPECT_EQ(driver.TakeSentOfStreams(), "HEADERS 1");
  driver.session().ReleaseBody(stream.id);
  EXPECT_EQ(driver.TakeSentOfStreams(), "DATA 1 3 END_STREAM");
  driver.session().ReleaseBody(stream.id);
  driver.session().ReleaseBody(99);
  EXPECT_EQ(driver.TakeSentOfStreams(), "");
}

// E4, E7: a final answer that accepts asks for the body as well.
TEST(Http2Session, SendsABodyWhenTheAnswerAccepts) {
  SessionDriver driver;
  driver.Handshake();
  auto body = Pushed();
  body->Push("abc");
  body->End();
  HeardStream& stream = driver.Send("POST", body, {}, Http2BodyStart::kWhenAsked);
  driver.TakeSent();
  driver.Receive(Headers(1, kOk));
  EXPECT_EQ(driver.TakeSentOfStreams(), "DATA 1 3 END_STREAM");
  driver.Receive(Data(1, "", true));
  EXPECT_TRUE(stream.complete());
}

// E7: and one that refuses means that nobody reads it.
TEST(Http2Session, NeverReadsABodyThatWasRefused) {
  SessionDriver driver;
  driver.Handshake();
  auto body = Pushed();
  body->Forbid();
  body->Push("abc");
  HeardStream& stream = driver.Send("POST", body, {}, Http2BodyStart::kWhenAsked);
  driver.Receive(Headers(1, {{":status", "417"}}));
  driver.session().ReleaseBody(stream.id);
  EXPECT_EQ(driver.TakeSentOfStreams(), "HEADERS 1");
  driver.Receive(Data(1, "no", true));
  EXPECT_TRUE(stream.complete());
  EXPECT_EQ(driver.TakeSentOfStreams(), "RST_STREAM 1 NO_ERROR");
}

// S4: also while the body waits.
TEST(Http2Session, EndsAStreamThatSendsDataAfterAnInformationalResponse) {
  for (const Http2BodyStart start : {Http2BodyStart::kAtOnce, Http2BodyStart::kWhenAsked}) {
    SessionDriver driver;
    driver.Handshake();
    HeardStream& stream = driver.Send("POST", Pushed(), {}, start);
    driver.Receive(Headers(1, {{":status", "103"}}) + Data(1, "early"));
    EXPECT_EQ(stream.outcome(), "http_protocol_error");
    EXPECT_FALSE(stream.head_seen);
    EXPECT_NE(driver.TakeSentOfStreams().find("RST_STREAM 1 PROTOCOL_ERROR"), std::string::npos);
    EXPECT_EQ(driver.failure(), "");
  }
}

TEST(Http2Session, TellsWhenItWaitsForTheBody) {
  SessionDriver driver;
  driver.Handshake();
  auto body = Pushed();
  HeardStream& stream = driver.Send("POST", body);
  EXPECT_EQ(stream.pending, 1);
  EXPECT_EQ(stream.ready, 0);
  body->Push("a");
  EXPECT_EQ(stream.ready, 1);
  EXPECT_EQ(stream.pending, 2);
}

// --- Tunnels ---

HeardStream& Connect(SessionDriver& driver, std::shared_ptr<BodySource> body) {
  return driver.Send("CONNECT", std::move(body), {{"Host", "elsewhere"}, {"X-Token", "a"}},
                     Http2BodyStart::kInTunnel);
}

// U5
TEST(Http2Session, CarriesBytesBothWaysInATunnel) {
  SessionDriver driver;
  driver.Handshake();
  auto body = Pushed();
  body->Push("ping");
  HeardStream& stream = Connect(driver, body);
  EXPECT_EQ(driver.TakeSentOfStreams(), "HEADERS 1");
  EXPECT_EQ(body->reads(), 0);
  driver.Receive(Headers(1, {{":status", "100"}}));
  EXPECT_EQ(body->reads(), 0);
  driver.Receive(Headers(1, kOk));
  EXPECT_EQ(stream.kind, BodyKind::kTunnel);
  EXPECT_EQ(driver.TakeSentOfStreams(), "DATA 1 4");
  driver.Receive(Data(1, "pong"));
  EXPECT_EQ(stream.body, "pong");
  driver.Receive(Data(1, "", true));
  EXPECT_TRUE(stream.peer_closed);
  EXPECT_FALSE(stream.ended);
  body->Push("more");
  EXPECT_EQ(driver.TakeSentOfStreams(), "DATA 1 4");
  body->End();
  EXPECT_EQ(driver.TakeSentOfStreams(), "DATA 1 0 END_STREAM");
  EXPECT_TRUE(stream.complete());
  EXPECT_TRUE(stream.request_sent);
  EXPECT_EQ(driver.session().streams(), 0U);
}

TEST(Http2Session, KeepsATunnelOpenAfterOurSideEnded) {
  SessionDriver driver;
  driver.Handshake();
  auto body = Pushed();
  HeardStream& stream = Connect(driver, body);
  driver.Receive(Headers(1, {{":status", "201"}, {"content-length", "3"}}));
  body->End();
  EXPECT_EQ(driver.TakeSentOfStreams(), "HEADERS 1; DATA 1 0 END_STREAM");
  driver.Receive(Data(1, "longer than three"));
  EXPECT_FALSE(stream.ended);
  driver.Receive(Data(1, "!", true));
  EXPECT_TRUE(stream.complete());
  EXPECT_TRUE(stream.peer_closed);
  EXPECT_EQ(stream.body, "longer than three!");
}

TEST(Http2Session, TakesARefusalToOpenATunnelAsAResponse) {
  SessionDriver driver;
  driver.Handshake();
  auto body = Pushed();
  body->Forbid();
  HeardStream& stream = Connect(driver, body);
  driver.Receive(Headers(1, {{":status", "403"}}) + Data(1, "no", true));
  EXPECT_TRUE(stream.complete());
  EXPECT_EQ(stream.kind, BodyKind::kChunked);
  EXPECT_FALSE(stream.peer_closed);
  EXPECT_EQ(driver.TakeSentOfStreams(), "HEADERS 1; RST_STREAM 1 NO_ERROR");
}

TEST(Http2Session, EndsATunnelInWhichHeadersCome) {
  SessionDriver driver;
  driver.Handshake();
  HeardStream& stream = Connect(driver, Pushed());
  driver.Receive(Headers(1, kOk) + Headers(1, {{"x-sum", "1"}}, true));
  EXPECT_EQ(stream.outcome(), "http_protocol_error");
}

// C-019: a source that fails inside a tunnel never looks like its end.
TEST(Http2Session, ResetsATunnelWhoseSourceFails) {
  SessionDriver driver;
  driver.Handshake();
  auto body = Pushed();
  HeardStream& stream = Connect(driver, body);
  driver.Receive(Headers(1, kOk));
  body->Push("x");
  body->Fail();
  EXPECT_EQ(driver.TakeSentOfStreams(), "HEADERS 1; DATA 1 1; RST_STREAM 1 CANCEL");
  EXPECT_EQ(stream.outcome(), "cancelled");
}

TEST(Http2Session, TellsATunnelThatWasResetFromOneThatEnded) {
  SessionDriver driver;
  driver.Handshake();
  HeardStream& stream = Connect(driver, Pushed());
  driver.Receive(Headers(1, kOk) + Data(1, "", true) + h2::Rst(1, h2::kNoError));
  EXPECT_TRUE(stream.peer_closed);
  EXPECT_EQ(stream.outcome(), "http_stream_reset");
}

}  // namespace
}  // namespace spillway
