// How an Http2Connection ends, and what its exchanges hear of it.

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/harness/test_body.h"
#include "tests/transport/http2/connection_driver.h"

namespace spillway {
namespace {

using h2::Data;
using h2::GoAway;
using h2::Headers;
using h2::Rst;
using std::chrono::milliseconds;

const h2::Fields kOk = {{":status", "200"}};

bool Mentions(const HeardExchange& exchange, std::string_view words) {
  return exchange.result().failure->message.find(words) != std::string::npos;
}

// O-144, O-205, H19: what runs finishes, then it closes, whatever TCP says in between.
TEST(Http2ConnectionEnd, ClosesAfterTheLastStreamOfAGoAway) {
  ConnectionDriver driver;
  driver.peer().SendPreface();
  auto exchange = driver.Get();
  ASSERT_TRUE(driver.peer().Await("HEADERS 1 END_STREAM"));
  driver.peer().Send(GoAway(1, 0));
  ASSERT_TRUE(driver.AwaitGoingAway());
  auto late = driver.Get();
  ASSERT_TRUE(late->AwaitDone());
  EXPECT_EQ(late->outcome(), "http_stream_refused");
  EXPECT_EQ(late->result().failure->delivery, Delivery::kNotSent);
  EXPECT_FALSE(late->result().reusable);
  driver.peer().Send(Headers(1, kOk) + Data(1, "x", true));
  driver.peer().FinishSending();
  ASSERT_TRUE(exchange->AwaitDone());
  EXPECT_EQ(exchange->outcome(), "");
  EXPECT_FALSE(exchange->result().reusable);
  EXPECT_EQ(exchange->result().why_not, CloseReason::kGoAway);
  ASSERT_TRUE(driver.AwaitClosed());
  EXPECT_EQ(driver.closed_for(), CloseReason::kGoAway);
}

// H19
TEST(Http2ConnectionEnd, ClosesAtOnceOnAGoAwayWithoutStreams) {
  ConnectionDriver driver;
  driver.peer().SendPreface();
  driver.peer().Send(GoAway(0, 0));
  ASSERT_TRUE(driver.AwaitClosed());
  EXPECT_EQ(driver.closed_for(), CloseReason::kGoAway);
  EXPECT_TRUE(driver.peer().AwaitEnd());
}

// O-145, Y12
TEST(Http2ConnectionEnd, TellsWhichExchangesAGoAwayLeftUndone) {
  ConnectionDriver driver;
  driver.peer().SendPreface();
  auto kept = driver.Get();
  auto undone = driver.Get();
  ASSERT_TRUE(driver.peer().Await("HEADERS 3 END_STREAM"));
  driver.peer().Send(GoAway(1, 0));
  ASSERT_TRUE(undone->AwaitDone());
  EXPECT_EQ(undone->outcome(), "http_stream_refused");
  EXPECT_EQ(undone->result().failure->delivery, Delivery::kUnprocessed);
  EXPECT_GT(undone->result().bytes_sent, 0U);
  driver.peer().Send(Headers(1, kOk, true));
  ASSERT_TRUE(kept->AwaitDone());
  EXPECT_EQ(kept->outcome(), "");
}

// O-144: a GOAWAY that leaves nobody out still comes before a request whose first frame is not made
// yet, though it has its number: that one can go elsewhere whatever its method.
TEST(Http2ConnectionEnd, SaysOfAStreamWithoutAFrameThatNothingWasSent) {
  ConnectionDriver driver;
  driver.peer().SendPreface();
  auto running = driver.Get();
  ASSERT_TRUE(driver.peer().Await("HEADERS 1 END_STREAM"));
  std::shared_ptr<HeardExchange> unsent;
  driver.WhileHeld([&] {
    unsent = driver.Start(std::make_shared<HeardExchange>("POST"), MemoryBody("x"));
    driver.peer().Send(GoAway(INT32_MAX, 0));
  });
  ASSERT_TRUE(unsent->AwaitDone());
  EXPECT_EQ(unsent->outcome(), "http_stream_refused");
  EXPECT_TRUE(Mentions(*unsent, "before the request was sent"));
  EXPECT_EQ(unsent->result().failure->delivery, Delivery::kNotSent);
  EXPECT_EQ(unsent->result().bytes_sent, 0U);
  driver.peer().Send(Headers(1, kOk, true));
  ASSERT_TRUE(running->AwaitDone() && driver.AwaitClosed());
  EXPECT_EQ(running->outcome(), "");
  EXPECT_FALSE(driver.peer().Saw("HEADERS 3"));
}

// O-153, Y14: ambiguous, and the origin's last words are told.
TEST(Http2ConnectionEnd, FailsWhatAGoAwayPromisedToFinishWhenTheOriginLeaves) {
  ConnectionDriver driver;
  driver.peer().SendPreface();
  auto waiting = driver.Get();
  auto reading = driver.Get();
  ASSERT_TRUE(driver.peer().Await("HEADERS 3 END_STREAM"));
  driver.peer().Send(Headers(3, kOk) + Data(3, "half") + GoAway(3, h2::kInternalError, "oops"));
  driver.peer().FinishSending();
  ASSERT_TRUE(waiting->AwaitDone() && reading->AwaitDone());
  EXPECT_EQ(waiting->outcome(), "connection_terminated");
  EXPECT_EQ(waiting->result().failure->delivery, Delivery::kUnknown);
  EXPECT_EQ(waiting->result().failure->phase, Phase::kFirstByte);
  EXPECT_TRUE(Mentions(*waiting, "GOAWAY INTERNAL_ERROR \"oops\""));
  EXPECT_EQ(reading->outcome(), "http_response_incomplete");
  EXPECT_EQ(reading->result().failure->delivery, Delivery::kAnswered);
  EXPECT_EQ(reading->result().failure->response_status, 200U);
  ASSERT_TRUE(driver.AwaitClosed());
}

TEST(Http2ConnectionEnd, TellsFinFromReset) {
  for (const bool reset : {false, true}) {
    ConnectionDriver driver;
    driver.peer().SendPreface();
    auto exchange = driver.Get();
    ASSERT_TRUE(driver.peer().Await("HEADERS 1 END_STREAM"));
    reset ? driver.peer().Reset() : driver.peer().FinishSending();
    ASSERT_TRUE(exchange->AwaitDone() && driver.AwaitClosed());
    EXPECT_EQ(exchange->outcome(), "connection_terminated");
    EXPECT_EQ(driver.closed_for(), reset ? CloseReason::kPeerReset : CloseReason::kPeerFin);
  }
}

// O-128, H18: nothing was done, and the error says what is wrong.
TEST(Http2ConnectionEnd, SaysThatTheOriginSpeaksHttp1) {
  ConnectionDriver driver;
  auto exchange = driver.Get();
  ASSERT_TRUE(driver.peer().Await("HEADERS 1 END_STREAM"));
  driver.peer().Send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  ASSERT_TRUE(exchange->AwaitDone() && driver.AwaitClosed());
  EXPECT_EQ(exchange->outcome(), "http_stream_refused");
  EXPECT_EQ(exchange->result().failure->delivery, Delivery::kUnprocessed);
  EXPECT_TRUE(Mentions(*exchange, "HTTP/1"));
  EXPECT_EQ(driver.closed_for(), CloseReason::kError);
}

// O-130, O-206: re-dialled, any method; what was held back was never sent.
TEST(Http2ConnectionEnd, GivesUpAPeerThatSendsNoSettings) {
  Http2Limits limits;
  limits.settings_timeout = milliseconds(30);
  ConnectionDriver driver(limits);
  auto sent = driver.Start(std::make_shared<HeardExchange>("POST"), MemoryBody("x"));
  StreamedBody::Options options;
  options.bytes = "abc";
  auto held = driver.Start(std::make_shared<HeardExchange>("POST"),
                           std::make_shared<StreamedBody>(std::move(options)));
  ASSERT_TRUE(sent->AwaitDone() && held->AwaitDone() && driver.AwaitClosed());
  EXPECT_EQ(sent->outcome(), "http_stream_refused");
  EXPECT_EQ(sent->result().failure->delivery, Delivery::kUnprocessed);
  EXPECT_EQ(held->outcome(), "http_stream_refused");
  EXPECT_EQ(held->result().failure->delivery, Delivery::kNotSent);
  EXPECT_TRUE(driver.peer().Await("GOAWAY 0 SETTINGS_TIMEOUT"));
}

// O-131
TEST(Http2ConnectionEnd, GivesUpAPeerThatDoesNotAcknowledgeSettings) {
  Http2Limits limits;
  limits.settings_timeout = milliseconds(30);
  ConnectionDriver driver(limits);
  driver.peer().Send(h2::Settings());
  auto exchange = driver.Get();
  ASSERT_TRUE(exchange->AwaitDone() && driver.AwaitClosed());
  EXPECT_EQ(exchange->outcome(), "http_protocol_error");
}

// O-201, H9: all streams fail, ambiguous.
TEST(Http2ConnectionEnd, GivesUpAPeerThatAnswersNoPing) {
  Http2Limits limits;
  limits.ping_interval = milliseconds(20);
  limits.ping_timeout = milliseconds(20);
  ConnectionDriver driver(limits);
  driver.peer().SendPreface();
  auto one = driver.Get();
  auto two = driver.Get();
  ASSERT_TRUE(driver.peer().Await("PING")) << driver.peer().seen();
  ASSERT_TRUE(one->AwaitDone() && two->AwaitDone() && driver.AwaitClosed());
  EXPECT_EQ(driver.closed_for(), CloseReason::kPingTimeout);
  for (const auto& exchange : {one, two}) {
    EXPECT_EQ(exchange->outcome(), "connection_terminated");
    EXPECT_EQ(exchange->result().failure->delivery, Delivery::kUnknown);
  }
}

// O-203, H11: nothing is written any more, so nobody is served here.
TEST(Http2ConnectionEnd, ClosesWhenThePeerStopsReading) {
  ConnectionDriver driver(Http2Limits{}, 100, true);
  driver.peer().SendPreface({{h2::kInitialWindow, 0x7fffffff}});
  driver.peer().Send(h2::Window(0, 0x7fff0000 - 65535));
  ExchangeLimits limits;
  limits.write_stall = milliseconds(100);
  auto upload = driver.Start(std::make_shared<HeardExchange>("POST"),
                             MemoryBody(std::string(8'000'000, 'x')), limits);
  auto other = driver.Get();
  ASSERT_TRUE(upload->AwaitDone() && other->AwaitDone() && driver.AwaitClosed());
  EXPECT_EQ(upload->outcome(), "connection_write_timeout");
  EXPECT_EQ(other->outcome(), "connection_terminated");
  EXPECT_EQ(driver.closed_for(), CloseReason::kError);
}

// O-191, O-136: no window is the stream's own trouble.
TEST(Http2ConnectionEnd, EndsOnlyTheUploadThatGetsNoWindow) {
  ConnectionDriver driver;
  driver.peer().SendPreface({{h2::kInitialWindow, 0}});
  ASSERT_TRUE(driver.peer().Await("SETTINGS ACK"));
  ExchangeLimits limits;
  limits.write_stall = milliseconds(30);
  auto upload =
      driver.Start(std::make_shared<HeardExchange>("POST"), MemoryBody("no window"), limits);
  auto other = driver.Get();
  ASSERT_TRUE(upload->AwaitDone());
  EXPECT_EQ(upload->outcome(), "connection_write_timeout");
  ASSERT_TRUE(driver.peer().Await("RST_STREAM 1 CANCEL"));
  driver.peer().Send(Headers(3, kOk, true));
  ASSERT_TRUE(other->AwaitDone());
  EXPECT_EQ(other->outcome(), "");
}

// O-183: behind a header block that does not end, nobody can be heard.
TEST(Http2ConnectionEnd, ClosesWhenAHeaderBlockDoesNotEndInTime) {
  ConnectionDriver driver;
  driver.peer().SendPreface();
  ExchangeLimits limits;
  limits.response_header = milliseconds(50);
  auto waiting = driver.Get(limits);
  auto other = driver.Get();
  ASSERT_TRUE(driver.peer().Await("HEADERS 3 END_STREAM"));
  driver.peer().Send(h2::Frame(h2::kHeaders, 0, 1, h2::Block(kOk)));
  ASSERT_TRUE(waiting->AwaitDone() && other->AwaitDone() && driver.AwaitClosed());
  EXPECT_EQ(waiting->outcome(), "http_response_timeout");
  EXPECT_EQ(other->outcome(), "connection_terminated");
}

// O-184
TEST(Http2ConnectionEnd, ClosesOnAFlood) {
  ConnectionDriver driver;
  driver.peer().SendPreface();
  auto exchange = driver.Get();
  ASSERT_TRUE(driver.peer().Await("HEADERS 1 END_STREAM"));
  std::string flood;
  for (int i = 0; i < 2000; ++i) flood += h2::Ping();
  driver.peer().Send(flood);
  ASSERT_TRUE(exchange->AwaitDone() && driver.AwaitClosed());
  EXPECT_EQ(driver.closed_for(), CloseReason::kFlood);
  EXPECT_EQ(exchange->outcome(), "http_protocol_error");
  EXPECT_TRUE(Mentions(*exchange, "PING"));
}

// H20
TEST(Http2ConnectionEnd, SaysGoodByeWhenItIsClosed) {
  ConnectionDriver driver;
  driver.peer().SendPreface();
  auto exchange = driver.Get();
  ASSERT_TRUE(driver.peer().Await("HEADERS 1 END_STREAM"));
  driver.connection().Close(CloseReason::kDrain);
  ASSERT_TRUE(exchange->AwaitDone() && driver.AwaitClosed());
  EXPECT_EQ(exchange->outcome(), "draining");
  EXPECT_EQ(driver.closed_for(), CloseReason::kDrain);
  EXPECT_TRUE(driver.peer().Await("GOAWAY 0 NO_ERROR"));
  EXPECT_TRUE(driver.peer().AwaitEnd());
  auto late = driver.Get();
  ASSERT_TRUE(late->AwaitDone());
  EXPECT_EQ(late->outcome(), "http_stream_refused");
  EXPECT_EQ(late->result().failure->delivery, Delivery::kNotSent);
  EXPECT_FALSE(late->result().reusable);
}

// H7: a request that binds the connection is its last.
TEST(Http2ConnectionEnd, TakesNothingAfterAnExchangeThatIsToBeTheLast) {
  ConnectionDriver driver;
  driver.peer().SendPreface();
  auto last = std::make_shared<HeardExchange>();
  ExchangeSpec spec;
  spec.head = &last->request;
  spec.response_limits = &last->limits;
  spec.last = true;
  driver.connection().Start(std::move(spec), last, 77);
  ASSERT_TRUE(driver.AwaitGoingAway());
  ASSERT_TRUE(driver.peer().Await("HEADERS 1 END_STREAM"));
  driver.peer().Send(Headers(1, kOk, true));
  ASSERT_TRUE(last->AwaitDone() && driver.AwaitClosed());
  EXPECT_EQ(last->outcome(), "");
  EXPECT_FALSE(last->result().reusable);
}

struct ResetRow {
  const char* name;
  std::uint32_t code;
  bool after_head;
  const char* outcome;
  Delivery delivery;
};

// O-155 to O-161, Y15, Y16
TEST(Http2ConnectionEnd, TellsWhatAResetOfAStreamMeans) {
  for (const ResetRow& row :
       {ResetRow{"O155", h2::kRefusedStream, false, "http_stream_refused", Delivery::kUnprocessed},
        ResetRow{"O156", h2::kRefusedStream, true, "http_stream_reset", Delivery::kAnswered},
        ResetRow{"O158", h2::kHttp11Required, false, "http_downgrade_required",
                 Delivery::kUnprocessed},
        ResetRow{"O159", h2::kInternalError, false, "http_stream_reset", Delivery::kUnknown},
        ResetRow{"O161", h2::kInternalError, true, "http_stream_reset", Delivery::kAnswered}}) {
    SCOPED_TRACE(row.name);
    ConnectionDriver driver;
    driver.peer().SendPreface();
    auto exchange = driver.Get();
    auto sibling = driver.Get();
    ASSERT_TRUE(driver.peer().Await("HEADERS 3 END_STREAM"));
    driver.peer().Send((row.after_head ? Headers(1, kOk) : "") + Rst(1, row.code));
    ASSERT_TRUE(exchange->AwaitDone());
    EXPECT_EQ(exchange->outcome(), row.outcome);
    EXPECT_EQ(exchange->result().failure->delivery, row.delivery);
    EXPECT_TRUE(exchange->result().reusable);
    driver.peer().Send(Headers(3, kOk, true));
    ASSERT_TRUE(sibling->AwaitDone());
    EXPECT_EQ(sibling->outcome(), "");
  }
}

}  // namespace
}  // namespace spillway
