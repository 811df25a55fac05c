#include "server/multiplex_call.h"

#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "tests/server/front_fixture.h"

namespace spillway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

void Echo(FakeTransport::Exchange& exchange) {
  exchange.Head(200, {{"X-Method", exchange.request().method}}, BodyKind::kLength, 0);
  const std::string body = exchange.body();
  if (!body.empty()) exchange.Data(Chunk{body, nullptr});
  exchange.End();
}

void LeaveOpen(FakeTransport::Exchange& /*exchange*/) {}

void AddCall(v1::MultiplexRequest& message, std::uint64_t id, const std::string& body = "",
             const std::string& url = "http://origin.example/") {
  v1::Call& call = *message.add_calls();
  call.set_id(id);
  call.mutable_request()->set_url(url);
  call.mutable_request()->set_body(body);
}

// A caller's stream that keeps every result by its id.
class Caller {
 public:
  explicit Caller(FrontFixture& fixture, Duration deadline = seconds(60)) {
    context_.set_deadline(std::chrono::system_clock::now() +
                          std::chrono::duration_cast<std::chrono::microseconds>(deadline));
    stream_ = fixture.stub->Multiplex(&context_);
  }

  bool Send(const v1::MultiplexRequest& message) { return stream_->Write(message); }
  bool SendCalls(std::uint64_t first, std::uint64_t last) {
    v1::MultiplexRequest message;
    for (std::uint64_t id = first; id <= last; ++id) AddCall(message, id, std::to_string(id));
    return Send(message);
  }
  void SendCancel(std::uint64_t id) {
    v1::MultiplexRequest message;
    message.add_cancels(id);
    Send(message);
  }
  void HalfClose() { stream_->WritesDone(); }
  void CancelRpc() { context_.TryCancel(); }

  // Reads one message; false at the end.
  bool Read() {
    v1::MultiplexResponse message;
    if (!stream_->Read(&message)) return false;
    EXPECT_GT(message.results_size(), 0);
    if (message.ByteSizeLong() > 1024UL * 1024) {
      EXPECT_EQ(message.results_size(), 1);
    }
    ++messages;
    for (v1::Result& result : *message.mutable_results()) {
      order.push_back(result.id());
      EXPECT_TRUE(results.emplace(result.id(), std::move(result)).second) << "a second result";
    }
    return true;
  }
  void ReadUntil(std::size_t count) {
    while (results.size() < count) ASSERT_TRUE(Read());
  }
  grpc::Status ReadToEnd() {
    while (Read()) {
    }
    return stream_->Finish();
  }

  std::map<std::uint64_t, v1::Result> results;
  std::vector<std::uint64_t> order;
  std::size_t messages = 0;

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::MultiplexRequest, v1::MultiplexResponse>> stream_;
};

v1::EgressError ErrorOf(const v1::Result& result) {
  EXPECT_EQ(result.outcome_case(), v1::Result::kError);
  v1::EgressError error;
  if (result.error().details_size() == 1) {
    EXPECT_TRUE(result.error().details(0).UnpackTo(&error));
  } else {
    ADD_FAILURE() << "no EgressError in: " << result.error().message();
  }
  return error;
}

grpc::StatusCode CodeOf(const v1::Result& result) {
  return result.has_error() ? static_cast<grpc::StatusCode>(result.error().code())
                            : grpc::StatusCode::OK;
}

TEST(MultiplexCall, AnswersEveryCallOfABatch) {
  FrontFixture fixture(Echo);
  Caller caller(fixture);
  caller.SendCalls(1, 64);
  caller.ReadUntil(64);
  caller.HalfClose();
  EXPECT_TRUE(caller.ReadToEnd().ok());
  for (const auto& [id, result] : caller.results) {
    EXPECT_EQ(result.response().status(), 200u);
    EXPECT_EQ(result.response().body(), std::to_string(id));
    EXPECT_TRUE(result.response().has_exchange());
  }
  const CallLedger ledger = fixture.SettledLedger();
  EXPECT_EQ(ledger.ok, 64u);
  EXPECT_EQ(ledger.admitted, 64u);
}

TEST(MultiplexCall, AnswersInTheOrderInWhichOriginsDo) {
  FrontFixture fixture(LeaveOpen);
  Caller caller(fixture);
  caller.SendCalls(1, 3);
  fixture.transport.AwaitStarted(3);
  for (const std::uint64_t id : {3, 1, 2}) {
    fixture.transport.With(id, Echo);
    caller.ReadUntil(caller.results.size() + 1);
  }
  EXPECT_EQ(caller.order, (std::vector<std::uint64_t>{3, 1, 2}));
}

// C-051, first half.
TEST(MultiplexCall, FinishesWhatIsInFlightAfterHalfClose) {
  FrontFixture fixture(LeaveOpen);
  Caller caller(fixture);
  caller.SendCalls(1, 2);
  caller.HalfClose();
  fixture.transport.AwaitStarted(2);
  fixture.transport.With(1, Echo);
  fixture.transport.With(2, Echo);
  EXPECT_TRUE(caller.ReadToEnd().ok());
  EXPECT_EQ(caller.results.size(), 2u);
  EXPECT_EQ(fixture.observer.ended(),
            (std::vector<std::string>{"spillway.v1.Egress/Multiplex OK"}));
}

TEST(MultiplexCall, EndsWellWithoutACall) {
  FrontFixture fixture(Echo);
  Caller caller(fixture);
  caller.HalfClose();
  EXPECT_TRUE(caller.ReadToEnd().ok());
}

// C-051, second half.
TEST(MultiplexCall, CancelsEveryCallOnceWhenTheStreamIsReset) {
  FrontFixture fixture(LeaveOpen);
  Caller caller(fixture);
  caller.SendCalls(1, 100);
  fixture.transport.AwaitStarted(100);
  caller.SendCancel(7);
  caller.ReadUntil(1);
  caller.CancelRpc();
  EXPECT_EQ(caller.ReadToEnd().error_code(), grpc::StatusCode::CANCELLED);
  fixture.transport.AwaitNoneOpen();
  EXPECT_EQ(fixture.transport.cancels(), 100u);
  EXPECT_EQ(fixture.SettledLedger().cancelled, 100u);
}

void Fail(FakeTransport::Exchange& exchange) {
  exchange.record().attempts = 2;
  exchange.Fail({.reason = Reason::kConnectionTerminated,
                 .source = Source::kOrigin,
                 .phase = Phase::kFirstByte,
                 .delivery = Delivery::kUnknown,
                 .message = "closed early",
                 .field = {},
                 .response_status = 0});
}

// C-049: what is wrong with one call is that call's own.
TEST(MultiplexCall, GivesABadCallItsOwnErrorAndServesTheOthers) {
  FrontFixture fixture([](FakeTransport::Exchange& exchange) {
    exchange.body() == "fail" ? Fail(exchange) : Echo(exchange);
  });
  Caller caller(fixture);
  v1::MultiplexRequest message;
  AddCall(message, 1);
  AddCall(message, 2, "", "");  // as the transport refuses it
  AddCall(message, 3);
  message.mutable_calls(2)->mutable_request()->mutable_options()->mutable_timeout()->set_seconds(
      -1);
  AddCall(message, 4, "fail");
  message.add_calls()->set_id(5);  // no request at all
  AddCall(message, UINT64_MAX);
  caller.Send(message);
  caller.HalfClose();
  EXPECT_TRUE(caller.ReadToEnd().ok());
  ASSERT_EQ(caller.results.size(), 6u);
  EXPECT_EQ(caller.results[1].response().status(), 200u);
  EXPECT_EQ(caller.results[UINT64_MAX].response().status(), 200u);
  EXPECT_EQ(CodeOf(caller.results[2]), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ErrorOf(caller.results[2]).field(), "url");
  EXPECT_EQ(CodeOf(caller.results[3]), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ErrorOf(caller.results[3]).field(), "options.timeout");
  EXPECT_EQ(CodeOf(caller.results[4]), grpc::StatusCode::ABORTED);
  EXPECT_EQ(ErrorOf(caller.results[5]).field(), "url");
}

TEST(MultiplexCall, TellsAFailureAsRoundTripDoes) {
  FrontFixture fixture(Fail);
  v1::HttpResponse response;
  const grpc::Status alone = fixture.RoundTrip(Get(), response);
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(alone.error_details()));
  Caller caller(fixture);
  v1::MultiplexRequest message;
  AddCall(message, 9);
  caller.Send(message);
  caller.ReadUntil(1);
  EXPECT_EQ(caller.results[9].error().SerializeAsString(), details.SerializeAsString());
}

struct BadId {
  const char* name;
  std::vector<std::uint64_t> ids;
  const char* field;
};

// C-049: ids.
TEST(MultiplexCall, EndsTheStreamForAnIdThatCannotBe) {
  const BadId rows[] = {
      {"zero", {0}, "calls[0].id"},
      {"zero behind a good one", {5, 0}, "calls[1].id"},
      {"twice in a message", {1, 2, 3, 1}, "calls[3].id"},
      {"in flight from an earlier message", {77}, "calls[0].id"},
  };
  for (const BadId& row : rows) {
    SCOPED_TRACE(row.name);
    FrontFixture fixture(LeaveOpen);
    Caller caller(fixture);
    caller.SendCalls(77, 77);
    fixture.transport.AwaitStarted(1);
    v1::MultiplexRequest message;
    for (const std::uint64_t id : row.ids) AddCall(message, id);
    caller.Send(message);
    const grpc::Status status = caller.ReadToEnd();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(ErrorIn(status).field(), row.field);
    // What was in flight has its result all the same.
    EXPECT_EQ(caller.results.size(), row.ids.size());
    for (const auto& [id, result] : caller.results) {
      EXPECT_EQ(CodeOf(result), grpc::StatusCode::CANCELLED) << id;
    }
    EXPECT_EQ(fixture.transport.cancels(), row.ids.size());
  }
}

TEST(MultiplexCall, TakesAnIdAgainOnceItHasItsResult) {
  FrontFixture fixture(Echo);
  Caller caller(fixture);
  for (int i = 0; i < 3; ++i) {
    caller.SendCalls(4, 4);
    caller.ReadUntil(1);
    caller.results.clear();
  }
  caller.HalfClose();
  EXPECT_TRUE(caller.ReadToEnd().ok());
}

TEST(MultiplexCall, CancelsOneCallAndIgnoresUnknownIds) {
  FrontFixture fixture(LeaveOpen);
  Caller caller(fixture);
  caller.SendCalls(1, 2);
  fixture.transport.AwaitStarted(2);
  caller.SendCancel(99);
  caller.SendCancel(0);
  caller.SendCancel(2);
  caller.SendCancel(2);
  caller.ReadUntil(1);
  EXPECT_EQ(CodeOf(caller.results[2]), grpc::StatusCode::CANCELLED);
  EXPECT_EQ(ErrorOf(caller.results[2]).reason(), v1::REASON_CANCELLED);
  fixture.transport.With(1, Echo);
  caller.HalfClose();
  EXPECT_TRUE(caller.ReadToEnd().ok());
  EXPECT_EQ(caller.results[1].response().status(), 200u);
  EXPECT_EQ(fixture.transport.cancels(), 1u);
}

TEST(MultiplexCall, CancelsWhatTheSameMessageStarts) {
  FrontFixture fixture(LeaveOpen);
  Caller caller(fixture);
  v1::MultiplexRequest message;
  AddCall(message, 1);
  AddCall(message, 2);
  message.add_cancels(1);
  caller.Send(message);
  caller.ReadUntil(1);
  EXPECT_EQ(CodeOf(caller.results[1]), grpc::StatusCode::CANCELLED);
  fixture.transport.With(2, Echo);
  caller.ReadUntil(2);
}

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

TEST(MultiplexCall, EndsEveryCallALittleBeforeTheDeadlineOfTheStream) {
  FrontFixture fixture(LeaveOpen);
  Caller caller(fixture, milliseconds(400));
  caller.SendCalls(1, 3);
  caller.HalfClose();
  EXPECT_TRUE(caller.ReadToEnd().ok());
  for (const std::uint64_t id : {1, 2, 3}) {
    EXPECT_EQ(CodeOf(caller.results[id]), grpc::StatusCode::DEADLINE_EXCEEDED);
  }
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
  constexpr std::size_t kBytes = 256UL * 1024;
  FrontFixture fixture([](FakeTransport::Exchange& exchange) {
    exchange.Head(200, {}, BodyKind::kLength, kBytes);
    exchange.Data(Chunk::Own(std::string(kBytes, 'x')));
    exchange.End();
  });
  Caller caller(fixture);
  const auto read_in_time = [&fixture](std::uint64_t calls) {
    const Instant until = After(fixture.transport.Now(), milliseconds(500));
    while (fixture.admission.ledger().admitted < calls) {
      if (fixture.transport.Now() > until) return false;
      std::this_thread::yield();
    }
    return true;
  };
  std::uint64_t calls = 0;
  do {
    fixture.transport.AwaitNoneOpen();  // what was read is a result by now
    ++calls;
    caller.SendCalls(calls, calls);
  } while (read_in_time(calls) && calls < 400);
  EXPECT_GE(calls * kBytes, 4UL * 1024 * 1024);
  // What gRPC takes besides is its flow control window.
  EXPECT_LT(calls * kBytes, 32UL * 1024 * 1024);
  caller.HalfClose();
  EXPECT_TRUE(caller.ReadToEnd().ok());
  EXPECT_EQ(caller.results.size(), calls);
}

TEST(MultiplexCall, LooksAtAMessageNoFurtherThanResultsAreRead) {
  // Refusals count as well: each is a result of some hundred bytes.
  constexpr std::uint64_t kCalls = 200'000;
  FrontFixture fixture(LeaveOpen);
  Caller caller(fixture);
  v1::MultiplexRequest message;
  for (std::uint64_t id = 1; id <= kCalls; ++id) message.add_calls()->set_id(id);
  caller.Send(message);
  caller.HalfClose();
  EXPECT_TRUE(caller.ReadToEnd().ok());
  EXPECT_EQ(caller.results.size(), kCalls);
  EXPECT_EQ(fixture.SettledLedger().admitted, kCalls);
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
