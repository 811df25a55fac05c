// The transport as a whole against a scripted origin: what a round trip promises, seen from both
// ends.

#include "transport/transport.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>
#include <utility>
#include <vector>

#include "tests/origin/origin.h"
#include "tests/transport/facade/blocking_call.h"

namespace spillway {
namespace {

TEST(Transport, AnswersFromAFreshConnectionAndThenReusesIt) {
  Origin origin{OriginOptions{}};
  const auto transport = MakeTransport();
  const auto first = Do(*transport, Get(origin.url("/a")));
  ASSERT_FALSE(first->record->failure.has_value()) << first->record->failure->message;
  EXPECT_EQ(first->head.status, 200U);
  EXPECT_EQ(first->body, "served");
  EXPECT_FALSE(first->record->reused);
  const auto second = Do(*transport, Get(origin.url("/b")));
  EXPECT_TRUE(second->record->reused);
  EXPECT_EQ(second->record->connection->id, first->record->connection->id);
  EXPECT_EQ(origin.seen().size(), 1U);
  EXPECT_EQ(origin.seen()[0].request_count, 2U);
}

// A caller's object is usually the sink and keeps the handle to cancel with: a circle.
TEST(Transport, LetsGoOfTheSinkAtTheEndThoughTheHandleIsKept) {
  Origin origin{OriginOptions{}};
  std::weak_ptr<WaitingSink> answered;
  std::weak_ptr<WaitingSink> failed;
  {
    const auto transport = MakeTransport();
    ClosedPort port;
    auto sink = std::make_shared<WaitingSink>();
    const auto handle = transport->Start(Post(origin.url("/"), "hello"), sink);
    auto no_origin = std::make_shared<WaitingSink>();
    const auto no_origin_handle =
        transport->Start(Get("http://127.0.0.1:" + std::to_string(port.port()) + "/"), no_origin);
    sink->Wait();
    no_origin->Wait();
    answered = std::exchange(sink, nullptr);
    failed = std::exchange(no_origin, nullptr);
    // The thread that ended the round trip may still be on its way out; that is the only wait.
    const auto give_up = std::chrono::steady_clock::now() + kEventPatience;
    while (!(answered.expired() && failed.expired()) &&
           std::chrono::steady_clock::now() < give_up) {
      std::this_thread::yield();
    }
    EXPECT_TRUE(answered.expired());
    EXPECT_TRUE(failed.expired());
    EXPECT_NE(handle, nullptr);
    EXPECT_NE(no_origin_handle, nullptr);
  }
}

TEST(Transport, SendsABodyWithTheHeadAndItsLength) {
  Origin origin{OriginOptions{}};
  const auto transport = MakeTransport();
  const auto call = Do(*transport, Post(origin.url("/p"), "hello"));
  EXPECT_EQ(call->head.status, 200U);
  const SeenRequest seen = origin.seen()[0].requests[0];
  EXPECT_EQ(seen.body, "hello");
  EXPECT_EQ(seen.Find("content-length"), "5");
}

TEST(Transport, ABadRequestDialsNothing) {
  Origin origin{OriginOptions{}};
  const auto transport = MakeTransport();
  Request request = Get(origin.url("/"));
  request.headers.Add("bad name", "x");
  const auto call = Do(*transport, std::move(request));
  ASSERT_TRUE(call->record->failure.has_value());
  EXPECT_EQ(call->record->failure->reason, Reason::kHttpRequestError);
  EXPECT_EQ(transport->connection_count(), 0U);
  EXPECT_TRUE(origin.seen().empty());
}

// A key without any connection is not starved by one that is never idle.
TEST(Transport, ABusyKeyMakesRoomForOneThatHasNothing) {
  Origin busy{OriginOptions{}};
  Origin other{OriginOptions{}};
  TransportOptions options;
  options.limits.max_connections = 1;
  const auto transport = MakeTransport(std::move(options));
  std::atomic<bool> stop{false};
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      while (!stop) Do(*transport, Get(busy.url("/")));
    });
  }
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Do(*transport, Get(other.url("/")))->body, "served");
  stop = true;
  for (std::thread& caller : callers) caller.join();
}

TEST(Transport, ManyCallersShareFewConnections) {
  Origin origin{OriginOptions{}};
  const auto transport = MakeTransport();
  std::vector<std::thread> callers;
  std::atomic<int> good{0};
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&] {
      for (int n = 0; n < 250; ++n) {
        const auto call = Do(*transport, Get(origin.url("/")));
        if (!call->record->failure.has_value() && call->body == "served") ++good;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(good, 2000);
  EXPECT_LE(origin.seen().size(), 8U);
}

// Decision 2.
TEST(Transport, ADeadOriginFailsEveryWaiterWithinOneDial) {
  ClosedPort port;
  const auto transport = MakeTransport();
  std::vector<std::shared_ptr<WaitingSink>> sinks;
  for (int i = 0; i < 50; ++i) {
    sinks.push_back(std::make_shared<WaitingSink>());
    transport->Start(Get("http://127.0.0.1:" + std::to_string(port.port()) + "/"), sinks.back());
  }
  for (const auto& sink : sinks) {
    const RoundTripRecord& record = sink->Wait();
    ASSERT_TRUE(record.failure.has_value());
    EXPECT_EQ(record.failure->reason, Reason::kConnectionRefused);
    EXPECT_EQ(record.failure->delivery, Delivery::kNotSent);
    EXPECT_GT(record.failure->retry_at, record.started);
    EXPECT_NE(record.failure->retry_at, kNever);
  }
  EXPECT_EQ(transport->connection_count(), 0U);
}

// A1, A2, C-039.
TEST(Transport, CancellingARunningExchangeClosesItsConnection) {
  Origin origin("expect_head\nsignal got\nstall");
  const auto transport = MakeTransport();
  auto sink = std::make_shared<WaitingSink>();
  const auto handle = transport->Start(Get(origin.url("/")), sink);
  ASSERT_TRUE(origin.board().Await("got"));
  handle->Cancel();
  const RoundTripRecord& record = sink->Wait();
  EXPECT_EQ(record.failure->reason, Reason::kCancelled);
  EXPECT_EQ(record.failure->delivery, Delivery::kUnknown);
  const auto next = Do(*transport, Get(origin.url("/")));
  EXPECT_FALSE(next->record->reused);
  EXPECT_EQ(next->body, "served");
}

// T4 and api.md: the deadline names its phase.
TEST(Transport, TheDeadlineNamesThePhaseItCut) {
  Origin origin("expect_head\nstall");
  const auto transport = MakeTransport();
  Request request = Get(origin.url("/"));
  request.deadline = After(transport->Now(), std::chrono::milliseconds(30));
  const auto call = Do(*transport, std::move(request));
  EXPECT_EQ(call->record->failure->reason, Reason::kDeadlineExceeded);
  EXPECT_EQ(call->record->failure->phase, Phase::kFirstByte);
  EXPECT_EQ(call->record->failure->delivery, Delivery::kUnknown);
}

// The process-wide cap: a stalled key gets the place of another key's idle connection.
TEST(Transport, AnIdleConnectionIsGivenUpForAStalledKey) {
  Origin first{OriginOptions{}};
  Origin second{OriginOptions{}};
  TransportOptions options;
  options.limits.max_connections = 1;
  const auto transport = MakeTransport(std::move(options));
  for (int round = 0; round < 10; ++round) {
    EXPECT_EQ(Do(*transport, Get(first.url("/")))->body, "served");
    EXPECT_EQ(Do(*transport, Get(second.url("/")))->body, "served");
  }
  EXPECT_EQ(transport->connection_count(), 1U);
}

TEST(Transport, MoreCallersThanTheProcessWideCapAllGetTheirTurn) {
  Origin first{OriginOptions{}};
  Origin second{OriginOptions{}};
  TransportOptions options;
  options.limits.max_connections = 2;
  const auto transport = MakeTransport(std::move(options));
  std::vector<std::shared_ptr<WaitingSink>> sinks;
  for (int i = 0; i < 200; ++i) {
    sinks.push_back(std::make_shared<WaitingSink>());
    transport->Start(Get((i % 2 == 0 ? first : second).url("/")), sinks.back());
  }
  for (const auto& sink : sinks) {
    sink->Wait();
    EXPECT_EQ(sink->body, "served");
  }
  EXPECT_LE(transport->connection_count(), 2U);
}

//
TEST(Transport, DrainingLetsRunningExchangesEndAndRefusesNewOnes) {
  Origin origin(
      "expect_head\nsignal got\nwait_for go\nsend \"HTTP/1.1 200 OK\\r\\nContent-Length: "
      "4\\r\\n\\r\\nlate\"");
  const auto transport = MakeTransport();
  auto sink = std::make_shared<WaitingSink>();
  transport->Start(Get(origin.url("/")), sink);
  ASSERT_TRUE(origin.board().Await("got"));
  std::promise<void> drained;
  transport->Drain([&] { drained.set_value(); });
  const auto refused = Do(*transport, Get(origin.url("/")));
  EXPECT_EQ(refused->record->failure->reason, Reason::kDraining);
  EXPECT_EQ(refused->record->failure->delivery, Delivery::kNotSent);
  auto done = drained.get_future();
  EXPECT_EQ(done.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  origin.board().Signal("go");
  sink->Wait();
  EXPECT_EQ(sink->body, "late");
  EXPECT_EQ(done.wait_for(kEventPatience), std::future_status::ready);
}

//
TEST(Transport, ShutdownEndsWhatStillRunsExactlyOnce) {
  Origin origin("expect_head\nsignal got\nstall");
  auto transport = MakeTransport();
  auto running = std::make_shared<WaitingSink>();
  transport->Start(Get(origin.url("/")), running);
  ASSERT_TRUE(origin.board().Await("got"));
  transport->Shutdown();
  EXPECT_EQ(running->ends, 1);
  EXPECT_EQ(running->record->failure->reason, Reason::kDraining);
  transport.reset();
  EXPECT_EQ(running->ends, 1);
}

// O-043.
TEST(Transport, ADeclaredLengthOverTheLimitFailsBeforeTheBodyIsRead) {
  Origin origin(
      "expect_head\nsend \"HTTP/1.1 200 OK\\r\\nContent-Length: 1000\\r\\n\\r\\n\"\nstall");
  const auto transport = MakeTransport();
  Request request = Get(origin.url("/"));
  request.max_response_bytes = 999;
  const auto call = Do(*transport, std::move(request));
  EXPECT_EQ(call->record->failure->reason, Reason::kHttpResponseBodySize);
  EXPECT_EQ(call->record->failure->delivery, Delivery::kAnswered);
  EXPECT_EQ(call->record->failure->response_status, 200U);
}

// C-041: a receiver that pauses stops the origin; memory stays where it was.
TEST(Transport, APausedReceiverStopsReadingUntilItResumes) {
  const std::string big(8 * 1024 * 1024, 'x');
  OriginOptions options;
  options.handler = [&](const SeenRequest&, std::uint64_t) {
    return Script{Step{.kind = StepKind::kSend, .text = Answer(200, big)}};
  };
  Origin origin(std::move(options));
  const auto transport = MakeTransport();
  auto sink = std::make_shared<WaitingSink>();
  sink->flow = Flow::kPause;
  const auto handle = transport->Start(Get(origin.url("/")), sink);
  sink->WaitForHead();
  EXPECT_LT(sink->body.size(), big.size());
  while (!sink->Ended()) handle->Resume();
  EXPECT_EQ(sink->body, big);
}

}  // namespace
}  // namespace spillway
