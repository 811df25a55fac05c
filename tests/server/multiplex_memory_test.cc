// What calls of Multiplex hold in memory, and what of it counts.

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "server/body_share.h"
#include "server/multiplex_call.h"
#include "tests/server/multiplex_caller.h"

namespace spillway {
namespace {

// The owner of the one piece that the body of an open exchange is in.
std::shared_ptr<const void> OwnerOf(FakeTransport& transport, std::uint64_t id) {
  std::promise<std::shared_ptr<const void>> owner;
  transport.With(id, [&owner](FakeTransport::Exchange& exchange) {
    owner.set_value(exchange.request().body->buffered()->chunks().at(0).owner);
  });
  return owner.get_future().get();
}

void AwaitBytesBelow(const FrontFixture& fixture, std::uint64_t bytes) {
  while (fixture.admission.bytes() >= bytes) std::this_thread::yield();
}

TEST(MultiplexMemory, KeepsNoMessageForTheSakeOfAShortBody) {
  constexpr std::size_t kLarge = 1024UL * 1024;
  constexpr std::size_t kShort = 5'000;
  FrontFixture fixture([](FakeTransport::Exchange& exchange) {
    if (exchange.body().size() == kLarge) Echo(exchange);
  });
  Caller caller(fixture);
  v1::MultiplexRequest message;
  AddCall(message, 1, std::string(kShort, 'a'));
  AddCall(message, 2, std::string(kLarge, 'b'));
  AddCall(message, 3, std::string(kShort, 'c'));
  caller.Send(message);
  caller.ReadUntil(1);
  fixture.transport.AwaitStarted(3);
  AwaitBytesBelow(fixture, kLarge);
  EXPECT_GE(fixture.admission.bytes(), 2 * (kShort + kKeptOverheadBytes));
  EXPECT_LT(fixture.admission.bytes(), 3 * kShort);
  EXPECT_NE(OwnerOf(fixture.transport, 1), OwnerOf(fixture.transport, 3));
  for (const std::uint64_t id : {1, 3}) fixture.transport.With(id, Echo);
  caller.HalfClose();
  EXPECT_TRUE(caller.ReadToEnd().ok());
  EXPECT_EQ(caller.results[1].response().body(), std::string(kShort, 'a'));
  EXPECT_EQ(caller.results[3].response().body(), std::string(kShort, 'c'));
}

TEST(MultiplexMemory, WeighsALargeBodyAsTheMessageThatItShares) {
  constexpr std::size_t kLarge = 1024UL * 1024;
  constexpr std::size_t kShort = 100UL * 1024;
  FrontFixture fixture([](FakeTransport::Exchange& exchange) {
    if (exchange.body().size() == kShort) Echo(exchange);
  });
  Caller caller(fixture);
  v1::MultiplexRequest message;
  AddCall(message, 1, std::string(kLarge, 'a'));
  AddCall(message, 2, std::string(kShort, 'b'));
  caller.Send(message);
  caller.ReadUntil(1);
  // Once neither the message itself nor the short one counts.
  AwaitBytesBelow(fixture, kLarge + 2 * kShort);
  EXPECT_GE(fixture.admission.bytes(), kLarge + kShort);
  fixture.transport.With(1, Echo);
  caller.HalfClose();
  EXPECT_TRUE(caller.ReadToEnd().ok());
  EXPECT_EQ(caller.results[1].response().body(), std::string(kLarge, 'a'));
  fixture.SettledLedger();
  EXPECT_EQ(fixture.admission.bytes(), 0u);
}

TEST(MultiplexMemory, RefusesTheCallsOfAMessageThatThereIsNoRoomFor) {
  FrontFixture fixture(Echo, {.max_calls = 1'000, .max_bytes = 200'000});
  Caller caller(fixture);
  v1::MultiplexRequest message;
  for (std::uint64_t id = 1; id <= 100; ++id) AddCall(message, id, std::string(3'000, 'x'));
  caller.Send(message);
  caller.ReadUntil(100);
  for (const auto& [id, result] : caller.results) {
    EXPECT_EQ(CodeOf(result), grpc::StatusCode::RESOURCE_EXHAUSTED);
    EXPECT_EQ(ErrorOf(result).delivery(), v1::DELIVERY_NOT_SENT);
  }
  EXPECT_EQ(fixture.admission.ledger().refused, 100u);
  caller.SendCalls(101, 110);
  caller.HalfClose();
  EXPECT_TRUE(caller.ReadToEnd().ok());
  EXPECT_EQ(fixture.SettledLedger().ok, 10u);
  EXPECT_EQ(fixture.admission.bytes(), 0u);
}

TEST(MultiplexMemory, CountsALargeCallOnceAsRoundTripDoes) {
  constexpr std::size_t kLarge = 1024UL * 1024;
  FrontFixture fixture(
      [](FakeTransport::Exchange& exchange) {
        exchange.Head(204, {});
        exchange.End();
      },
      {.max_bytes = kLarge + 4'096});
  v1::HttpRequest request = Get();
  request.set_body(std::string(kLarge, 'a'));
  v1::HttpResponse response;
  EXPECT_TRUE(fixture.RoundTrip(request, response).ok());
  Caller caller(fixture);
  v1::MultiplexRequest message;
  AddCall(message, 1, request.body());
  caller.Send(message);
  caller.HalfClose();
  EXPECT_TRUE(caller.ReadToEnd().ok());
  EXPECT_EQ(CodeOf(caller.results[1]), grpc::StatusCode::OK) << caller.results[1].error().message();
  fixture.SettledLedger();
  EXPECT_EQ(fixture.admission.bytes(), 0u);
}

TEST(MultiplexMemory, GivesBackWhatALargeCallThatIsRefusedWouldHaveTakenOver) {
  FrontFixture fixture(LeaveOpen, {.max_calls = 1});
  Caller caller(fixture);
  caller.SendCalls(1, 1);
  fixture.transport.AwaitStarted(1);
  v1::MultiplexRequest message;
  AddCall(message, 2, std::string(1024UL * 1024, 'a'));
  caller.Send(message);
  caller.ReadUntil(1);
  EXPECT_EQ(CodeOf(caller.results[2]), grpc::StatusCode::RESOURCE_EXHAUSTED);
  fixture.transport.With(1, Echo);
  caller.HalfClose();
  EXPECT_TRUE(caller.ReadToEnd().ok());
  fixture.SettledLedger();
  EXPECT_EQ(fixture.admission.bytes(), 0u);
}

// Calls so short that refusing them fills what may wait to be read long before the last.
void AddRefused(v1::MultiplexRequest& message) {
  constexpr std::uint64_t kCalls = 100'000;
  for (std::uint64_t i = 1; i <= kCalls; ++i) message.add_calls()->set_id(1'000'000 + i);
}

TEST(MultiplexMemory, KeepsNoMessageThatDoesNotCountForACallerThatDoesNotRead) {
  FrontFixture fixture(LeaveOpen, {.max_bytes = 100'000});
  Caller caller(fixture);
  caller.SendCalls(1, 1);
  fixture.transport.AwaitStarted(1);
  v1::MultiplexRequest message;
  AddRefused(message);
  ASSERT_GT(message.ByteSizeLong(), 100'000u);
  caller.Send(message);
  fixture.transport.AwaitNoneOpen();  // cancelled, though nothing of the results was read
  const grpc::Status status = caller.ReadToEnd();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ErrorIn(status).reason(), v1::REASON_POOL_QUEUE_FULL);
  EXPECT_EQ(CodeOf(caller.results[1]), grpc::StatusCode::CANCELLED);
  EXPECT_GE(caller.results.size(), 3'072u);
  EXPECT_LT(caller.results.size(), static_cast<std::size_t>(message.calls_size()));
  fixture.SettledLedger();
  EXPECT_EQ(fixture.admission.bytes(), 0u);
}

// A large call has taken its count over, and may end before the rest of the message is looked at.
TEST(MultiplexMemory, CountsAMessageByItselfThatIsKeptForACallerThatDoesNotRead) {
  FrontFixture fixture(LeaveOpen);
  Caller caller(fixture);
  v1::MultiplexRequest message;
  AddCall(message, 1, std::string(8UL * 1024 * 1024, 'a'));
  AddRefused(message);
  const std::uint64_t size = message.ByteSizeLong();
  caller.Send(message);
  while (fixture.admission.bytes() < 2 * size) std::this_thread::yield();
  fixture.transport.With(1, [](FakeTransport::Exchange& exchange) {
    exchange.Head(204, {});
    exchange.End();
  });
  caller.CancelRpc();
  EXPECT_EQ(caller.ReadToEnd().error_code(), grpc::StatusCode::CANCELLED);
  AwaitBytesBelow(fixture, 1);  // the daemon hears of it after its caller
}

}  // namespace
}  // namespace spillway
