// Limits of Multiplex: calls, time, memory, drain, and results that nobody reads.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

#include "server/multiplex_call.h"
#include "tests/server/multiplex_caller.h"

namespace spillway {
namespace {

using std::chrono::milliseconds;

TEST(MultiplexCall, RefusesTheCallAbove1024AndNoOther) {
  FrontFixture fixture(LeaveOpen);
  Caller caller(fixture);
  caller.SendCalls(1, 1025);
  caller.ReadUntil(1);
  EXPECT_EQ(CodeOf(caller.results[1025]), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ErrorOf(caller.results[1025]).delivery(), v1::DELIVERY_NOT_SENT);
  fixture.transport.With(1, Echo);
  caller.ReadUntil(2);
  caller.SendCalls(1026, 1026);  // there is room again
  fixture.transport.AwaitStarted(1025);
  for (std::uint64_t id = 2; id <= 1025; ++id) fixture.transport.With(id, Echo);
  caller.HalfClose();
  EXPECT_TRUE(caller.ReadToEnd().ok());
  EXPECT_EQ(caller.results.size(), 1026u);
}

TEST(MultiplexCall, EndsACallByItsOwnTimeout) {
  FrontFixture fixture(LeaveOpen);
  Caller caller(fixture);
  v1::MultiplexRequest message;
  AddCall(message, 1);
  AddCall(message, 2);
  message.mutable_calls(0)->mutable_request()->mutable_options()->mutable_timeout()->set_nanos(
      20'000'000);
  caller.Send(message);
  caller.ReadUntil(1);
  EXPECT_EQ(CodeOf(caller.results[1]), grpc::StatusCode::DEADLINE_EXCEEDED);
  fixture.transport.With(2, Echo);
  caller.ReadUntil(2);
  EXPECT_EQ(caller.results[2].response().status(), 200u);
}

// So that their errors still reach the caller.
TEST(MultiplexCall, GivesEveryCallATimeALittleShorterThanThatOfTheStream) {
  // gRPC tells the other side in tenths of a second, rounded up: 60 s.
  constexpr milliseconds kSent{60'000};
  constexpr milliseconds kWhole = kSent - milliseconds(50);
  std::atomic<int> in_time = 0;
  FrontFixture fixture([&](FakeTransport::Exchange& exchange) {
    const Duration left = exchange.request().deadline - fixture.transport.Now();
    if (left > kSent / 2 && left <= kSent - milliseconds(40)) ++in_time;
    exchange.Fail(Failure{Reason::kDeadlineExceeded, Source::kCaller, Phase::kFirstByte,
                          Delivery::kUnknown, "the deadline passed"});
  });
  Caller caller(fixture, kWhole);
  caller.SendCalls(1, 3);
  caller.HalfClose();
  EXPECT_TRUE(caller.ReadToEnd().ok());
  for (const std::uint64_t id : {1, 2, 3}) {
    EXPECT_EQ(CodeOf(caller.results[id]), grpc::StatusCode::DEADLINE_EXCEEDED);
  }
  EXPECT_EQ(in_time, 3);
}

TEST(MultiplexCall, RefusesCallsWhileDrainingAndFinishesThoseInFlight) {
  FrontFixture fixture(LeaveOpen);
  Caller caller(fixture);
  caller.SendCalls(1, 1);
  fixture.transport.AwaitStarted(1);
  fixture.admission.StopAdmitting([] {});
  caller.SendCalls(2, 2);
  caller.ReadUntil(1);
  EXPECT_EQ(CodeOf(caller.results[2]), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ErrorOf(caller.results[2]).reason(), v1::REASON_DRAINING);
  EXPECT_EQ(ErrorOf(caller.results[2]).delivery(), v1::DELIVERY_NOT_SENT);
  fixture.transport.With(1, Echo);
  caller.HalfClose();
  EXPECT_TRUE(caller.ReadToEnd().ok());
  EXPECT_EQ(caller.results[1].response().status(), 200u);
}

TEST(MultiplexCall, GivesUpAResponseThatMemoryHasNoRoomFor) {
  FrontFixture fixture(
      [](FakeTransport::Exchange& exchange) {
        if (exchange.body() != "large") return Echo(exchange);
        exchange.Head(200, {}, BodyKind::kLength, 1'000'000);
        exchange.Data(Chunk::Own(std::string(1'000'000, 'x')));
        exchange.End();
      },
      {.max_calls = 100, .max_bytes = 100'000});
  Caller caller(fixture);
  v1::MultiplexRequest message;
  AddCall(message, 1, "large");
  AddCall(message, 2, "small");
  caller.Send(message);
  caller.HalfClose();
  EXPECT_TRUE(caller.ReadToEnd().ok());
  EXPECT_EQ(CodeOf(caller.results[1]), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ErrorOf(caller.results[1]).delivery(), v1::DELIVERY_ANSWERED);
  EXPECT_EQ(caller.results[2].response().status(), 200u);
  fixture.SettledLedger();
}

TEST(MultiplexCall, RefusesCallsThatAdmissionHasNoRoomFor) {
  FrontFixture fixture(LeaveOpen, {.max_calls = 2});
  Caller caller(fixture);
  caller.SendCalls(1, 3);
  caller.ReadUntil(1);
  EXPECT_EQ(CodeOf(caller.results[3]), grpc::StatusCode::RESOURCE_EXHAUSTED);
  fixture.transport.With(1, Echo);
  fixture.transport.With(2, Echo);
  caller.HalfClose();
  EXPECT_TRUE(caller.ReadToEnd().ok());
  EXPECT_EQ(fixture.SettledLedger().refused, 1u);
}

// A message that is no MultiplexRequest, C-049.
TEST(MultiplexCall, EndsTheStreamForAMessageThatIsNone) {
  FrontFixture fixture(LeaveOpen);
  Caller caller(fixture);
  v1::MultiplexRequest message;
  AddCall(message, 1);
  message.GetReflection()->MutableUnknownFields(&message)->AddLengthDelimited(
      1, "\x08");  // a call that ends within its id
  caller.Send(message);
  const grpc::Status status = caller.ReadToEnd();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(caller.results.size(), 1u);
  EXPECT_EQ(CodeOf(caller.results[1]), grpc::StatusCode::CANCELLED);
}

TEST(MultiplexCall, StopsReadingCallsWhenResultsAreNotRead) {
  constexpr std::uint64_t kCalls = 400;
  constexpr std::size_t kBytes = 256UL * 1024;
  std::atomic<std::uint64_t> ended = 0;
  std::atomic<std::uint64_t> read = 0;
  std::atomic<std::uint64_t> most_unread = 0;
  FrontFixture fixture([&](FakeTransport::Exchange& exchange) {
    if (exchange.request().url != "http://origin.example/") return Echo(exchange);
    exchange.Head(200, {}, BodyKind::kLength, kBytes);
    exchange.Data(Chunk::Own(std::string(kBytes, 'x')));
    exchange.End();
    most_unread = std::max(most_unread.load(), ended + 1 - read);
    ++ended;
    ended.notify_all();
  });
  Caller caller(fixture);
  std::thread sender([&] {
    for (std::uint64_t id = 1; id <= kCalls; ++id) {
      caller.SendCalls(id, id);
      ended.wait(id - 1);  // so that what is not a result was not read
    }
    caller.HalfClose();
  });
  // Ample time to go too far.
  std::uint64_t before = 0;
  do {
    before = ended;
    for (int i = 0; i < 100; ++i) {
      v1::HttpResponse response;
      ASSERT_TRUE(fixture.RoundTrip(Get("http://other.example/"), response).ok());
    }
  } while (ended != before);
  while (caller.Read()) read = caller.results.size();
  sender.join();
  EXPECT_TRUE(caller.ReadToEnd().ok());
  EXPECT_EQ(caller.results.size(), kCalls);
  EXPECT_GE(most_unread * kBytes, 4UL * 1024 * 1024);
  // What gRPC takes besides is its flow control window.
  EXPECT_LT(most_unread * kBytes, 32UL * 1024 * 1024);
}

TEST(MultiplexCall, LooksAtAMessageNoFurtherThanResultsAreRead) {
  // Refusals count as well: each is a result of some hundred bytes, so that their number is what
  // stops it. A stream never has more than 4,096 calls in the ledger (C-042).
  constexpr std::uint64_t kCalls = 200'000;
  FrontFixture fixture(LeaveOpen, {.max_calls = 4'096});
  Caller caller(fixture);
  v1::MultiplexRequest message;
  for (std::uint64_t id = 1; id <= kCalls; ++id) message.add_calls()->set_id(id);
  caller.Send(message);
  caller.HalfClose();
  EXPECT_TRUE(caller.ReadToEnd().ok());
  EXPECT_EQ(caller.results.size(), kCalls);
  EXPECT_EQ(fixture.SettledLedger().admitted, kCalls);
  EXPECT_EQ(fixture.admission.ledger().refused, 0u);
  EXPECT_EQ(fixture.admission.bytes(), 0u);
}

void SetStall(FakeTransport& transport, Duration stall) {
  Destination fallback;
  fallback.timeouts.caller_stall = stall;
  transport.SetPolicy(*Policy::Build(1, {}, fallback, {}));
}

TEST(MultiplexCall, GivesUpACallerThatTakesNoResults_C042) {
  constexpr std::size_t kBytes = 1024UL * 1024;
  FrontFixture fixture([](FakeTransport::Exchange& exchange) {
    if (exchange.body() == "1") return;  // is in flight when the caller is given up
    exchange.Head(200, {}, BodyKind::kLength, kBytes);
    exchange.Data(Chunk::Own(std::string(kBytes, 'x')));
    exchange.End();
  });
  fixture.transport.HoldTimers();
  Caller caller(fixture);
  caller.SendCalls(1, 40);
  while (fixture.admission.ledger().cancelled == 0) fixture.transport.RunHeld();
  fixture.SettledLedger();
  EXPECT_GE(fixture.transport.cancels(), 1u);
  EXPECT_EQ(caller.ReadToEnd().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_LT(caller.results.size(), 40u);
  EXPECT_EQ(fixture.observer.ended(),
            std::vector<std::string>{"spillway.v1.Egress/Multiplex DEADLINE_EXCEEDED"});
  EXPECT_EQ(fixture.admission.bytes(), 0u);
}

TEST(MultiplexCall, LetsACallerRestThatHasTakenItsResults) {
  FrontFixture fixture(Echo);
  fixture.transport.HoldTimers();
  Caller caller(fixture);
  for (const std::uint64_t id : {1, 2, 3}) {
    caller.SendCalls(id, id);
    caller.ReadUntil(id);
    fixture.SettledLedger();  // it has been written
    EXPECT_EQ(fixture.transport.RunHeld(), 1u) << "the look that the result has planned";
    EXPECT_EQ(fixture.transport.RunHeld(), 0u) << "nothing is there to be looked at";
  }
  caller.HalfClose();
  EXPECT_TRUE(caller.ReadToEnd().ok());
}

TEST(MultiplexCall, LooksForNoCallerThatMayTakeForEver) {
  FrontFixture fixture(Echo);
  fixture.transport.HoldTimers();
  SetStall(fixture.transport, kForever);
  Caller caller(fixture);
  caller.SendCalls(1, 1);
  caller.ReadUntil(1);
  fixture.SettledLedger();
  EXPECT_EQ(fixture.transport.RunHeld(), 0u);
  SetStall(fixture.transport, milliseconds(50));
  caller.SendCalls(2, 2);
  caller.ReadUntil(2);
  fixture.SettledLedger();
  EXPECT_EQ(fixture.transport.RunHeld(), 1u);
}

TEST(MultiplexCall, TakesAsManyTrailersAsPolicySays_F8) {
  FrontFixture fixture([](FakeTransport::Exchange& exchange) {
    exchange.Head(204, {});
    exchange.End();
  });
  fixture.transport.SetPolicy(*Policy::Build(1, {}, {}, {.max_fields = 700}));
  Caller caller(fixture);
  v1::MultiplexRequest message;
  for (const std::uint64_t id : {1, 2}) {
    AddCall(message, id);
    v1::HttpRequest& request = *message.mutable_calls(static_cast<int>(id) - 1)->mutable_request();
    request.set_method("POST");
    for (std::size_t i = 0; i < 699 + id; ++i) {
      v1::Header& trailer = *request.add_trailers();
      trailer.set_name("x-sum");
      trailer.set_value("1");
    }
  }
  caller.Send(message);
  caller.HalfClose();
  EXPECT_TRUE(caller.ReadToEnd().ok());
  EXPECT_EQ(CodeOf(caller.results[1]), grpc::StatusCode::OK) << caller.results[1].error().message();
  EXPECT_EQ(CodeOf(caller.results[2]), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST(MultiplexCall, SendsAResultAboveTheMessageLimitAlone) {
  FrontFixture fixture([](FakeTransport::Exchange& exchange) {
    const std::size_t size = exchange.body().size() > 1 ? 2'000'000 : 10;
    exchange.Head(200, {}, BodyKind::kLength, size);
    exchange.Data(Chunk::Own(std::string(size, 'x')));
    exchange.End();
  });
  Caller caller(fixture);
  caller.SendCalls(8, 12);  // 10 to 12 get the large one
  caller.HalfClose();
  EXPECT_TRUE(caller.ReadToEnd().ok());
  for (std::uint64_t id = 8; id <= 12; ++id) {
    EXPECT_EQ(caller.results[id].response().body().size(), id < 10 ? 10u : 2'000'000u);
  }
}

}  // namespace
}  // namespace spillway
