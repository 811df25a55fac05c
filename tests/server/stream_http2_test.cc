// Stream over HTTP/2: one connection, many streams, none of which may hurt another.

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "tests/origin/origin.h"
#include "tests/server/origin_front.h"
#include "tests/server/stream_client.h"

namespace spillway {
namespace {

Destination ClearTextHttp2() {
  Destination destination;
  destination.protocol = Protocol::kH2c;
  return destination;
}

v1::HttpRequest To(const std::string& url, const std::string& method = "POST") {
  v1::HttpRequest head;
  head.set_method(method);
  head.set_url(url);
  return head;
}

// What one stream's window and buffers hold: the origin serves one after the other.
constexpr std::size_t kLarge = 400 * 1024;

// "/large" gives kLarge bytes, everything else what was sent.
OriginOptions Http2Origin() {
  OriginOptions options;
  options.http2 = true;
  options.handler = [](const SeenRequest& request, std::uint64_t) {
    Step send{StepKind::kSend};
    send.text = Answer(200, request.target == "/large" ? std::string(kLarge, 'x') : request.body);
    return Script{send};
  };
  return options;
}

TEST(StreamHttp2, UploadsWithAndWithoutALength) {
  Origin origin(Http2Origin());
  OriginFront front(ClearTextHttp2());
  for (const bool known : {true, false}) {
    StreamClient client(*front.stub);
    v1::HttpRequest head = To(origin.url("/"));
    if (known) head.set_content_length(11);
    client.Head(head);
    client.Data("hello");
    client.Data(" world");
    client.HalfClose();
    const StreamClient::Answer answer = client.ReadAll();
    ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
    EXPECT_EQ(answer.head->protocol(), "HTTP/2");
    EXPECT_EQ(answer.body, "hello world");
    EXPECT_EQ(answer.order, "hdt");
    const SeenRequest seen = origin.seen()[0].requests.back();
    EXPECT_EQ(seen.Find("content-length").value_or(""), known ? "11" : "");
    EXPECT_TRUE(seen.body_complete);
  }
  EXPECT_EQ(origin.log().connection_count(), 1u);
}

TEST(StreamHttp2, LeavesSiblingsAloneWhenOneReaderDoesNotRead) {
  Origin origin(Http2Origin());
  OriginFront front(ClearTextHttp2());
  StreamClient slow(*front.stub);
  slow.Get(origin.url("/large"));
  ASSERT_TRUE(slow.Read()->has_head());
  for (int i = 0; i < 20; ++i) {
    StreamClient fast(*front.stub);
    v1::HttpRequest head = To(origin.url("/" + std::to_string(i)));
    head.set_content_length(5);
    head.set_body("quick");
    fast.Head(head);
    fast.HalfClose();
    const StreamClient::Answer answer = fast.ReadAll();
    ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
    EXPECT_EQ(answer.body, "quick");
    EXPECT_TRUE(answer.head->exchange().reused());
  }
  StreamClient large(*front.stub);
  large.Get(origin.url("/large"));
  EXPECT_EQ(large.ReadAll().body.size(), kLarge);
  EXPECT_EQ(slow.ReadAll().body.size(), kLarge);
  EXPECT_EQ(origin.log().connection_count(), 1u);
}

TEST(StreamHttp2, ResetsTheStreamAndKeepsTheConnectionWhenACallerGoesAway_C019) {
  Origin origin(Http2Origin());
  OriginFront front(ClearTextHttp2());
  for (const bool known : {true, false}) {
    StreamClient client(*front.stub);
    v1::HttpRequest head = To(origin.url("/"));
    if (known) head.set_content_length(10);
    client.Head(head);
    client.Data("hello");
    ASSERT_TRUE(origin.log().Await([&](const auto& seen) {
      return !seen.empty() && seen[0].requests.size() == (known ? 1u : 2u);
    }));
    client.Cancel();
    EXPECT_EQ(client.Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  ASSERT_TRUE(
      origin.log().Await([](const auto& seen) { return seen[0].http2.resets.size() == 2; }));
  StreamClient after(*front.stub);
  after.Head(To(origin.url("/"), "GET"));
  after.HalfClose();
  EXPECT_TRUE(after.ReadAll().status.ok());
  const SeenConnection seen = origin.seen()[0];
  EXPECT_FALSE(seen.requests[0].body_complete);
  EXPECT_FALSE(seen.requests[1].body_complete);
  EXPECT_EQ(origin.log().connection_count(), 1u);
  EXPECT_EQ(front.SettledLedger().cancelled, 2u);
}

// C-045: many at once from one channel; each is itself to the end.
TEST(StreamHttp2, CarriesManyStreamsAtOnce_C045) {
  Origin origin(Http2Origin());
  OriginFront front(ClearTextHttp2());
  constexpr int kStreams = 300;
  std::vector<std::unique_ptr<StreamClient>> clients;
  for (int i = 0; i < kStreams; ++i) {
    clients.push_back(std::make_unique<StreamClient>(*front.stub));
    clients.back()->Head(To(origin.url("/")));
    clients.back()->Data("a" + std::to_string(i));
  }
  for (int i = 0; i < kStreams; ++i) {
    clients[static_cast<std::size_t>(i)]->Data("b" + std::to_string(i));
    clients[static_cast<std::size_t>(i)]->HalfClose();
  }
  for (int i = 0; i < kStreams; ++i) {
    const StreamClient::Answer answer = clients[static_cast<std::size_t>(i)]->ReadAll();
    ASSERT_TRUE(answer.status.ok()) << i << ": " << answer.status.error_message();
    EXPECT_EQ(answer.body, "a" + std::to_string(i) + "b" + std::to_string(i));
  }
  front.SettledLedger();
  EXPECT_EQ(front.admission.bytes(), 0u);
}

}  // namespace
}  // namespace spillway
