// Tunnels over an Http2Connection: CONNECT, and what may become of it.

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>

#include "tests/transport/http2/streamed_exchanges.h"

namespace spillway {
namespace {

using h2::Data;
using h2::Headers;
using std::chrono::milliseconds;

const h2::Fields kOk = {{":status", "200"}};

// U5: raw bytes both ways, and either side may end first.
TEST(Http2Tunnel, CarriesATunnel) {
  for (const bool origin_first : {true, false}) {
    SCOPED_TRACE(origin_first ? "origin first" : "caller first");
    ConnectionDriver driver;
    driver.peer().SendPreface();
    auto body = Pushed();
    auto exchange = Connect(driver, body);
    ASSERT_TRUE(driver.peer().Await("HEADERS 1"));
    EXPECT_EQ(body->reads(), 0);
    driver.peer().Send(Headers(1, kOk));
    ASSERT_TRUE(exchange->AwaitHead());
    EXPECT_EQ(exchange->kind, BodyKind::kTunnel);
    body->Push("ping");
    ASSERT_TRUE(driver.peer().Await("DATA 1 4"));
    driver.peer().Send(Data(1, "pong!"));
    ASSERT_TRUE(exchange->AwaitBody(5));
    if (origin_first) {
      driver.peer().Send(Data(1, "bye", true));
      ASSERT_TRUE(exchange->AwaitOriginClosed());
      body->Push("still here");
      ASSERT_TRUE(driver.peer().Await("DATA 1 10"));
      EXPECT_EQ(exchange->outcome(), "running");
      body->End();
      ASSERT_TRUE(exchange->AwaitDone());
      ASSERT_TRUE(driver.peer().Await("DATA 1 0 END_STREAM"));
    } else {
      body->End();
      ASSERT_TRUE(driver.peer().Await("DATA 1 0 END_STREAM"));
      driver.peer().Send(Data(1, "bye"));
      EXPECT_EQ(exchange->outcome(), "running");
      driver.peer().Send(Data(1, "", true));
      ASSERT_TRUE(exchange->AwaitDone());
    }
    EXPECT_EQ(exchange->outcome(), "");
    EXPECT_EQ(exchange->body(), "pong!bye");
    EXPECT_TRUE(exchange->AwaitOriginClosed());
    EXPECT_TRUE(exchange->result().reusable);
    EXPECT_NE(exchange->result().written, kNever);
  }
}

TEST(Http2Tunnel, TakesARefusalToOpenATunnelAsAResponse) {
  ConnectionDriver driver;
  driver.peer().SendPreface();
  auto body = Pushed();
  body->Forbid();
  body->Push("never");
  auto exchange = Connect(driver, body);
  ASSERT_TRUE(driver.peer().Await("HEADERS 1"));
  driver.peer().Send(Headers(1, {{":status", "403"}}) + Data(1, "no", true));
  ASSERT_TRUE(exchange->AwaitDone());
  EXPECT_EQ(exchange->outcome(), "");
  EXPECT_EQ(exchange->head.status, 403U);
  ASSERT_TRUE(driver.peer().Await("RST_STREAM 1 NO_ERROR"));
}

// A CONNECT that nobody answers is an answer that is late, not a body that stalls.
TEST(Http2Tunnel, GivesAConnectThatIsNotAnsweredTheTimeOfAnAnswer) {
  ConnectionDriver driver;
  driver.peer().SendPreface();
  ExchangeLimits limits;
  limits.write_stall = milliseconds(2000);
  limits.response_header = milliseconds(60);
  auto exchange = Connect(driver, Pushed(), limits);
  ASSERT_TRUE(exchange->AwaitDone());
  EXPECT_EQ(exchange->outcome(), "http_response_timeout");
  ASSERT_TRUE(driver.peer().Await("RST_STREAM 1 CANCEL"));
}

TEST(Http2Tunnel, EndsATunnelInWhichNothingMoves) {
  ConnectionDriver driver;
  driver.peer().SendPreface();
  ExchangeLimits limits;
  limits.body_stall = milliseconds(1);
  limits.caller_stall = milliseconds(1);
  limits.tunnel_idle = milliseconds(80);
  auto body = Pushed();
  auto exchange = Connect(driver, body, limits);
  ASSERT_TRUE(driver.peer().Await("HEADERS 1"));
  driver.peer().Send(Headers(1, kOk));
  ASSERT_TRUE(exchange->AwaitDone());
  EXPECT_EQ(exchange->outcome(), "http_response_body_timeout");
  EXPECT_GE(exchange->result().ended - exchange->result().started, milliseconds(80));
  ASSERT_TRUE(driver.peer().Await("RST_STREAM 1 CANCEL"));
}

TEST(Http2Tunnel, TellsOfTheOriginsEndAfterWhatAReceiverHadLeft) {
  ConnectionDriver driver;
  driver.peer().SendPreface();
  auto body = Pushed();
  auto exchange = Connect(driver, body);
  std::atomic<bool> open = false;
  exchange->on_data = [&open](std::size_t) { return open ? Flow::kContinue : Flow::kPause; };
  ASSERT_TRUE(driver.peer().Await("HEADERS 1"));
  driver.peer().Send(Headers(1, kOk) + Data(1, "a") + Data(1, "bcd", true) + h2::Ping());
  ASSERT_TRUE(driver.peer().Await("PING ACK"));
  EXPECT_EQ(exchange->body(), "a");
  body->End();
  ASSERT_TRUE(driver.peer().Await("DATA 1 0 END_STREAM"));
  EXPECT_EQ(exchange->outcome(), "running");
  open = true;
  driver.connection().Resume(1);
  ASSERT_TRUE(exchange->AwaitOriginClosed() && exchange->AwaitDone());
  EXPECT_EQ(exchange->outcome(), "");
  EXPECT_EQ(exchange->body(), "abcd");
}

TEST(Http2Tunnel, FailsATunnelWhoseConnectionEnds) {
  ConnectionDriver driver;
  driver.peer().SendPreface();
  auto body = Pushed();
  auto exchange = Connect(driver, body);
  ASSERT_TRUE(driver.peer().Await("HEADERS 1"));
  driver.peer().Send(Headers(1, kOk) + Data(1, "half"));
  ASSERT_TRUE(exchange->AwaitBody(4));
  driver.peer().FinishSending();
  ASSERT_TRUE(exchange->AwaitDone());
  EXPECT_EQ(exchange->outcome(), "http_response_incomplete");
  EXPECT_EQ(exchange->result().failure->delivery, Delivery::kAnswered);
}

}  // namespace
}  // namespace spillway
