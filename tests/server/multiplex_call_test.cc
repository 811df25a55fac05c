#include "server/multiplex_call.h"

#include <gtest/gtest.h>

#include "tests/server/multiplex_caller.h"

namespace spillway {
namespace {

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

}  // namespace
}  // namespace spillway
