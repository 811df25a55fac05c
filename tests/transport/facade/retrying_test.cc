// Attempts that follow attempts, seen from both ends: what policy says about statuses, dials and
// streamed bodies, and connections that are saved by reading a little.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "tests/harness/push_body.h"
#include "tests/origin/origin.h"
#include "tests/transport/facade/blocking_call.h"

namespace spillway {
namespace {

std::unique_ptr<Transport> Retrying(void (*change)(RetryLimits&) = nullptr) {
  Destination destination;
  destination.retry.statuses = {429, 503};
  destination.retry.backoff_initial = milliseconds(1);
  destination.retry.backoff_max = milliseconds(2);
  if (change != nullptr) change(destination.retry);
  TransportOptions options;
  options.policy = PolicyOf(std::move(destination));
  return MakeTransport(std::move(options));
}

TEST(StatusRetry, AsksAgainAndDeliversOnlyTheLastAnswer) {
  Origin origin(R"(
    expect_head
    send "HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 4\r\n\r\nbusy"
    expect_head
    send "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
    expect_head
    answer 200 "at last"
  )");
  const auto transport = Retrying();
  const auto call = Do(*transport, Get(origin.url("/")));
  ASSERT_FALSE(call->record->failure.has_value());
  EXPECT_EQ(call->head.status, 200U);
  EXPECT_EQ(call->body, "at last");
  EXPECT_EQ(call->record->attempts, 3U);
  ASSERT_EQ(call->record->attempt_log.size(), 3U);
  EXPECT_EQ(call->record->attempt_log[0].status, 503U);
  EXPECT_EQ(call->record->attempt_log[0].error, Reason::kNone);
  // What was left of the answers was little: one connection served all three (R6).
  EXPECT_EQ(origin.seen().size(), 1U);
}

TEST(StatusRetry, DeliversTheStatusWhenNoAttemptIsLeftOrAllowed) {
  struct Row {
    std::string name;
    std::string method;
    std::string status;
    std::uint32_t attempts;
  };
  const Row rows[] = {{"attempts are over", "GET", "503", 3},
                      {"503 to a POST may have acted", "POST", "503", 1},
                      {"429 has not", "POST", "429", 3},
                      {"a status that policy does not name", "GET", "500", 1}};
  for (const Row& row : rows) {
    Origin origin("repeat 3\nexpect_head\nsend \"HTTP/1.1 " + row.status +
                  " X\\r\\nContent-Length: 2\\r\\n\\r\\nno\"\nend\n");
    const auto transport = Retrying();
    Request request = Get(origin.url("/"));
    request.method = row.method;
    const auto call = Do(*transport, std::move(request));
    ASSERT_FALSE(call->record->failure.has_value()) << row.name;
    EXPECT_EQ(std::to_string(call->head.status), row.status) << row.name;
    EXPECT_EQ(call->body, "no") << row.name;
    EXPECT_EQ(call->record->attempts, row.attempts) << row.name;
  }
}

TEST(StatusRetry, SpendsTheBudgetSoThatAnOutageIsNotMultiplied) {
  Origin origin(R"(
    repeat 200
      expect_head
      send "HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n"
    end
  )");
  const auto transport = Retrying([](RetryLimits& limits) {
    limits.budget_ratio = 0.1;
    limits.budget_per_second = 0;
    limits.budget_burst = 2;
  });
  std::uint32_t attempts = 0;
  for (int i = 0; i < 50; ++i) attempts += Do(*transport, Get(origin.url("/")))->record->attempts;
  EXPECT_LE(attempts, 50U + 2U + 5U);
  EXPECT_GT(attempts, 52U);
}

TEST(StatusRetry, IsCancelledDuringItsPauseAtOnce) {
  Origin origin(R"(
    expect_head
    send "HTTP/1.1 503 X\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n"
    signal answered
    stall
  )");
  const auto transport = Retrying();
  auto sink = std::make_shared<WaitingSink>();
  const auto handle = transport->Start(Get(origin.url("/")), sink);
  ASSERT_TRUE(origin.board().Await("answered"));
  handle->Cancel();
  EXPECT_EQ(sink->Wait().failure->reason, Reason::kCancelled);
  EXPECT_EQ(sink->ends, 1);
}

TEST(StatusRetry, EndsItsPauseWhenTheTransportStops) {
  Origin origin(R"(
    expect_head
    send "HTTP/1.1 503 X\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n"
    signal answered
    stall
  )");
  const auto transport = Retrying();
  auto sink = std::make_shared<WaitingSink>();
  transport->Start(Get(origin.url("/")), sink);
  ASSERT_TRUE(origin.board().Await("answered"));
  transport->Shutdown();
  EXPECT_TRUE(sink->Ended());
}

TEST(DialRetry, DialsAgainWhenPolicySaysSo) {
  ClosedPort port;
  const std::string url = "http://127.0.0.1:" + std::to_string(port.port()) + "/";
  const auto plain = Retrying();
  EXPECT_EQ(Do(*plain, Get(url))->record->failure->reason, Reason::kConnectionRefused);
  const auto stubborn = Retrying([](RetryLimits& limits) { limits.on_connect_failure = true; });
  const auto call = Do(*stubborn, Get(url));
  EXPECT_EQ(call->record->failure->reason, Reason::kConnectionRefused);
  EXPECT_EQ(call->record->failure->delivery, Delivery::kNotSent);
}

TEST(ReplayBuffer, SendsAStreamedBodyAgainWhenAKeptConnectionWasDead_Y4_Y8) {
  Origin origin(R"(
    expect_head
    answer 200 "warm"
    expect_head
    close
  )");
  const auto transport = MakeTransport();
  ASSERT_EQ(Do(*transport, Get(origin.url("/warm")))->body, "warm");
  auto body = std::make_shared<PushBody>();
  body->Push("hello ");
  Request request = Get(origin.url("/up"));
  request.method = "POST";
  request.headers.Add("Idempotency-Key", "1");
  request.streamed = true;
  request.body = body;
  auto sink = std::make_shared<WaitingSink>();
  transport->Start(std::move(request), sink);
  body->Push("world");
  body->End();
  sink->Wait();
  ASSERT_FALSE(sink->record->failure.has_value()) << sink->record->failure->message;
  EXPECT_EQ(sink->record->attempts, 2U);
  EXPECT_EQ(origin.seen()[1].requests[0].body, "hello world");
}

TEST(ReplayBuffer, TellsWhenTooMuchWasReadToSendItAgain) {
  Origin origin(R"(
    expect_head
    answer 200 "warm"
    expect_head
    expect_bytes 70000
    close
  )");
  const auto transport = MakeTransport();
  ASSERT_EQ(Do(*transport, Get(origin.url("/warm")))->body, "warm");
  auto body = std::make_shared<PushBody>();
  body->Push(std::string(70'000, 'x'));
  Request request = Get(origin.url("/up"));
  request.method = "POST";
  request.headers.Add("Idempotency-Key", "1");
  request.streamed = true;
  request.body = body;
  const auto call = Do(*transport, std::move(request));
  EXPECT_EQ(call->record->failure->reason, Reason::kConnectionTerminated);
  EXPECT_EQ(call->record->attempts, 1U);
}

// O-128, O-130: a body that streams is held back until the origin shows that it speaks HTTP/2, so
// nothing of the request was sent; the origin refused it all the same.
TEST(HeldBody, GoesToAnOriginThatDoesNotSpeakHttp2AtMostTwice) {
  for (const std::string script :
       {"h2_preface\nsend \"HTTP/1.1 400 Bad Request\\r\\n\\r\\n\"\nstall\n",
        "h2_preface\nh2_run\n"}) {
    OriginOptions options;
    options.http2 = true;
    options.rest = MustParse(script);
    Origin origin(std::move(options));
    Destination destination;
    destination.protocol = Protocol::kH2c;
    destination.http2.settings_timeout = milliseconds(30);
    TransportOptions given;
    given.policy = PolicyOf(std::move(destination));
    const auto transport = MakeTransport(std::move(given));
    auto body = std::make_shared<PushBody>();
    body->Push("held");
    body->Forbid();
    Request request = Get(origin.url("/"));
    request.method = "POST";
    request.streamed = true;
    request.body = body;
    const auto call = Do(*transport, std::move(request));
    ASSERT_TRUE(call->record->failure.has_value());
    EXPECT_EQ(call->record->failure->reason, Reason::kHttpStreamRefused) << script;
    EXPECT_EQ(call->record->failure->delivery, Delivery::kNotSent) << script;
    EXPECT_EQ(call->record->attempts, 2U) << script;
    EXPECT_EQ(origin.seen().size(), 2U) << script;
  }
}

TEST(Drain, SavesAConnectionWhoseResponseNobodyWantsAnyMore_R6) {
  Origin origin(R"(
    expect_head
    send "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"
    wait_for cancelled
    send "world"
    serve
  )");
  const auto transport = MakeTransport();
  auto sink = std::make_shared<WaitingSink>();
  const auto handle = transport->Start(Get(origin.url("/")), sink);
  sink->WaitForBody("hello");
  handle->Cancel();
  origin.board().Signal("cancelled");
  EXPECT_EQ(sink->Wait().failure->reason, Reason::kCancelled);
  EXPECT_EQ(sink->body, "hello");
  EXPECT_EQ(Do(*transport, Get(origin.url("/")))->body, "served");
}

TEST(Drain, GivesUpAConnectionWhoseRestIsLargeOrLate_R6) {
  for (const std::string& head :
       {std::string("Content-Length: 1000000"), std::string("Content-Length: 10")}) {
    Origin origin("expect_head\nsend \"HTTP/1.1 200 OK\\r\\n" + head +
                  "\\r\\n\\r\\nhello\"\nstall\n");
    const auto transport = MakeTransport();
    auto sink = std::make_shared<WaitingSink>();
    const auto handle = transport->Start(Get(origin.url("/")), sink);
    sink->WaitForBody("hello");
    handle->Cancel();
    EXPECT_EQ(sink->Wait().failure->reason, Reason::kCancelled);
    EXPECT_FALSE(Do(*transport, Get(origin.url("/")))->record->reused) << head;
  }
}

}  // namespace
}  // namespace spillway
