// Connections that become something else over Stream, and bodies that wait to be asked for.

#include <gtest/gtest.h>

#include <string>

#include "tests/origin/origin.h"
#include "tests/server/origin_front.h"
#include "tests/server/stream_client.h"

namespace spillway {
namespace {

v1::HttpRequest To(const std::string& url, const std::string& method = "POST") {
  v1::HttpRequest head;
  head.set_method(method);
  head.set_url(url);
  return head;
}

void AddHeader(v1::HttpRequest& head, const std::string& name, const std::string& value) {
  v1::Header& header = *head.add_headers();
  header.set_name(name);
  header.set_value(value);
}

v1::HttpRequest Upgrade(const std::string& url) {
  v1::HttpRequest head = To(url, "GET");
  AddHeader(head, "Connection", "upgrade");
  AddHeader(head, "Upgrade", "echo");
  return head;
}

TEST(StreamTunnel, ConnectsHalfCloseAndEndOfAnUpgradedConnection_U1) {
  Origin origin(R"(
    expect_head
    send "HTTP/1.1 101 Switching\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nfirst"
    expect_bytes 4
    send "pong"
    expect_bytes 4
    expect_end
    send "the rest"
    fin
  )");
  OriginFront front;
  StreamClient client(*front.stub);
  client.Head(Upgrade(origin.url("/ws")));
  StreamClient::Answer answer;
  const auto read_until = [&](const std::string& body) {
    while (answer.body != body) {
      const auto frame = client.Read();
      ASSERT_TRUE(frame.has_value());
      StreamClient::Add(answer, *frame);
    }
  };
  read_until("first");
  EXPECT_EQ(answer.head->status(), 101u);
  client.Data("ping");
  read_until("firstpong");
  client.Data("last");
  client.HalfClose();
  while (const auto frame = client.Read()) StreamClient::Add(answer, *frame);
  EXPECT_EQ(answer.body, "firstpongthe rest");
  EXPECT_EQ(answer.order, "hdt");
  EXPECT_TRUE(client.Finish().ok());
}

TEST(StreamTunnel, TakesWhatTheCallerSendsAfterTheOriginHasClosed_U1) {
  Origin origin(R"(
    expect_head
    send "HTTP/1.1 101 Switching\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nbye"
    half_close
    expect_bytes 6
    signal got
    expect_end
  )");
  OriginFront front;
  StreamClient client(*front.stub);
  client.Head(Upgrade(origin.url("/ws")));
  StreamClient::Answer answer;
  while (answer.trailers.empty()) StreamClient::Add(answer, *client.Read());
  EXPECT_EQ(answer.body, "bye");
  EXPECT_TRUE(answer.trailers[0].has_exchange());
  client.Data("later!");
  ASSERT_TRUE(origin.board().Await("got"));
  client.HalfClose();
  EXPECT_EQ(client.Read(), std::nullopt);
  EXPECT_TRUE(client.Finish().ok());
  EXPECT_EQ(origin.seen()[0].stray, "later!");
}

TEST(StreamTunnel, OpensATunnelByConnectWherePolicyAllows_U5) {
  Destination destination;
  destination.stream.allow_connect = true;
  Origin origin(R"(
    expect_head
    send "HTTP/1.1 200 OK\r\n\r\n"
    expect_bytes 4
    send "pong"
    expect_end
    fin
  )");
  OriginFront front(destination);
  StreamClient client(*front.stub);
  v1::HttpRequest head = To(origin.url(), "CONNECT");
  head.set_request_target("db.internal:5432");
  client.Head(head);
  ASSERT_EQ(client.Read()->head().status(), 200u);
  client.Data("ping");
  EXPECT_EQ(client.Read()->data(), "pong");
  client.HalfClose();
  const StreamClient::Answer answer = client.ReadAll();
  EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.order, "t");
  EXPECT_EQ(origin.seen()[0].requests[0].target, "db.internal:5432");
}

TEST(StreamTunnel, RefusesConnectWherePolicyDoesNot_U5) {
  Origin origin{OriginOptions{}};
  OriginFront front;
  StreamClient client(*front.stub);
  v1::HttpRequest head = To(origin.url(), "CONNECT");
  head.set_request_target("db.internal:5432");
  client.Head(head);
  const StreamClient::Answer answer = client.ReadAll();
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_TRUE(origin.seen().empty());
}

TEST(StreamExpect, TellsTheOriginsGoAheadAndHoldsTheBodyUntilThen_E1) {
  Destination patient;
  patient.timeouts.expect_continue = kForever;
  Origin origin(R"(
    expect_head
    signal head
    wait_for go
    send "HTTP/1.1 100 Continue\r\n\r\n"
    expect_body all
    answer 200 "got it"
  )");
  OriginFront front(patient);
  StreamClient client(*front.stub);
  v1::HttpRequest head = To(origin.url("/"));
  AddHeader(head, "Expect", "100-continue");
  head.set_content_length(5);
  head.mutable_options()->set_informational(true);
  client.Head(head);
  client.Data("hello");
  client.HalfClose();
  ASSERT_TRUE(origin.board().Await("head"));
  EXPECT_EQ(origin.seen()[0].bytes, origin.seen()[0].requests[0].head.size());
  origin.board().Signal("go");
  const StreamClient::Answer answer = client.ReadAll();
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.order, "ihdt");
  EXPECT_EQ(answer.informational[0].status(), 100u);
  EXPECT_EQ(answer.body, "got it");
  EXPECT_EQ(origin.seen()[0].requests[0].body, "hello");
}

}  // namespace
}  // namespace spillway
