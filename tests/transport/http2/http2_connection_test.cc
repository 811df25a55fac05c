// Exchanges over an Http2Connection: many at once, limits, back-pressure, cancelling.

#include "transport/connection/http2_connection.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/harness/test_body.h"
#include "tests/transport/http2/connection_driver.h"

namespace spillway {
namespace {

using h2::Data;
using h2::Headers;
using h2::Rst;
using h2::Settings;
using std::chrono::milliseconds;

const h2::Fields kOk = {{":status", "200"}};

std::shared_ptr<BodySource> Memory(std::string bytes) { return MemoryBody(std::move(bytes)); }

// H1
TEST(Http2Connection, CarriesExchangesSideBySide) {
  ConnectionDriver driver;
  driver.peer().SendPreface();
  auto first = driver.Get();
  auto second = driver.Get();
  auto third = driver.Start(std::make_shared<HeardExchange>("POST"), Memory("hello"));
  ASSERT_TRUE(driver.peer().Await("HEADERS 1 END_STREAM")) << driver.peer().seen();
  ASSERT_TRUE(driver.peer().Await("HEADERS 3 END_STREAM")) << driver.peer().seen();
  ASSERT_TRUE(driver.peer().Await("DATA 5 5 END_STREAM")) << driver.peer().seen();
  driver.peer().Send(Headers(5, kOk) + Headers(3, {{":status", "103"}}) + Headers(1, kOk, true) +
                     Data(5, "wor") + Headers(3, kOk) + Data(5, "ld", true) +
                     Headers(3, {{"x-t", "1"}}, true));
  ASSERT_TRUE(first->AwaitDone() && second->AwaitDone() && third->AwaitDone());
  EXPECT_EQ(first->outcome() + second->outcome() + third->outcome(), "");
  EXPECT_EQ(third->body(), "world");
  EXPECT_EQ(third->head.major_version, 2);
  EXPECT_EQ(second->informational, std::vector<std::uint32_t>{103});
  EXPECT_EQ(second->result().trailers, (HeaderList{{"x-t", "1"}}));
  for (const auto& exchange : {first, second, third}) {
    const ExchangeResult& result = exchange->result();
    EXPECT_TRUE(result.reusable);
    EXPECT_TRUE(result.any_response_byte);
    EXPECT_GT(result.bytes_sent, 0U);
    EXPECT_GT(result.bytes_received, 0U);
    EXPECT_LE(result.started, result.written);
    EXPECT_LE(result.written, result.first_byte);
    EXPECT_LE(result.first_byte, result.ended);
  }
}

// H3, O-141: told when known, and whenever it changes.
TEST(Http2Connection, TellsThePoolHowManyExchangesThePeerAllows) {
  ConnectionDriver driver(Http2Limits{}, 50);
  EXPECT_EQ(driver.connection().initial_capacity(), 50U);
  driver.peer().SendPreface({{h2::kMaxStreams, 7}});
  ASSERT_TRUE(driver.AwaitCapacity(7));
  driver.peer().Send(Settings({{h2::kMaxStreams, 0}}));  // O-138
  ASSERT_TRUE(driver.AwaitCapacity(0));
  driver.peer().Send(Settings({{h2::kMaxStreams, 1000}}));  // O-140
  ASSERT_TRUE(driver.AwaitCapacity(50));
}

// Y1, Y11: it goes elsewhere, and its body with it.
TEST(Http2Connection, RefusesAnExchangeThatFindsNoRoomWithoutTouchingIt) {
  ConnectionDriver driver;
  driver.peer().SendPreface({{h2::kMaxStreams, 1}});
  ASSERT_TRUE(driver.AwaitCapacity(1));
  auto first = driver.Get();
  StreamedBody::Options options;
  options.bytes = "abc";
  bool touched = false;
  options.gate = [&touched](const std::function<void()>&) { return touched = true; };
  auto second = driver.Start(std::make_shared<HeardExchange>("POST"),
                             std::make_shared<StreamedBody>(std::move(options)));
  ASSERT_TRUE(second->AwaitDone());
  EXPECT_EQ(second->outcome(), "http_stream_refused");
  EXPECT_EQ(second->result().failure->delivery, Delivery::kNotSent);
  EXPECT_EQ(second->result().bytes_sent, 0U);
  EXPECT_TRUE(second->result().reusable);
  EXPECT_FALSE(touched);
  driver.peer().Send(Headers(1, kOk, true));
  ASSERT_TRUE(first->AwaitDone());
  EXPECT_EQ(first->outcome(), "");
}

// A2, O-195: the stream is reset, the connection lives on.
TEST(Http2Connection, ResetsOnlyTheStreamOfACancelledExchange) {
  ConnectionDriver driver;
  driver.peer().SendPreface();
  auto cancelled = driver.Get();
  auto other = driver.Get();
  ASSERT_TRUE(driver.peer().Await("HEADERS 3 END_STREAM"));
  driver.peer().Send(Headers(1, kOk) + Data(1, "half"));
  ASSERT_TRUE(cancelled->AwaitBody(4));
  driver.Abort(1);
  ASSERT_TRUE(cancelled->AwaitDone());
  EXPECT_EQ(cancelled->outcome(), "cancelled");
  EXPECT_EQ(cancelled->result().failure->delivery, Delivery::kAnswered);
  EXPECT_EQ(cancelled->result().failure->phase, Phase::kBody);
  EXPECT_TRUE(cancelled->result().reusable);
  EXPECT_TRUE(driver.peer().Await("RST_STREAM 1 CANCEL"));
  driver.Abort(1);  // A3: it is over
  driver.peer().Send(Data(1, "late", true) + Headers(3, kOk, true));
  ASSERT_TRUE(other->AwaitDone());
  EXPECT_EQ(other->outcome(), "");
}

// O-195: the 101st runs at full speed.
TEST(Http2Connection, OwesNothingForAHundredCancelledExchanges) {
  Http2Limits limits;
  limits.connection_window = 128 * 1024;
  limits.stream_window = 64 * 1024;
  ConnectionDriver driver(limits);
  driver.peer().SendPreface();
  const std::string piece(16 * 1024, 'x');
  std::uint32_t id = 1;
  for (; id < 201; id += 2) {
    auto exchange = driver.Get();
    ASSERT_TRUE(driver.peer().Await("HEADERS " + std::to_string(id) + " END_STREAM"));
    driver.peer().Send(Headers(id, kOk) + Data(id, piece) + Data(id, piece));
    ASSERT_TRUE(exchange->AwaitHead());
    driver.Abort(driver.token());
    ASSERT_TRUE(exchange->AwaitDone());
  }
  auto last = driver.Get();
  ASSERT_TRUE(driver.peer().Await("HEADERS 201 END_STREAM"));
  driver.peer().Send(Headers(id, kOk));
  for (int i = 0; i < 64; ++i) {
    driver.peer().Send(Data(id, piece, i == 63));
    ASSERT_TRUE(last->AwaitBody(static_cast<std::size_t>(i + 1) * piece.size())) << i;
  }
  ASSERT_TRUE(last->AwaitDone());
  EXPECT_EQ(last->outcome(), "");
}

// The receiver's pause reaches the peer as a window that is not given back, and no other stream.
TEST(Http2Connection, GivesBackAStreamsWindowOnlyAsItsReceiverGoesOn) {
  Http2Limits limits;
  limits.stream_window = 64 * 1024;
  ConnectionDriver driver(limits);
  driver.peer().SendPreface();
  auto slow = std::make_shared<HeardExchange>();
  std::atomic<bool> open = false;
  slow->on_data = [&open](std::size_t) { return open ? Flow::kContinue : Flow::kPause; };
  driver.Start(slow);
  auto other = driver.Get();
  ASSERT_TRUE(driver.peer().Await("HEADERS 3 END_STREAM"));
  const std::string piece(16 * 1024, 'x');
  driver.peer().Send(Headers(1, kOk));
  for (int i = 0; i < 4; ++i) driver.peer().Send(Data(1, piece, i == 3));
  driver.peer().Send(Headers(3, kOk) + Data(3, "quick", true));
  ASSERT_TRUE(other->AwaitDone());
  EXPECT_EQ(slow->body().size(), piece.size());  // the piece it paused at
  EXPECT_EQ(slow->outcome(), "running");
  open = true;
  driver.connection().Resume(1);
  ASSERT_TRUE(slow->AwaitDone());
  EXPECT_EQ(slow->outcome(), "");
  EXPECT_EQ(slow->body().size(), 4 * piece.size());
}

TEST(Http2Connection, AsksForMoreOfAPausedStreamWhenItResumes) {
  Http2Limits limits;
  limits.stream_window = 64 * 1024;
  ConnectionDriver driver(limits);
  driver.peer().SendPreface();
  auto slow = std::make_shared<HeardExchange>();
  std::atomic<bool> open = false;
  slow->on_data = [&open](std::size_t) { return open ? Flow::kContinue : Flow::kPause; };
  driver.Start(slow);
  ASSERT_TRUE(driver.peer().Await("HEADERS 1 END_STREAM"));
  driver.peer().Send(Headers(1, kOk));
  for (int i = 0; i < 4; ++i) driver.peer().Send(Data(1, std::string(16 * 1024, 'x')));
  driver.peer().Send(h2::Ping());
  ASSERT_TRUE(driver.peer().Await("PING ACK"));
  EXPECT_EQ(driver.peer().seen().find("WINDOW_UPDATE 1"), std::string::npos);
  open = true;
  driver.connection().Resume(1);
  ASSERT_TRUE(driver.peer().AwaitThat(
      [](const h2::SeenFrame& frame) { return frame.type == h2::kWindow && frame.stream == 1; }));
  driver.peer().Send(Data(1, "end", true));
  ASSERT_TRUE(slow->AwaitDone());
  EXPECT_EQ(slow->outcome(), "");
}

// What arrived during a pause is handed out piece by piece, and may be paused at again.
TEST(Http2Connection, HandsOutWhatItKeptAsItsReceiverTakesIt) {
  ConnectionDriver driver;
  driver.peer().SendPreface();
  auto slow = std::make_shared<HeardExchange>();
  slow->on_data = [](std::size_t) { return Flow::kPause; };
  driver.Start(slow);
  ASSERT_TRUE(driver.peer().Await("HEADERS 1 END_STREAM"));
  driver.peer().Send(Headers(1, kOk) + Data(1, "first"));
  ASSERT_TRUE(slow->AwaitBody(5));
  std::string sent = "first";
  const auto more = [&](int pieces) {
    for (int i = 0; i < pieces; ++i) {
      const std::string piece(10'000, static_cast<char>('a' + sent.size() / 10'000));
      driver.peer().Send(Data(1, piece));
      sent += piece;
    }
    driver.peer().Send(h2::Ping());
    ASSERT_TRUE(driver.peer().Await("PING ACK"));
  };
  more(10);
  driver.connection().Resume(1);
  ASSERT_TRUE(slow->AwaitBody(5 + 65'536));
  more(5);
  driver.Settle();
  EXPECT_EQ(slow->body().size(), 5U + 65'536);
  driver.connection().Resume(1);
  ASSERT_TRUE(slow->AwaitBody(100'005));
  driver.connection().Resume(1);
  ASSERT_TRUE(slow->AwaitBody(sent.size()));
  driver.peer().Send(Data(1, "", true));
  driver.connection().Resume(1);
  ASSERT_TRUE(slow->AwaitDone());
  EXPECT_TRUE(slow->body() == sent);
}

TEST(Http2Connection, ResetsAStreamWhoseReceiverHasHadEnough) {
  ConnectionDriver driver;
  driver.peer().SendPreface();
  auto exchange = std::make_shared<HeardExchange>();
  exchange->on_data = [](std::size_t) { return Flow::kAbort; };
  driver.Start(exchange);
  ASSERT_TRUE(driver.peer().Await("HEADERS 1 END_STREAM"));
  driver.peer().Send(Headers(1, kOk) + Data(1, "a") + Data(1, "b", true));
  ASSERT_TRUE(exchange->AwaitDone());
  EXPECT_EQ(exchange->outcome(), "cancelled");
  EXPECT_EQ(exchange->body(), "a");
  EXPECT_TRUE(driver.peer().Await("RST_STREAM 1 CANCEL"));
}

// Whoever hears the end may start the next one there and then.
TEST(Http2Connection, TakesTheNextExchangeFromWithinTheEndOfTheLast) {
  ConnectionDriver driver;
  driver.peer().SendPreface({{h2::kMaxStreams, 1}});
  ASSERT_TRUE(driver.AwaitCapacity(1));
  auto second = std::make_shared<HeardExchange>();
  auto first = std::make_shared<HeardExchange>();
  first->on_done = [&] { driver.Start(second); };
  driver.Start(first);
  ASSERT_TRUE(driver.peer().Await("HEADERS 1 END_STREAM"));
  driver.peer().Send(Headers(1, kOk, true));
  ASSERT_TRUE(driver.peer().Await("HEADERS 3 END_STREAM"));
  driver.peer().Send(Headers(3, kOk, true));
  ASSERT_TRUE(second->AwaitDone());
  EXPECT_EQ(second->outcome(), "");
}

// O-160: the response counts, whatever the upload was up to.
TEST(Http2Connection, GivesAResponseThatCameBeforeTheUploadWasDone) {
  ConnectionDriver driver;
  driver.peer().SendPreface();
  auto exchange =
      driver.Start(std::make_shared<HeardExchange>("POST"), Memory(std::string(1'000'000, 'x')));
  ASSERT_TRUE(
      driver.peer().AwaitThat([](const h2::SeenFrame& frame) { return frame.type == h2::kData; }));
  driver.peer().Send(Headers(1, {{":status", "413"}}, true) + Rst(1, h2::kNoError));
  ASSERT_TRUE(exchange->AwaitDone());
  EXPECT_EQ(exchange->outcome(), "");
  EXPECT_EQ(exchange->head.status, 413U);
  EXPECT_EQ(exchange->result().written, kNever);
  EXPECT_TRUE(exchange->result().reusable);
}

// O-206: what cannot be repeated waits until the peer has shown that it speaks HTTP/2.
TEST(Http2Connection, HoldsABodyThatCannotBeReplayedUntilSettingsCame) {
  ConnectionDriver driver;
  StreamedBody::Options options;
  options.bytes = "abc";
  options.replayable = true;  // so far; nobody knows how far it is read before they come
  auto once = driver.Start(std::make_shared<HeardExchange>("POST"),
                           std::make_shared<StreamedBody>(std::move(options)));
  auto again = driver.Start(std::make_shared<HeardExchange>("PUT"), Memory("hello"));
  ASSERT_TRUE(driver.peer().Await("DATA 1 5 END_STREAM")) << driver.peer().seen();
  driver.Settle();
  EXPECT_FALSE(driver.peer().Saw("HEADERS 3"));
  driver.peer().SendPreface();
  ASSERT_TRUE(driver.peer().Await("DATA 3 3 END_STREAM")) << driver.peer().seen();
  driver.peer().Send(Headers(1, kOk, true) + Headers(3, kOk, true));
  ASSERT_TRUE(once->AwaitDone() && again->AwaitDone());
  EXPECT_EQ(once->outcome() + again->outcome(), "");
}

// H10, O-204: after a timeout in silence a PING asks for life, and until it shows the place is
// lost.
TEST(Http2Connection, PingsAfterATimeoutInSilenceAndOffersOnePlaceLessMeanwhile) {
  ConnectionDriver driver;
  driver.peer().SendPreface({{h2::kMaxStreams, 10}});
  ASSERT_TRUE(driver.AwaitCapacity(10));
  auto other = driver.Get();
  ASSERT_TRUE(driver.peer().Await("HEADERS 1 END_STREAM"));
  ExchangeLimits limits;
  limits.response_header = milliseconds(20);
  auto silent = driver.Get(limits);
  ASSERT_TRUE(silent->AwaitDone());
  EXPECT_EQ(silent->outcome(), "http_response_timeout");
  EXPECT_EQ(silent->result().failure->delivery, Delivery::kUnknown);
  EXPECT_TRUE(driver.peer().Await("RST_STREAM 3 CANCEL"));
  ASSERT_TRUE(driver.peer().Await("PING"));
  ASSERT_TRUE(driver.AwaitCapacity(9));
  driver.peer().Send(h2::Ping(std::string(8, '\0'), true));
  ASSERT_TRUE(driver.AwaitCapacity(10));
  driver.peer().Send(Headers(1, kOk, true));
  ASSERT_TRUE(other->AwaitDone());
}

// Exchanges begun and cancelled on many threads while the peer answers some of them.
TEST(Http2Connection, BearsStartsAndAbortsFromEverywhere) {
  ConnectionDriver driver;
  driver.peer().SendPreface();
  constexpr int kThreads = 4;
  constexpr int kEach = 50;
  std::atomic<std::uint64_t> token = 1;
  std::atomic<int> done = 0;
  std::vector<std::thread> threads;
  std::vector<std::shared_ptr<HeardExchange>> exchanges;
  for (int i = 0; i < kThreads * kEach; ++i) {
    exchanges.push_back(std::make_shared<HeardExchange>());
    exchanges.back()->on_done = [&done] { ++done; };
  }
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        const auto& handler = exchanges[static_cast<std::size_t>(t * kEach + i)];
        ExchangeSpec spec;
        spec.head = &handler->request;
        spec.response_limits = &handler->limits;
        const std::uint64_t mine = token++;
        driver.connection().Start(std::move(spec), handler, mine);
        driver.connection().Resume(mine);
        driver.Abort(mine);
        driver.Abort(mine);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& exchange : exchanges) EXPECT_TRUE(exchange->AwaitDone());
  EXPECT_EQ(done, kThreads * kEach);
  auto after = driver.Start(std::make_shared<HeardExchange>(), nullptr, {});
  EXPECT_EQ(after->outcome(), "running");
}

}  // namespace
}  // namespace spillway
