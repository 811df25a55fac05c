// How an Http2Session counts streams, goes away, and knows whether its peer lives.

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "tests/harness/test_body.h"
#include "tests/transport/http2/session_driver.h"
#include "transport/http2/session.h"

namespace spillway {
namespace {

using h2::Data;
using h2::GoAway;
using h2::Headers;
using h2::Rst;
using h2::Settings;
using std::chrono::milliseconds;

const h2::Fields kOk = {{":status", "200"}};

std::shared_ptr<BodySource> Memory(std::string bytes) { return MemoryBody(std::move(bytes)); }

// --- How many streams ---

// H3: 100 until its SETTINGS, then what they say; nothing said is no limit.
TEST(Http2Session, KnowsHowManyStreamsThePeerAllows) {
  SessionDriver driver;
  EXPECT_EQ(driver.session().peer_settings().max_streams, 100U);
  driver.Receive(Settings({{h2::kMaxStreams, 7}}));
  ASSERT_EQ(driver.settings().size(), 1U);
  EXPECT_EQ(driver.settings()[0].max_streams, 7U);
  SessionDriver unlimited;
  unlimited.Handshake();
  EXPECT_EQ(unlimited.session().peer_settings().max_streams, UINT32_MAX);
}

// Finding 7, O-138, O-140: the library would queue the request for ever.
TEST(Http2Session, RefusesARequestWhileThePeerAllowsNone) {
  SessionDriver driver;
  driver.Handshake({{h2::kMaxStreams, 0}});
  const HeardStream& early = driver.Send();
  EXPECT_EQ(early.outcome(), "not sent: http_stream_refused");
  EXPECT_EQ(early.refused.delivery, Delivery::kNotSent);
  EXPECT_EQ(driver.TakeSentOfStreams(), "");
  driver.Receive(Settings({{h2::kMaxStreams, 100}}));
  driver.Send();
  EXPECT_EQ(driver.TakeSentOfStreams(), "HEADERS 1 END_STREAM");
}

// O-139, O-141: lowered below what runs, those finish and no new one starts before there is room.
TEST(Http2Session, LetsRunningStreamsFinishWhenTheLimitIsLowered) {
  SessionDriver driver;
  driver.Handshake({{h2::kMaxStreams, 100}});
  std::vector<HeardStream*> running;
  for (int i = 0; i < 50; ++i) running.push_back(&driver.Send());
  driver.Receive(Settings({{h2::kMaxStreams, 1}}));
  for (std::uint32_t i = 0; i < 50; ++i) {
    EXPECT_EQ(driver.Send().outcome(), "not sent: http_stream_refused");
    driver.Receive(Headers(2 * i + 1, kOk, true));
    EXPECT_TRUE(running[i]->complete());
  }
  EXPECT_EQ(driver.Send().outcome(), "running");
  EXPECT_EQ(driver.Send().outcome(), "not sent: http_stream_refused");
}

// O-200
TEST(Http2Session, GivesTheConnectionUpBeforeItRunsOutOfStreamIds) {
  SessionDriver driver;
  driver.Handshake();
  driver.session().SkipToStream(0x7fffffff - 1000);
  EXPECT_FALSE(driver.session().going_away());
  EXPECT_EQ(driver.Send().outcome(), "running");
  EXPECT_TRUE(driver.session().going_away());
  EXPECT_EQ(driver.Send().outcome(), "not sent: http_stream_refused");
}

// H13: said before a byte is sent.
TEST(Http2Session, RefusesHeadersLargerThanThePeerTakes) {
  SessionDriver driver;
  driver.Handshake({{h2::kMaxHeaderList, 400}});
  const HeardStream& large = driver.Send("GET", nullptr, {{"X-Large", std::string(400, 'x')}});
  EXPECT_EQ(large.outcome(), "not sent: http_request_error");
  EXPECT_EQ(large.refused.field, "headers");
  EXPECT_EQ(driver.Send("GET", nullptr, {{"X-Small", "x"}}).outcome(), "running");
}

// --- GOAWAY ---

// O-144, O-151: what runs finishes, bodies and windows included.
TEST(Http2Session, FinishesWhatRunsAfterAGoAway) {
  SessionDriver driver;
  driver.Handshake();
  HeardStream& stream = driver.Send();
  driver.Receive(GoAway(1, 0));
  ASSERT_EQ(driver.goaways().size(), 1U);
  EXPECT_TRUE(driver.session().going_away());
  EXPECT_EQ(driver.Send().outcome(), "not sent: http_stream_refused");
  driver.TakeSent();
  driver.Receive(Headers(1, kOk));
  for (int i = 0; i < 200; ++i) driver.Receive(Data(1, std::string(16'384, 'x'), i == 199));
  EXPECT_TRUE(stream.complete());
  EXPECT_EQ(driver.failure(), "");
  std::size_t connection_updates = 0;
  for (const h2::SeenFrame& frame : driver.TakeFrames()) {
    connection_updates += frame.type == h2::kWindow && frame.stream == 0 ? 1 : 0;
  }
  EXPECT_GT(connection_updates, 0U);
}

// O-145, Y12: above the last id nothing was done.
TEST(Http2Session, TellsStreamsAboveTheLastIdThatNothingWasDone) {
  SessionDriver driver;
  driver.Handshake();
  HeardStream& one = driver.Send();
  HeardStream& three = driver.Send("POST", Memory("x"));
  HeardStream& five = driver.Send();
  driver.Receive(GoAway(1, 0, "bye"));
  EXPECT_EQ(one.outcome(), "running");
  for (HeardStream* stream : {&three, &five}) {
    EXPECT_EQ(stream->outcome(), "http_stream_refused");
    EXPECT_EQ(stream->end.failure->delivery, Delivery::kUnprocessed);
    EXPECT_NE(stream->end.failure->message.find("GOAWAY NO_ERROR \"bye\""), std::string::npos);
  }
  driver.Receive(Headers(1, kOk, true));
  EXPECT_TRUE(one.complete());
}

// O-146: the graceful pair.
TEST(Http2Session, LosesNothingWhenAGoAwayComesInTwoSteps) {
  SessionDriver driver;
  driver.Handshake();
  HeardStream& one = driver.Send();
  HeardStream& three = driver.Send();
  driver.Receive(GoAway(0x7fffffff, 0));
  EXPECT_EQ(one.outcome() + three.outcome(), "runningrunning");
  driver.Receive(GoAway(1, 0));
  EXPECT_EQ(one.outcome(), "running");
  EXPECT_EQ(three.outcome(), "http_stream_refused");
}

// O-148, O-149: by an error code too.
TEST(Http2Session, KnowsWhatAGoAwayWithAnErrorLeftUndone) {
  SessionDriver driver;
  driver.Handshake();
  HeardStream& one = driver.Send();
  HeardStream& three = driver.Send();
  driver.Receive(GoAway(1, h2::kEnhanceYourCalm));
  EXPECT_EQ(one.outcome(), "running");
  EXPECT_EQ(three.outcome(), "http_stream_refused");
}

// Y13: the next connection's first stream would meet the same.
TEST(Http2Session, DoesNotInviteToRepeatTheFirstStreamUnderAnErrorGoAway) {
  SessionDriver driver;
  driver.Handshake();
  HeardStream& first = driver.Send();
  HeardStream& second = driver.Send();
  driver.Receive(GoAway(0, h2::kProtocolError));
  EXPECT_EQ(first.outcome(), "http_stream_reset");
  EXPECT_EQ(first.end.failure->delivery, Delivery::kUnprocessed);
  EXPECT_EQ(second.outcome(), "http_stream_refused");
}

// O-150: in the same read.
TEST(Http2Session, TakesGoAwayAndNoStreamsTogether) {
  SessionDriver driver;
  driver.Handshake();
  HeardStream& stream = driver.Send();
  driver.Receive(GoAway(1, 0) + Settings({{h2::kMaxStreams, 0}}));
  EXPECT_EQ(driver.failure(), "");
  driver.Receive(Headers(1, kOk, true));
  EXPECT_TRUE(stream.complete());
}

// O-152
TEST(Http2Session, TakesAResetAndGoAwayTogether) {
  SessionDriver driver;
  driver.Handshake();
  HeardStream& one = driver.Send();
  HeardStream& three = driver.Send();
  driver.Receive(Rst(1, h2::kCancel) + GoAway(3, 0));
  EXPECT_EQ(one.outcome(), "http_stream_reset");
  driver.Receive(Headers(3, kOk, true));
  EXPECT_TRUE(three.complete());
  EXPECT_EQ(driver.session().streams(), 0U);
}

// O-154: escaped and cut.
TEST(Http2Session, CutsTheWordsOfAGoAway) {
  SessionDriver driver;
  driver.Handshake();
  driver.Receive(GoAway(0, h2::kInternalError, "\x1b[31m\n" + std::string(16'000, 'A')));
  ASSERT_EQ(driver.goaways().size(), 1U);
  const std::string& text = driver.goaways()[0].text;
  EXPECT_LT(text.size(), 200U);
  EXPECT_TRUE(std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7f; }));
  EXPECT_TRUE(text.starts_with("GOAWAY INTERNAL_ERROR \"\\x1b[31m\\x0a")) << text;
}

// --- Time ---

// O-130
TEST(Http2Session, FailsWhenThePeersSettingsDoNotCome) {
  SessionDriver driver;
  driver.Send();
  driver.Advance(milliseconds(4999));
  EXPECT_EQ(driver.failure(), "");
  driver.Advance(milliseconds(1));
  EXPECT_EQ(driver.failure(), "settings timeout");
  EXPECT_FALSE(driver.session().settings_received());
  EXPECT_NE(driver.TakeSentOfStreams().find("GOAWAY 0 SETTINGS_TIMEOUT"), std::string::npos);
}

// O-131
TEST(Http2Session, FailsWhenThePeerDoesNotAcknowledgeOurSettings) {
  SessionDriver driver;
  driver.Receive(Settings());
  driver.Advance(milliseconds(5000));
  EXPECT_EQ(driver.failure(), "settings timeout");
  EXPECT_TRUE(driver.session().settings_received());
}

// O-201, H9
TEST(Http2Session, PingsASilentPeerAndGivesItUp) {
  SessionDriver driver;
  driver.Handshake();
  driver.Send();
  driver.TakeSent();
  driver.Advance(milliseconds(29'999));
  EXPECT_TRUE(driver.TakeSent().empty());
  driver.Advance(milliseconds(1));
  EXPECT_EQ(driver.TakeSent(), std::vector<std::string>{"PING"});
  driver.Advance(milliseconds(14'999));
  EXPECT_EQ(driver.failure(), "");
  driver.Advance(milliseconds(1));
  EXPECT_EQ(driver.failure(), "ping timeout");
}

// O-202: any frame shows life.
TEST(Http2Session, KeepsAPeerThatSendsDataButNeverAnswersPings) {
  SessionDriver driver;
  driver.Handshake();
  HeardStream& stream = driver.Send();
  driver.Receive(Headers(1, kOk));
  for (int i = 0; i < 20; ++i) {
    driver.Advance(seconds(30));  // a PING goes out
    driver.Advance(seconds(14));
    driver.Receive(Data(1, "x"));
  }
  EXPECT_EQ(driver.failure(), "");
  EXPECT_EQ(stream.body.size(), 20U);
}

// H9: off when told so.
TEST(Http2Session, DoesNotPingWhenTold) {
  Http2Limits limits;
  limits.ping_interval = kForever;
  SessionDriver driver(limits);
  driver.Handshake();
  driver.Advance(hours(10));
  EXPECT_TRUE(driver.TakeSent().empty());
  EXPECT_EQ(driver.session().next_deadline(), kNever);
}

// H10, O-204: nothing came since the stream began, so perhaps nothing ever will. One PING is
// enough.
TEST(Http2Session, PingsWhenAStreamIsGivenUpOnAConnectionThatIsSilent) {
  SessionDriver driver;
  driver.Handshake();
  driver.Advance(seconds(1));
  const Instant started = driver.now();
  driver.Send();
  driver.Send();
  driver.TakeSent();
  driver.Advance(seconds(1));
  driver.session().Reset(1, Http2Session::ResetCode::kCancel);
  driver.session().OnAbandoned(started, driver.now());
  const std::vector<std::string> sent = driver.TakeSent();
  EXPECT_EQ(std::count(sent.begin(), sent.end(), "PING"), 1);
  EXPECT_EQ(std::count(sent.begin(), sent.end(), "RST_STREAM 1 CANCEL"), 1);
  EXPECT_EQ(driver.session().ghosts(), 1U);
  driver.session().Reset(3, Http2Session::ResetCode::kCancel);
  driver.session().OnAbandoned(started, driver.now());
  EXPECT_EQ(driver.TakeSent(), std::vector<std::string>{"RST_STREAM 3 CANCEL"});
  EXPECT_EQ(driver.session().ghosts(), 2U);
  driver.Receive(h2::Ping("12345678", true));
  EXPECT_EQ(driver.session().ghosts(), 0U);
  // H10: no PING when something was heard since.
  driver.session().OnAbandoned(started, driver.now());
  EXPECT_TRUE(driver.TakeSent().empty());
}

// O-183: the connection knows that nothing can be heard behind it.
TEST(Http2Session, KnowsThatAHeaderBlockHasNotEnded) {
  SessionDriver driver;
  driver.Handshake();
  driver.Send();
  driver.Receive(h2::Frame(h2::kHeaders, 0, 1, h2::Block(kOk)));
  EXPECT_TRUE(driver.session().in_header_block());
  driver.Receive(h2::Frame(h2::kContinuation, h2::kEndHeaders, 1, h2::Block({{"a", "b"}})));
  EXPECT_FALSE(driver.session().in_header_block());
}

// However the bytes of a good conversation are cut, they mean the same.
TEST(Http2Session, ReadsTheSameAtEverySplitPoint) {
  const std::string bytes =
      Settings({{h2::kMaxStreams, 10}}) + h2::SettingsAck() + Headers(1, {{":status", "103"}}) +
      h2::Frame(h2::kHeaders, 0, 1, h2::Block(kOk)) +
      h2::Frame(h2::kContinuation, 0, 1, h2::Block({{"a", "1"}})) +
      h2::Frame(h2::kContinuation, h2::kEndHeaders, 1, h2::Block({{"b", "2"}})) +
      h2::PaddedData(1, "hello", 20) + h2::Ping() + Data(1, " world") +
      Headers(1, {{"x-t", "3"}}, true);
  for (std::size_t split = 0; split <= bytes.size(); ++split) {
    SessionDriver driver;
    HeardStream& stream = driver.Send();
    driver.Receive(std::string_view(bytes).substr(0, split));
    driver.Receive(std::string_view(bytes).substr(split));
    ASSERT_TRUE(stream.complete()) << split;
    EXPECT_EQ(stream.body, "hello world");
    EXPECT_EQ(stream.head.headers, (HeaderList{{"a", "1"}, {"b", "2"}}));
    EXPECT_EQ(stream.end.trailers, (HeaderList{{"x-t", "3"}}));
    EXPECT_EQ(driver.failure(), "");
  }
  SessionDriver driver;
  HeardStream& stream = driver.Send();
  driver.ReceiveInPieces(bytes, 1);
  EXPECT_TRUE(stream.complete());
}

}  // namespace
}  // namespace spillway
