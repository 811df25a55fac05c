// Exchanges over HTTP/1.1 of which one side has stopped while the other goes on: seen from both
// ends.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "tests/harness/push_body.h"
#include "tests/origin/origin.h"
#include "tests/transport/facade/blocking_call.h"

namespace spillway {
namespace {

OriginOptions NarrowOrigin(std::string_view script) {
  OriginOptions options;
  options.scripts = {MustParse(script)};
  options.receive_buffer = 4096;
  return options;
}

struct Upload {
  std::unique_ptr<Transport> transport;
  std::shared_ptr<PushBody> body = std::make_shared<PushBody>();
  std::shared_ptr<WaitingSink> sink = std::make_shared<WaitingSink>();
  std::shared_ptr<RoundTripHandle> handle;

  Upload(Request request, Destination destination) {
    TransportOptions options;
    options.policy = PolicyOf(std::move(destination));
    transport = MakeTransport(std::move(options));
    request.streamed = true;
    request.body = body;
    handle = transport->Start(std::move(request), sink);
  }
};

Request PostTo(const Origin& origin) {
  Request request = Get(origin.url("/up"));
  request.method = "POST";
  return request;
}

// 16 MiB to an origin that has 60 ms for each next byte.
Upload MoreThanItTakes(const Origin& origin) {
  Destination destination;
  destination.timeouts.write_stall = milliseconds(60);
  Upload upload(PostTo(origin), std::move(destination));
  for (int i = 0; i < 256; ++i) upload.body->Push(std::string(64 * 1024, 'x'));
  return upload;
}

// O-100: an origin that answers but takes nothing holds the upload no longer than write_stall, for
// as long as its answer may go on.
TEST(SlowSides, AnEarlyAnswerDoesNotExcuseAnOriginThatStoppedReading) {
  Origin origin(NarrowOrigin(R"(
    expect_head
    send "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"
    drip "x" every 2ms forever
  )"));
  const Upload upload = MoreThanItTakes(origin);
  const RoundTripRecord& record = upload.sink->Wait();
  EXPECT_EQ(upload.sink->head.status, 200U);
  ASSERT_TRUE(record.failure.has_value());
  EXPECT_EQ(record.failure->reason, Reason::kConnectionWriteTimeout);
  EXPECT_EQ(record.failure->source, Source::kOrigin);
  EXPECT_EQ(record.failure->delivery, Delivery::kAnswered);
}

// O-100, W2: one that refuses may stop reading; its answer is wanted nevertheless.
TEST(SlowSides, ARefusalIsReadToItsEndThoughTheOriginStoppedReading) {
  Origin origin(NarrowOrigin(R"(
    expect_head
    send "HTTP/1.1 413 Too Large\r\nContent-Length: 100\r\n\r\n"
    drip "x"*100 every 3ms
    stall
  )"));
  const Upload upload = MoreThanItTakes(origin);
  const RoundTripRecord& record = upload.sink->Wait();
  EXPECT_EQ(upload.sink->head.status, 413U);
  EXPECT_FALSE(record.failure.has_value()) << record.failure->message;
}

// C-044: nor does it excuse a caller that neither sends the rest nor has anything to take.
TEST(SlowSides, AnEarlyAnswerDoesNotExcuseACallerThatStoppedSending) {
  Origin origin(R"(
    expect_head
    send "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    stall
  )");
  Destination destination;
  destination.timeouts.caller_stall = milliseconds(60);
  Upload upload(PostTo(origin), std::move(destination));
  const RoundTripRecord& record = upload.sink->Wait();
  EXPECT_EQ(upload.sink->head.status, 200U);
  ASSERT_TRUE(record.failure.has_value());
  EXPECT_EQ(record.failure->reason, Reason::kDeadlineExceeded);
  EXPECT_EQ(record.failure->source, Source::kCaller);
}

// U1: what the caller sent last arrives, though the tunnel is over for us as soon as the kernel has
// it.
TEST(SlowSides, ATunnelsLastBytesReachAnOriginThatReadsLate) {
  constexpr std::size_t kBytes = 48 * 1024;
  Origin origin(NarrowOrigin(R"(
    expect_head
    send "HTTP/1.1 101 Switching\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n"
    half_close
    wait_for ended
    expect_bytes 49152
    signal all
  )"));
  Request request = Get(origin.url("/ws"));
  request.headers = {{"Connection", "upgrade"}, {"Upgrade", "echo"}};
  Upload upload(std::move(request), Destination());
  upload.sink->WaitForOriginClosed();
  upload.body->Push(std::string(kBytes, 'x'));
  upload.body->End();
  EXPECT_FALSE(upload.sink->Wait().failure.has_value());
  origin.board().Signal("ended");
  EXPECT_TRUE(origin.board().Await("all")) << origin.seen()[0].bytes << " bytes came";
}

}  // namespace
}  // namespace spillway
