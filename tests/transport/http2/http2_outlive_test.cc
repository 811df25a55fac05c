// Exchanges over an Http2Connection that are cancelled, and those that are complete before their
// receivers know.

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>

#include "tests/transport/http2/streamed_exchanges.h"
#include "transport/io/clock.h"

namespace spillway {
namespace {

using h2::Data;
using h2::Headers;
using std::chrono::milliseconds;
using std::chrono::seconds;

const h2::Fields kOk = {{":status", "200"}};

// --- Cancelling ---

// C-037, C-038: one outcome, RST_STREAM CANCEL, and the connection and its other streams live on.
TEST(Http2Stream, CancelsAtEveryStageAndLeavesTheConnectionAlone) {
  for (const std::string stage :
       {"waiting for 100", "mid-upload", "source pending", "after the head", "mid-download",
        "paused", "complete but paused", "tunnel asked for", "tunnel open", "tunnel half closed"}) {
    SCOPED_TRACE(stage);
    ConnectionDriver driver;
    driver.peer().SendPreface();
    auto sibling = driver.Get();
    auto body = Pushed();
    const bool tunnel = stage.starts_with("tunnel");
    std::shared_ptr<HeardExchange> exchange = tunnel ? Connect(driver, body)
                                              : stage == "waiting for 100"
                                                  ? Expecting(driver, body, seconds(600))
                                                  : driver.Start(Post(), body);
    const std::uint64_t token = driver.token();
    ASSERT_TRUE(driver.peer().Await("HEADERS 3"));
    const bool paused = stage.ends_with("paused");
    if (paused) exchange->on_data = [](std::size_t) { return Flow::kPause; };
    if (stage == "mid-upload") {
      body->Push(std::string(100'000, 'x'));  // more than the window
      ASSERT_TRUE(driver.peer().AwaitThat(
          [](const h2::SeenFrame& frame) { return frame.type == h2::kData; }));
    } else if (stage != "waiting for 100" && stage != "source pending" &&
               stage != "tunnel asked for") {
      driver.peer().Send(Headers(3, kOk));
      ASSERT_TRUE(exchange->AwaitHead());
      if (stage != "after the head") {
        const bool end = stage == "complete but paused" || stage == "tunnel half closed";
        driver.peer().Send(Data(3, "data") + Data(3, "more", end) + h2::Ping());
        ASSERT_TRUE(exchange->AwaitBody(4) && driver.peer().Await("PING ACK"));
      }
    }
    driver.Abort(token);
    driver.Abort(token);
    ASSERT_TRUE(exchange->AwaitDone());
    EXPECT_EQ(exchange->outcome(), "cancelled");
    EXPECT_TRUE(exchange->result().reusable);
    body->Forbid();
    body->Push("late");
    driver.connection().Resume(token);
    const bool was_complete = stage == "complete but paused";
    ASSERT_TRUE(driver.peer().Await(was_complete ? "RST_STREAM 3 NO_ERROR" : "RST_STREAM 3 CANCEL"))
        << driver.peer().seen();
    driver.peer().Send(Headers(1, kOk, true));
    ASSERT_TRUE(sibling->AwaitDone());
    EXPECT_EQ(sibling->outcome(), "");
    auto next = driver.Get();
    ASSERT_TRUE(driver.peer().Await("HEADERS 5 END_STREAM"));
    driver.peer().Send(Headers(5, kOk, true));
    ASSERT_TRUE(next->AwaitDone());
    EXPECT_EQ(next->outcome(), "");
  }
}

// --- Outliving the connection ---

struct PausedDownload {
  // `end`: the response is complete when its receiver pauses.
  explicit PausedDownload(bool end) {
    driver.peer().SendPreface();
    exchange->on_data = [this](std::size_t) { return open ? Flow::kContinue : Flow::kPause; };
    driver.Start(exchange);
    token = driver.token();
    EXPECT_TRUE(driver.peer().Await("HEADERS 1 END_STREAM"));
    driver.peer().Send(Headers(1, kOk) + Data(1, "first") + Data(1, "second"));
    driver.peer().Send((end ? Headers(1, {{"x-sum", "2"}}, true) : "") + h2::Ping());
    EXPECT_TRUE(driver.peer().Await("PING ACK"));
  }

  std::atomic<bool> open = false;
  std::shared_ptr<HeardExchange> exchange = std::make_shared<HeardExchange>();
  std::uint64_t token = 0;
  ConnectionDriver driver;
};

// C-041: a slow receiver does not lose what is complete.
TEST(Http2Stream, GivesACompleteResponseToASlowReceiverThoughTheConnectionEnded) {
  for (const std::string end : {"fin", "reset", "goaway", "garbage"}) {
    SCOPED_TRACE(end);
    PausedDownload slow(true);
    ConnectionDriver& driver = slow.driver;
    auto sibling = driver.Get();
    ASSERT_TRUE(driver.peer().Await("HEADERS 3 END_STREAM"));
    if (end == "fin") driver.peer().FinishSending();
    if (end == "reset") driver.peer().Reset();
    if (end == "goaway") {
      driver.peer().Send(h2::GoAway(3, 0));
      driver.peer().FinishSending();
    }
    if (end == "garbage") driver.peer().Send(h2::Frame(h2::kSettings, 0, 0, "1234567"));
    ASSERT_TRUE(sibling->AwaitDone());
    EXPECT_NE(sibling->outcome(), "");
    ASSERT_TRUE(driver.AwaitGoingAway());
    auto late = driver.Get();
    ASSERT_TRUE(late->AwaitDone());
    EXPECT_EQ(late->outcome(), "http_stream_refused");
    EXPECT_EQ(slow.exchange->outcome(), "running");
    EXPECT_EQ(slow.exchange->body(), "first");
    slow.open = true;
    driver.connection().Resume(slow.token);
    ASSERT_TRUE(slow.exchange->AwaitDone());
    EXPECT_EQ(slow.exchange->outcome(), "");
    EXPECT_EQ(slow.exchange->body(), "firstsecond");
    EXPECT_EQ(slow.exchange->result().trailers, (HeaderList{{"x-sum", "2"}}));
    EXPECT_FALSE(slow.exchange->result().reusable);
    ASSERT_TRUE(driver.AwaitClosed());
  }
}

TEST(Http2Stream, FailsAnIncompleteResponseAtOnceWhenTheConnectionEnds) {
  PausedDownload slow(false);
  slow.driver.peer().FinishSending();
  ASSERT_TRUE(slow.exchange->AwaitDone() && slow.driver.AwaitClosed());
  EXPECT_EQ(slow.exchange->outcome(), "http_response_incomplete");
  EXPECT_EQ(slow.exchange->body(), "first");
}

TEST(Http2Stream, EndsWhatOutlivesItsConnectionWhenItIsCancelled) {
  PausedDownload slow(true);
  slow.driver.peer().FinishSending();
  ASSERT_TRUE(slow.driver.AwaitGoingAway());
  slow.driver.Abort(slow.token);
  ASSERT_TRUE(slow.exchange->AwaitDone() && slow.driver.AwaitClosed());
  EXPECT_EQ(slow.exchange->outcome(), "cancelled");
  EXPECT_EQ(slow.driver.closed_for(), CloseReason::kPeerFin);
}

TEST(Http2Stream, EndsWhatOutlivesItsConnectionWhenItIsClosed) {
  PausedDownload slow(true);
  slow.driver.peer().FinishSending();
  ASSERT_TRUE(slow.driver.AwaitGoingAway());
  slow.driver.connection().Close(CloseReason::kDrain);
  ASSERT_TRUE(slow.exchange->AwaitDone() && slow.driver.AwaitClosed());
  EXPECT_EQ(slow.exchange->outcome(), "draining");
}

TEST(Http2Stream, EndsWhatOutlivesItsConnectionAtItsDeadline) {
  ConnectionDriver driver;
  driver.peer().SendPreface();
  auto exchange = std::make_shared<HeardExchange>();
  exchange->on_data = [](std::size_t) { return Flow::kPause; };
  ExchangeLimits limits;
  limits.deadline = After(Now(), milliseconds(300));
  driver.Start(exchange, nullptr, limits);
  ASSERT_TRUE(driver.peer().Await("HEADERS 1 END_STREAM"));
  driver.peer().Send(Headers(1, kOk) + Data(1, "first", true));
  driver.peer().FinishSending();
  ASSERT_TRUE(exchange->AwaitDone() && driver.AwaitClosed());
  EXPECT_EQ(exchange->outcome(), "deadline_exceeded");
}

}  // namespace
}  // namespace spillway
