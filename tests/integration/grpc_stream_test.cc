// gRPC inside Stream: a caller that has HTTP/2 frames of its own in nothing, only bytes, talks both
// ways with a real gRPC server through the daemon (W5, Q1, F8).

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/harness/await.h"
#include "tests/integration/configured_daemon.h"
#include "tests/integration/grpc_echo.h"
#include "tests/server/stream_client.h"

namespace spillway {
namespace {

constexpr const char* kHttp2 = "defaults: {protocol: h2c}\n";

v1::HttpRequest RpcHead(const std::string& url) {
  v1::HttpRequest head;
  head.set_method("POST");
  head.set_url(url);
  for (const auto& [name, value] :
       {std::pair("Content-Type", "application/grpc"), std::pair("TE", "trailers")}) {
    v1::Header& header = *head.add_headers();
    header.set_name(name);
    header.set_value(value);
  }
  return head;
}

// Reads until the body of `answer` has `size` bytes; false when the stream ended before.
bool AwaitBody(StreamClient& client, StreamClient::Answer& answer, std::size_t size) {
  while (answer.body.size() < size) {
    const std::optional<v1::StreamResponse> frame = client.Read();
    if (!frame) return false;
    StreamClient::Add(answer, *frame);
  }
  return true;
}

// What is left of the answer.
void ReadRest(StreamClient& client, StreamClient::Answer& answer) {
  while (const std::optional<v1::StreamResponse> frame = client.Read()) {
    StreamClient::Add(answer, *frame);
  }
  answer.status = client.Finish();
}

std::string TrailerOf(const StreamClient::Answer& answer, const std::string& name) {
  if (answer.trailers.size() != 1) return "no single trailers frame";
  for (const v1::Header& header : answer.trailers[0].headers()) {
    if (header.name() == name) return header.value();
  }
  return "none";
}

class GrpcStream : public testing::Test {
 protected:
  GrpcStream() : daemon_(testing::TempDir(), kHttp2) {}
  void SetUp() override { ASSERT_TRUE(daemon_.ready()) << daemon_.log(); }

  GrpcServer server_;
  ConfiguredDaemon daemon_;
};

TEST_F(GrpcStream, EchoesEachMessageBeforeTheNext) {
  StreamClient client(daemon_.stub());
  ASSERT_TRUE(client.Head(RpcHead(server_.url("/test/Echo"))));
  StreamClient::Answer answer;
  std::string sent;
  for (std::size_t i = 0; i < 200; ++i) {
    const std::string message = Message(std::string(i * 7, static_cast<char>('a' + i % 26)));
    sent += message;
    ASSERT_TRUE(client.Data(message)) << i;
    ASSERT_TRUE(AwaitBody(client, answer, sent.size())) << i;
  }
  EXPECT_TRUE(answer.trailers.empty());
  client.HalfClose();
  ReadRest(client, answer);
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  ASSERT_TRUE(answer.head);
  EXPECT_EQ(answer.head->status(), 200U);
  EXPECT_EQ(answer.head->protocol(), "HTTP/2");
  EXPECT_EQ(answer.body, sent);
  EXPECT_EQ(TrailerOf(answer, "grpc-status"), "0");
  EXPECT_EQ(TrailerOf(answer, "x-count"), "200");
}

TEST_F(GrpcStream, CarriesManyCallsSideBySideOverFewConnections) {
  std::vector<std::unique_ptr<StreamClient>> clients;
  const std::string message = Message(std::string(50'000, 'x'));
  for (int i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<StreamClient>(daemon_.stub()));
    ASSERT_TRUE(clients.back()->Head(RpcHead(server_.url("/test/Echo"))));
  }
  std::vector<StreamClient::Answer> answers(clients.size());
  for (std::size_t round = 1; round <= 10; ++round) {
    for (const auto& client : clients) ASSERT_TRUE(client->Data(message));
    for (std::size_t i = 0; i < clients.size(); ++i) {
      ASSERT_TRUE(AwaitBody(*clients[i], answers[i], round * message.size())) << i;
    }
  }
  for (std::size_t i = 0; i < clients.size(); ++i) {
    clients[i]->HalfClose();
    ReadRest(*clients[i], answers[i]);
    ASSERT_TRUE(answers[i].status.ok()) << answers[i].status.error_message();
    EXPECT_EQ(TrailerOf(answers[i], "grpc-status"), "0");
  }
}

// W3: the server's own status, while the caller still talks.
TEST_F(GrpcStream, EndsWithTheServersStatusWhileTheCallerStillTalks) {
  StreamClient client(daemon_.stub());
  ASSERT_TRUE(client.Head(RpcHead(server_.url("/test/First"))));
  StreamClient::Answer answer;
  ASSERT_TRUE(client.Data(Message("one")));
  ASSERT_TRUE(AwaitBody(client, answer, Message("one").size()));
  client.Data(Message("two"));
  ReadRest(client, answer);
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.body, Message("one"));
  EXPECT_EQ(TrailerOf(answer, "grpc-status"), "8");
  EXPECT_EQ(TrailerOf(answer, "grpc-message"), "enough");
}

// A response without body whose only head says how the call ended.
TEST_F(GrpcStream, GetsTheEmptyAnswerOfACallWithoutMessages) {
  StreamClient client(daemon_.stub());
  ASSERT_TRUE(client.Head(RpcHead(server_.url("/test/Echo"))));
  client.HalfClose();
  const StreamClient::Answer answer = client.ReadAll();
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_TRUE(answer.body.empty());
  EXPECT_EQ(TrailerOf(answer, "grpc-status"), "0");
}

// C-037: a cancelled Stream is a cancelled call at the server, and no other one's.
TEST_F(GrpcStream, CancelsOneCallAndNoOther) {
  StreamClient kept(daemon_.stub());
  StreamClient::Answer answer;
  ASSERT_TRUE(kept.Head(RpcHead(server_.url("/test/Echo"))) && kept.Data(Message("a")));
  ASSERT_TRUE(AwaitBody(kept, answer, 6));
  {
    StreamClient gone(daemon_.stub());
    StreamClient::Answer begun;
    ASSERT_TRUE(gone.Head(RpcHead(server_.url("/test/Echo"))) && gone.Data(Message("b")));
    ASSERT_TRUE(AwaitBody(gone, begun, 6));
    gone.Cancel();
    EXPECT_EQ(gone.Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  EXPECT_TRUE(AwaitThat([&] { return server_.echo().cancelled == 1; }));
  ASSERT_TRUE(kept.Data(Message("c")));
  kept.HalfClose();
  ReadRest(kept, answer);
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.body, Message("a") + Message("c"));
}

}  // namespace
}  // namespace spillway
