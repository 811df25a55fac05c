// Exchanges over an Http2Connection whose bodies stream: both ways at once, early answers, waiting
// to be asked, and the time limits of all that.

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "tests/transport/http2/streamed_exchanges.h"

namespace spillway {
namespace {

using h2::Data;
using h2::Headers;
using h2::Rst;
using std::chrono::milliseconds;
using std::chrono::seconds;

const h2::Fields kOk = {{":status", "200"}};
const h2::Fields kTooLarge = {{":status", "413"}};

// --- Both ways at once ---

// W5, W3: gRPC's shape: each message answered before the next is sent, trailers at the end.
TEST(Http2Stream, TalksBothWaysAtOnce) {
  ConnectionDriver driver;
  driver.peer().SendPreface();
  auto body = Pushed();
  auto exchange = Post();
  Guard(*exchange, body);
  driver.Start(exchange, body);
  ASSERT_TRUE(driver.peer().Await("HEADERS 1"));
  driver.peer().Send(Headers(1, kOk));
  ASSERT_TRUE(exchange->AwaitHead());
  for (std::size_t i = 1; i <= 20; ++i) {
    body->Push(std::string(i, 'x'));
    ASSERT_TRUE(driver.peer().Await("DATA 1 " + std::to_string(i))) << driver.peer().seen();
    driver.peer().Send(Data(1, "y"));
    ASSERT_TRUE(exchange->AwaitBody(i));
  }
  body->End({{"X-Sum", "210"}});
  ASSERT_TRUE(driver.peer().Await("HEADERS 1 END_STREAM")) << driver.peer().seen();
  EXPECT_EQ(exchange->outcome(), "running");
  driver.peer().Send(Headers(1, {{"grpc-status", "0"}}, true));
  ASSERT_TRUE(exchange->AwaitDone());
  EXPECT_EQ(exchange->outcome(), "");
  EXPECT_EQ(exchange->result().trailers, (HeaderList{{"grpc-status", "0"}}));
  EXPECT_NE(exchange->result().written, kNever);
  EXPECT_TRUE(exchange->result().reusable);
}

// W4: whoever has had enough of the answer need not wait for a body that hangs.
TEST(Http2Stream, EndsWhileItsBodyHangs) {
  ConnectionDriver driver;
  driver.peer().SendPreface();
  auto body = Pushed();
  auto exchange = Post();
  Guard(*exchange, body);
  exchange->on_data = [](std::size_t) { return Flow::kAbort; };
  driver.Start(exchange, body);
  ASSERT_TRUE(driver.peer().Await("HEADERS 1"));
  driver.peer().Send(Headers(1, kOk) + Data(1, "enough"));
  ASSERT_TRUE(exchange->AwaitDone());
  EXPECT_EQ(exchange->outcome(), "cancelled");
  ASSERT_TRUE(driver.peer().Await("RST_STREAM 1 CANCEL"));
  body->Push("late");
  driver.Settle();
  EXPECT_FALSE(driver.peer().Saw("DATA 1 4"));
}

struct EarlyRow {
  const char* name;
  const char* status;
  const char* after;  // what the origin does behind its answer
};

// W2, O-101, O-160: an answer that is complete counts, whatever comes behind it.
TEST(Http2Stream, GivesACompleteAnswerWhateverTheOriginDoesNext) {
  for (const EarlyRow& row :
       {EarlyRow{"W2.rst", "413", "rst"}, EarlyRow{"W2.cancel", "413", "cancel"},
        EarlyRow{"W2.fin", "413", "fin"}, EarlyRow{"W2.reset", "413", "reset"},
        EarlyRow{"W3.ok", "200", "rst"}, EarlyRow{"W3.ok.reset", "200", "reset"}}) {
    SCOPED_TRACE(row.name);
    ConnectionDriver driver;
    driver.peer().SendPreface({{h2::kInitialWindow, 1 << 20}});
    ASSERT_TRUE(driver.peer().Await("SETTINGS ACK"));
    auto body = Pushed();
    auto exchange = Post();
    Guard(*exchange, body);
    driver.Start(exchange, body);
    body->Push("half of it");
    ASSERT_TRUE(driver.peer().Await("DATA 1 10"));
    const std::string after = row.after;
    driver.peer().Send(Headers(1, {{":status", row.status}}) + Data(1, "answer", true) +
                       (after == "rst"      ? Rst(1, h2::kNoError)
                        : after == "cancel" ? Rst(1, h2::kCancel)
                                            : ""));
    if (after == "fin") driver.peer().FinishSending();
    if (after == "reset") driver.peer().Reset();
    ASSERT_TRUE(exchange->AwaitDone());
    EXPECT_EQ(exchange->outcome(), "");
    EXPECT_EQ(exchange->body(), "answer");
    EXPECT_EQ(exchange->result().written, kNever);
    body->Push("the rest");
    driver.Settle();
  }
}

TEST(Http2Stream, StopsAnUploadThatIsRefusedAndReadsTheAnswerToItsEnd) {
  ConnectionDriver driver;
  driver.peer().SendPreface();
  auto body = Pushed();
  auto exchange = Post();
  driver.Start(exchange, body);
  body->Push("one");
  ASSERT_TRUE(driver.peer().Await("DATA 1 3"));
  driver.peer().Send(Headers(1, kTooLarge));
  ASSERT_TRUE(exchange->AwaitHead());
  body->Forbid();
  body->Push("two");
  driver.peer().Send(Data(1, "too large", true));
  ASSERT_TRUE(exchange->AwaitDone());
  EXPECT_EQ(exchange->outcome(), "");
  ASSERT_TRUE(driver.peer().Await("RST_STREAM 1 NO_ERROR"));
  EXPECT_FALSE(driver.peer().Saw("DATA 1 3"));
  EXPECT_TRUE(exchange->result().reusable);
}

// --- Memory ---

// A body that has the connection to itself is handed on in the memory that it was read into, which
// stays as it is for whoever keeps it; beside others it is not.
TEST(Http2Stream, HandsOnTheMemoryThatALoneBodyCameIn) {
  for (const bool alone : {true, false}) {
    SCOPED_TRACE(alone);
    ConnectionDriver driver;
    driver.peer().SendPreface();
    std::promise<void> go;
    auto exchange = std::make_shared<HeardExchange>();
    exchange->on_data = [&go](std::size_t total) {
      if (total == 1) go.get_future().wait();
      return Flow::kContinue;
    };
    driver.Start(exchange);
    if (!alone) driver.Get();
    ASSERT_TRUE(driver.peer().Await("HEADERS 1 END_STREAM"));
    driver.peer().Send(Headers(1, kOk));
    ASSERT_TRUE(exchange->AwaitHead());
    driver.peer().Send(Data(1, "!"));
    std::string sent = "!";
    // More than one read takes, all of it there when the receiver goes on.
    for (char c = 'a'; c < 'm'; ++c) {
      const std::string piece(16'000, c);
      driver.peer().Send(Data(1, piece));
      sent += piece;
    }
    go.set_value();
    ASSERT_TRUE(exchange->AwaitBody(sent.size()));
    driver.peer().Send(Data(1, "", true));
    ASSERT_TRUE(exchange->AwaitDone());
    EXPECT_EQ(exchange->body(), sent);
    EXPECT_EQ(exchange->kept.empty(), !alone);
    for (const auto& [offset, chunk] : exchange->kept) {
      EXPECT_GE(chunk.bytes.size(), 4096U);
      EXPECT_TRUE(sent.substr(offset, chunk.bytes.size()) == chunk.bytes);
    }
  }
}

// --- The caller's pace ---

// C-043, C-044: a caller that sends nothing is named, not the origin.
TEST(Http2Stream, EndsAnUploadWhoseCallerSendsNothing) {
  ConnectionDriver driver;
  driver.peer().SendPreface();
  auto sibling = driver.Get();
  ExchangeLimits limits;
  limits.write_stall = seconds(10);
  limits.caller_stall = milliseconds(60);
  auto body = Pushed();
  auto exchange = Post();
  Guard(*exchange, body);
  driver.Start(exchange, body, limits);
  body->Push("some");
  ASSERT_TRUE(exchange->AwaitDone());
  EXPECT_EQ(exchange->outcome(), "deadline_exceeded");
  EXPECT_EQ(exchange->result().failure->source, Source::kCaller);
  EXPECT_EQ(exchange->result().failure->phase, Phase::kWrite);
  EXPECT_GE(exchange->result().ended - exchange->result().started, milliseconds(60));
  ASSERT_TRUE(driver.peer().Await("RST_STREAM 3 CANCEL"));
  driver.peer().Send(Headers(1, kOk, true));
  ASSERT_TRUE(sibling->AwaitDone());
  EXPECT_EQ(sibling->outcome(), "");
}

// And once the caller has sent something, the origin has to take it in its time.
TEST(Http2Stream, BlamesTheOriginForWhatItDoesNotTake) {
  ConnectionDriver driver;
  driver.peer().SendPreface({{h2::kInitialWindow, 4}});
  ASSERT_TRUE(driver.peer().Await("SETTINGS ACK"));
  ExchangeLimits limits;
  limits.write_stall = milliseconds(300);
  limits.caller_stall = seconds(60);
  auto body = Pushed();
  auto exchange = Post();
  driver.Start(exchange, body, limits);
  ASSERT_TRUE(driver.peer().Await("HEADERS 1"));
  body->Push("12345678");
  ASSERT_TRUE(exchange->AwaitDone());
  EXPECT_EQ(exchange->outcome(), "connection_write_timeout");
}

// A head that comes early excuses neither of them.
TEST(Http2Stream, MeasuresTheUploadBehindAnEarlyHeadToo) {
  struct Row {
    std::uint32_t window;
    Duration write_stall;
    Duration caller_stall;
    const char* outcome;
    Source source;
  };
  for (const Row& row :
       {Row{4, milliseconds(60), kForever, "connection_write_timeout", Source::kOrigin},
        Row{100, kForever, milliseconds(60), "deadline_exceeded", Source::kCaller}}) {
    SCOPED_TRACE(row.outcome);
    ConnectionDriver driver;
    driver.peer().SendPreface({{h2::kInitialWindow, row.window}});
    ASSERT_TRUE(driver.peer().Await("SETTINGS ACK"));
    ExchangeLimits limits;
    limits.write_stall = row.write_stall;
    limits.caller_stall = row.caller_stall;
    auto body = Pushed();
    body->Push("12345678");
    auto exchange = Post();
    driver.Start(exchange, body, limits);
    ASSERT_TRUE(driver.peer().Await("HEADERS 1"));
    driver.peer().Send(Headers(1, kOk) + Data(1, "y"));
    ASSERT_TRUE(exchange->AwaitDone());
    EXPECT_EQ(exchange->outcome(), row.outcome);
    EXPECT_EQ(exchange->result().failure->source, row.source);
    EXPECT_EQ(exchange->result().failure->delivery, Delivery::kAnswered);
  }
}

// W3: who refuses takes nothing more and is not asked to, however long the answer goes on.
TEST(Http2Stream, GivesARefusalTheTimeOfAResponse) {
  for (const char* const row : {"upload", "expect", "connect"}) {
    SCOPED_TRACE(row);
    const std::string_view kind = row;
    ConnectionDriver driver;
    driver.peer().SendPreface();
    ASSERT_TRUE(driver.peer().Await("SETTINGS ACK"));
    ExchangeLimits limits;
    limits.write_stall = milliseconds(100);
    auto body = Pushed();
    auto exchange = kind == "expect"    ? Expecting(driver, body, seconds(600), limits)
                    : kind == "connect" ? Connect(driver, body, limits)
                                        : driver.Start(Post(), body, limits);
    ASSERT_TRUE(driver.peer().Await("HEADERS 1"));
    driver.peer().Send(Headers(1, kTooLarge) + Data(1, "too "));
    ASSERT_TRUE(exchange->AwaitBody(4));
    // Somebody whose own time is over later.
    ExchangeLimits longer;
    longer.response_header = milliseconds(150);
    ASSERT_TRUE(driver.Get(longer)->AwaitDone());
    driver.peer().Send(Data(1, "large", true));
    ASSERT_TRUE(exchange->AwaitDone());
    EXPECT_EQ(exchange->outcome(), "");
    EXPECT_EQ(exchange->body(), "too large");
  }
}

// --- Waiting to be asked ---

// E7, E2
TEST(Http2Stream, SendsABodyWhenItsWaitIsOver) {
  ConnectionDriver driver;
  driver.peer().SendPreface();
  auto body = Pushed();
  body->Push("abc");
  body->End();
  auto exchange = Expecting(driver, body, milliseconds(30));
  ASSERT_TRUE(driver.peer().Await("HEADERS 1"));
  ASSERT_TRUE(driver.peer().Await("DATA 1 3 END_STREAM"));
  driver.peer().Send(Headers(1, kOk, true));
  ASSERT_TRUE(exchange->AwaitDone());
  EXPECT_EQ(exchange->outcome(), "");
  EXPECT_GE(exchange->result().written - exchange->result().started, milliseconds(30));
}

// E7
TEST(Http2Stream, SendsABodyWhenTheOriginAsksForIt) {
  ConnectionDriver driver;
  driver.peer().SendPreface();
  auto body = Pushed();
  body->Push("abc");
  body->End();
  auto exchange = Expecting(driver, body, seconds(600));
  ASSERT_TRUE(driver.peer().Await("HEADERS 1"));
  EXPECT_EQ(body->reads(), 0);
  driver.peer().Send(Headers(1, {{":status", "100"}}));
  ASSERT_TRUE(driver.peer().Await("DATA 1 3 END_STREAM"));
  driver.peer().Send(Headers(1, kOk, true));
  ASSERT_TRUE(exchange->AwaitDone());
  EXPECT_EQ(exchange->outcome(), "");
  EXPECT_EQ(exchange->informational, std::vector<std::uint32_t>{100});
}

// E7: never read, and the stream is reset once the answer is complete.
TEST(Http2Stream, LeavesABodyAloneThatTheOriginRefuses) {
  ConnectionDriver driver;
  driver.peer().SendPreface();
  auto body = Pushed();
  body->Forbid();
  body->Push("abc");
  auto exchange = Expecting(driver, body, milliseconds(50));
  ASSERT_TRUE(driver.peer().Await("HEADERS 1"));
  driver.peer().Send(Headers(1, {{":status", "417"}}));
  ASSERT_TRUE(exchange->AwaitHead());
  driver.peer().Send(Data(1, "no", true));
  ASSERT_TRUE(exchange->AwaitDone());
  EXPECT_EQ(exchange->outcome(), "");
  ASSERT_TRUE(driver.peer().Await("RST_STREAM 1 NO_ERROR"));
  EXPECT_TRUE(exchange->result().reusable);
}

// E7: an origin that accepts without having asked takes the body in its time, as any other.
TEST(Http2Stream, MeasuresABodyThatAnEarlyHeadReleased) {
  ConnectionDriver driver;
  driver.peer().SendPreface({{h2::kInitialWindow, 0}});
  ASSERT_TRUE(driver.peer().Await("SETTINGS ACK"));
  auto body = Pushed();
  body->Push("abc");
  ExchangeLimits limits;
  limits.write_stall = seconds(1);
  auto exchange = Expecting(driver, body, seconds(600), limits);
  ASSERT_TRUE(driver.peer().Await("HEADERS 1"));
  driver.peer().Send(Headers(1, kOk));
  ASSERT_TRUE(exchange->AwaitDone());
  EXPECT_EQ(exchange->outcome(), "connection_write_timeout");
  EXPECT_EQ(exchange->result().failure->delivery, Delivery::kAnswered);
}

// The wait ends before the origin could be blamed for taking nothing.
TEST(Http2Stream, WaitsForThe100NoLongerThanTheOriginMayStall) {
  ConnectionDriver driver;
  driver.peer().SendPreface();
  auto body = Pushed();
  body->Push("abc");
  body->End();
  ExchangeLimits limits;
  limits.write_stall = milliseconds(600);
  auto exchange = Expecting(driver, body, seconds(600), limits);
  ASSERT_TRUE(driver.peer().Await("DATA 1 3 END_STREAM"));
  driver.peer().Send(Headers(1, kOk, true));
  ASSERT_TRUE(exchange->AwaitDone());
  EXPECT_EQ(exchange->outcome(), "");
}

}  // namespace
}  // namespace spillway
