// gRPC as opaque bodies over HTTP/2: a streamed request and a streamed response at the same time,
// to and from a real gRPC server.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/harness/await.h"
#include "tests/harness/push_body.h"
#include "tests/harness/test_client.h"
#include "tests/integration/grpc_echo.h"

namespace spillway {
namespace {

TestClient::Options Http2Client() {
  TestClient::Options options;
  options.limits.loops = 1;
  options.destination.protocol = Protocol::kH2c;
  return options;
}

struct Rpc {
  std::shared_ptr<PushBody> body;
  Call call;
};

Rpc Begin(TestClient& client, const std::string& url, CollectingSink::Options sink = {}) {
  Rpc rpc;
  rpc.body = std::make_shared<PushBody>();
  Request request;
  request.method = "POST";
  request.url = url;
  request.streamed = true;
  request.headers = {{"Content-Type", "application/grpc"}, {"TE", "trailers"}};
  request.body = rpc.body;
  rpc.call = client.Start(std::move(request), sink);
  return rpc;
}

std::string TrailerOf(const Story& story, std::string_view name) {
  if (!story.trailers) return "none";
  return std::string(story.trailers->Find(name).value_or("none"));
}

// W5
TEST(GrpcBidi, EchoesEachMessageBeforeTheNext) {
  GrpcServer server;
  TestClient client(Http2Client());
  Rpc rpc = Begin(client, server.url("/test/Echo"));
  std::string sent;
  for (std::size_t i = 0; i < 200; ++i) {
    const std::string message = Message(std::string(i * 7, static_cast<char>('a' + i % 26)));
    sent += message;
    rpc.body->Push(message);
    ASSERT_TRUE(rpc.call.sink->AwaitBody(sent.size())) << i;
  }
  EXPECT_FALSE(rpc.call.sink->ended());
  rpc.body->End();
  const Story story = rpc.call.Finish();
  ASSERT_TRUE(story.ok()) << story.Text();
  EXPECT_TRUE(story.violations.empty());
  EXPECT_EQ(story.body, sent);
  EXPECT_EQ(TrailerOf(story, "grpc-status"), "0");
  EXPECT_EQ(TrailerOf(story, "x-count"), "200");
}

TEST(GrpcBidi, CarriesManyLargeMessagesOfManyCallsOverFewConnections) {
  GrpcServer server;
  TestClient::Options options = Http2Client();
  options.destination.pool.max_connections = 2;
  TestClient client(std::move(options));
  const std::string message = Message(std::string(100'000, 'x'));
  std::vector<Rpc> rpcs;
  for (int i = 0; i < 20; ++i) rpcs.push_back(Begin(client, server.url("/test/Echo")));
  for (int round = 0; round < 10; ++round) {
    for (const Rpc& rpc : rpcs) rpc.body->Push(message);
  }
  for (const Rpc& rpc : rpcs) rpc.body->End();
  for (const Rpc& rpc : rpcs) {
    const Story story = rpc.call.Finish();
    ASSERT_TRUE(story.ok()) << story.Text();
    EXPECT_EQ(story.body_bytes, message.size() * 10);
    EXPECT_EQ(TrailerOf(story, "grpc-status"), "0");
  }
}

// W3: the server ends the call while the caller still talks.
TEST(GrpcBidi, EndsWithTheServersStatusWhileTheCallerStillTalks) {
  GrpcServer server;
  TestClient client(Http2Client());
  Rpc rpc = Begin(client, server.url("/test/First"));
  rpc.body->Push(Message("one"));
  ASSERT_TRUE(rpc.call.sink->AwaitBody(Message("one").size()));
  rpc.body->Push(Message("two"));
  const Story story = rpc.call.Finish();
  rpc.body->Forbid();
  rpc.body->Push(Message("three"));
  ASSERT_TRUE(story.ok()) << story.Text();
  EXPECT_EQ(story.body, Message("one"));
  EXPECT_EQ(TrailerOf(story, "grpc-status"), "8");
  const Rpc next = Begin(client, server.url("/test/Echo"));
  next.body->End();
  EXPECT_TRUE(next.call.Finish().ok());
}

// C-037: the server hears of a cancelled call at once, and of no other.
TEST(GrpcBidi, CancelsOneCallAndNoOther) {
  GrpcServer server;
  TestClient client(Http2Client());
  const Rpc kept = Begin(client, server.url("/test/Echo"));
  kept.body->Push(Message("a"));
  ASSERT_TRUE(kept.call.sink->AwaitBody(6));
  const Rpc gone = Begin(client, server.url("/test/Echo"));
  gone.body->Push(Message("b"));
  ASSERT_TRUE(gone.call.sink->AwaitBody(6));
  gone.call.handle->Cancel();
  const Story story = gone.call.Finish();
  EXPECT_EQ(story.reason(), Reason::kCancelled);
  EXPECT_TRUE(AwaitThat([&] { return server.echo().cancelled == 1; }));
  kept.body->Push(Message("c"));
  kept.body->End();
  const Story other = kept.call.Finish();
  ASSERT_TRUE(other.ok()) << other.Text();
  EXPECT_EQ(other.body, Message("a") + Message("c"));
  EXPECT_EQ(other.record.attempts, 1U);
}

// C-041, O-194: a receiver that stops holds up the server by way of windows, and nobody else.
TEST(GrpcBidi, HoldsUpOnlyTheCallWhoseReceiverStops) {
  GrpcServer server;
  TestClient client(Http2Client());
  const std::string message = Message(std::string(64 * 1024, 'x'));
  const Rpc slow = Begin(client, server.url("/test/Echo"), {.pause = true});
  for (int i = 0; i < 100; ++i) slow.body->Push(message);
  slow.body->End();
  ASSERT_TRUE(slow.call.sink->AwaitBody(1));
  for (int i = 0; i < 20; ++i) {
    const Rpc quick = Begin(client, server.url("/test/Echo"));
    for (int j = 0; j < 10; ++j) quick.body->Push(message);
    quick.body->End();
    ASSERT_TRUE(quick.call.Finish().ok());
  }
  EXPECT_FALSE(slow.call.sink->ended());
  EXPECT_LE(slow.call.sink->story().body_bytes, 64U * 1024);
  while (!slow.call.sink->ended()) slow.call.handle->Resume();
  const Story story = slow.call.Finish();
  ASSERT_TRUE(story.ok()) << story.Text();
  EXPECT_EQ(story.body_bytes, message.size() * 100);
}

}  // namespace
}  // namespace spillway
