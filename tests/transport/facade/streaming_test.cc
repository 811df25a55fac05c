// Exchanges whose bodies come in pieces, and connections that become tunnels, over HTTP/1.1: seen
// from both ends.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "tests/harness/await.h"
#include "tests/harness/push_body.h"
#include "tests/origin/origin.h"
#include "tests/transport/facade/blocking_call.h"

namespace spillway {
namespace {

struct Call {
  std::shared_ptr<PushBody> body = std::make_shared<PushBody>();
  std::shared_ptr<WaitingSink> sink = std::make_shared<WaitingSink>();
  std::shared_ptr<RoundTripHandle> handle;
};

Call Send(Transport& transport, const std::string& url, HeaderList headers = {},
          std::optional<std::uint64_t> length = std::nullopt, std::string method = "POST") {
  Call call;
  call.body = std::make_shared<PushBody>(length);
  Request request = Get(url);
  request.method = std::move(method);
  request.headers = std::move(headers);
  request.streamed = true;
  request.body = call.body;
  call.handle = transport.Start(std::move(request), call.sink);
  return call;
}

Call Upgrade(Transport& transport, const std::string& url) {
  return Send(transport, url, {{"Connection", "upgrade"}, {"Upgrade", "echo"}}, std::nullopt,
              "GET");
}

std::string Story(const WaitingSink& sink) {
  const auto& failure = sink.record->failure;
  return failure ? std::string(Label(failure->reason)) + "/" + std::string(Label(failure->delivery))
                 : "ok";
}

TEST(Streaming, SendsPiecesAsChunksAndTrailersBehindThem_F8) {
  Origin origin(R"(
    expect_head
    expect_bytes 10
    signal half
    expect_bytes 32
    answer 200 "done"
  )");
  const auto transport = MakeTransport();
  Call call = Send(*transport, origin.url("/up"), {{"Trailer", "X-Sum"}});
  call.body->Push("hello");
  ASSERT_TRUE(origin.board().Await("half"));  // it is on its way before the rest exists
  call.body->Push(" world");
  call.body->End({{"X-Sum", "11"}, {"b", ""}});
  call.sink->Wait();
  EXPECT_EQ(Story(*call.sink), "ok");
  EXPECT_EQ(call.sink->body, "done");
  const SeenConnection seen = origin.seen()[0];
  EXPECT_EQ(seen.requests[0].Find("transfer-encoding"), "chunked");
  EXPECT_EQ(seen.requests[0].Find("trailer"), "X-Sum");
  EXPECT_EQ(seen.stray, "5\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 11\r\nb: \r\n\r\n");
}

TEST(Streaming, NeverEndsABodyWhoseCallerGaveUp_C019) {
  Origin origin(R"(
    expect_head
    expect_bytes 10
    signal half
    stall
  )");
  const auto transport = MakeTransport();
  Call call = Send(*transport, origin.url("/up"));
  call.body->Push("hello");
  ASSERT_TRUE(origin.board().Await("half"));
  call.body->Fail();
  call.sink->Wait();
  EXPECT_EQ(Story(*call.sink), "cancelled/unknown");
  EXPECT_EQ(call.sink->ends, 1);
  ASSERT_TRUE(AwaitThat([&] { return origin.seen()[0].closed; }));
  EXPECT_EQ(origin.seen()[0].stray, "5\r\nhello\r\n");
}

TEST(Streaming, NeverCompletesABodyOfAnotherLength_C018) {
  for (const std::string& tail : {std::string("67"), std::string("67890")}) {
    Origin origin(R"(
      expect_head
      expect_body 5
      signal half
      stall
    )");
    const auto transport = MakeTransport();
    Call call = Send(*transport, origin.url("/up"), {}, 9);
    call.body->Push("12345");
    ASSERT_TRUE(origin.board().Await("half"));
    call.body->Push(tail);
    call.body->End();
    call.sink->Wait();
    EXPECT_EQ(Story(*call.sink), "http_request_error/unknown");
    EXPECT_EQ(call.sink->record->failure->field, "body");
    EXPECT_FALSE(origin.seen()[0].requests[0].body_complete);
  }
}

TEST(Streaming, DeliversAHeadBeforeTheBodyAndABodyBeforeItsEnd) {
  Origin origin(R"(
    expect_head
    send "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    wait_for head
    send "5\r\nhello\r\n"
    wait_for piece
    send "0\r\nX-End: yes\r\n\r\n"
  )");
  const auto transport = MakeTransport();
  auto sink = std::make_shared<WaitingSink>();
  transport->Start(Get(origin.url("/")), sink);
  sink->WaitForHead();
  origin.board().Signal("head");
  sink->WaitForBody("hello");
  EXPECT_FALSE(sink->Ended());
  origin.board().Signal("piece");
  sink->Wait();
  EXPECT_EQ(sink->trailers.Find("X-End"), "yes");
}

TEST(Streaming, DeliversAnEarlyAnswerWhileTheUploadGoesOn_W1) {
  Origin origin(R"(
    expect_head
    send "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n"
    expect_body all
    send "0\r\n\r\n"
  )");
  const auto transport = MakeTransport();
  Call call = Send(*transport, origin.url("/up"));
  call.sink->WaitForBody("hi");
  call.body->Push("late");
  call.body->End();
  call.sink->Wait();
  EXPECT_EQ(Story(*call.sink), "ok");
  EXPECT_EQ(origin.seen()[0].requests[0].body, "late");
  EXPECT_EQ(Do(*transport, Get(origin.url("/")))->body, "served");
  EXPECT_EQ(origin.seen().size(), 1U);  // both sides were complete: the connection goes on
}

TEST(Streaming, DeliversARefusalThoughTheOriginResetsTheUpload_W2) {
  Origin origin(R"(
    expect_head
    send "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig"
    signal answered
    rst
  )");
  const auto transport = MakeTransport();
  Call call = Send(*transport, origin.url("/up"));
  ASSERT_TRUE(origin.board().Await("answered"));
  for (int i = 0; i < 64; ++i) call.body->Push(std::string(64 * 1024, 'x'));
  call.sink->Wait();
  EXPECT_EQ(Story(*call.sink), "ok");
  EXPECT_EQ(call.sink->head.status, 413U);
  EXPECT_EQ(call.sink->body, "big");
}

// --- Expect: 100-continue ---

const HeaderList kExpect = {{"Expect", "100-continue"}};

TEST(Expect, WaitsForTheOriginsWord_E1_E2) {
  Origin origin(R"(
    expect_head
    signal head
    wait_for go
    send "HTTP/1.1 100 Continue\r\n\r\n"
    expect_body all
    answer 200 "got it"
  )");
  Destination patient;
  patient.timeouts.expect_continue = kForever;
  TransportOptions options;
  options.policy = PolicyOf(patient);
  const auto transport = MakeTransport(std::move(options));
  Call call = Send(*transport, origin.url("/up"), kExpect, 5);
  call.body->Push("hello");
  call.body->End();
  ASSERT_TRUE(origin.board().Await("head"));
  EXPECT_EQ(call.body->reads(), 0);
  origin.board().Signal("go");
  call.sink->Wait();
  EXPECT_EQ(Story(*call.sink), "ok");
  EXPECT_EQ(call.sink->body, "got it");
  EXPECT_EQ(call.sink->informational, 1);
  EXPECT_EQ(origin.seen()[0].requests[0].body, "hello");
}

TEST(Expect, SendsAnywayWhenTheOriginDoesNotKnowIt_E2) {
  Origin origin(R"(
    expect_head
    expect_body all
    answer 200 "got it"
  )");
  Destination hasty;
  hasty.timeouts.expect_continue = milliseconds(1);
  TransportOptions options;
  options.policy = PolicyOf(hasty);
  const auto transport = MakeTransport(std::move(options));
  Call call = Send(*transport, origin.url("/up"), kExpect);
  call.body->Push("hello");
  call.body->End();
  call.sink->Wait();
  EXPECT_EQ(call.sink->body, "got it");
}

TEST(Expect, NeverReadsABodyThatWasRefused_E5_F4) {
  Origin origin(R"(
    expect_head
    send "HTTP/1.1 417 No\r\nContent-Length: 2\r\n\r\nno"
    stall
  )");
  Destination patient;
  patient.timeouts.expect_continue = kForever;
  TransportOptions options;
  options.policy = PolicyOf(patient);
  const auto transport = MakeTransport(std::move(options));
  Call call = Send(*transport, origin.url("/up"), kExpect, 5);
  call.body->Push("hello");
  call.sink->Wait();
  EXPECT_EQ(Story(*call.sink), "ok");
  EXPECT_EQ(call.sink->head.status, 417U);
  EXPECT_EQ(call.body->reads(), 0);
  // It was announced a body, so nothing else may follow on that connection.
  EXPECT_EQ(Do(*transport, Get(origin.url("/")))->record->reused, false);
}

// --- Tunnels ---

TEST(Tunnel, CarriesBytesBothWaysAfterA101_U1) {
  Origin origin(R"(
    expect_head
    send "HTTP/1.1 101 Switching\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nfirst"
    expect_bytes 4
    send "pong"
    expect_bytes 4
    fin
  )");
  const auto transport = MakeTransport();
  Call call = Upgrade(*transport, origin.url("/ws"));
  call.sink->WaitForBody("first");  // came with the head
  EXPECT_EQ(call.sink->head.status, 101U);
  EXPECT_EQ(call.sink->kind, BodyKind::kTunnel);
  call.body->Push("ping");
  call.sink->WaitForBody("firstpong");
  EXPECT_FALSE(call.sink->Ended());
  call.body->Push("last");
  call.sink->WaitForOriginClosed();
  EXPECT_FALSE(call.sink->Ended());  // the caller's side is still open
  call.body->End();
  call.sink->Wait();
  EXPECT_EQ(Story(*call.sink), "ok");
  EXPECT_EQ(call.sink->origin_closed, 1);
  const SeenRequest seen = origin.seen()[0].requests[0];
  EXPECT_EQ(seen.Find("connection"), "Upgrade");
  EXPECT_EQ(seen.Find("upgrade"), "echo");
  EXPECT_EQ(seen.Count("content-length") + seen.Count("transfer-encoding"), 0U);
  EXPECT_FALSE(Do(*transport, Get(origin.url("/")))->record->reused);  // never pooled (U2)
}

TEST(Tunnel, LetsTheOriginSpeakAfterTheCallerHasClosedItsSide_U1) {
  Origin origin(R"(
    expect_head
    send "HTTP/1.1 101 Switching\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n"
    expect_bytes 4
    expect_end
    send "the rest"
    fin
  )");
  const auto transport = MakeTransport();
  Call call = Upgrade(*transport, origin.url("/ws"));
  call.body->Push("ping");
  call.body->End();
  call.sink->Wait();
  EXPECT_EQ(Story(*call.sink), "ok");
  EXPECT_EQ(call.sink->body, "the rest");
}

TEST(Tunnel, SendsNothingOfTheCallersBeforeTheOriginAgreed_R5) {
  Origin origin(R"(
    expect_head
    send "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno"
    serve
  )");
  const auto transport = MakeTransport();
  Call call = Upgrade(*transport, origin.url("/ws"));
  call.body->Push("secret words");
  call.sink->Wait();
  EXPECT_EQ(Story(*call.sink), "ok");
  EXPECT_EQ(call.sink->head.status, 200U);
  EXPECT_EQ(call.body->reads(), 0);
  // The request had no body, so the connection is as good as any.
  EXPECT_EQ(Do(*transport, Get(origin.url("/")))->body, "served");
  EXPECT_EQ(origin.seen().size(), 1U);
  EXPECT_EQ(origin.seen()[0].stray, "");
}

TEST(Tunnel, TellsThatTheOriginClosedBeforeItTookEverything) {
  Origin origin(R"(
    expect_head
    send "HTTP/1.1 101 Switching\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n"
    rst
  )");
  const auto transport = MakeTransport();
  Call call = Upgrade(*transport, origin.url("/ws"));
  call.sink->Wait();
  EXPECT_EQ(Story(*call.sink), "http_response_incomplete/answered");
}

TEST(Tunnel, IsForPolicyToAllow) {
  Origin origin{OriginOptions{}};
  Destination closed;
  closed.stream.allow_upgrade = false;
  TransportOptions options;
  options.policy = PolicyOf(closed);
  const auto transport = MakeTransport(std::move(options));
  Call upgrade = Upgrade(*transport, origin.url("/ws"));
  upgrade.sink->Wait();
  EXPECT_EQ(Story(*upgrade.sink), "http_request_denied/not_sent");
  Request connect = Get(origin.url());
  connect.method = "CONNECT";
  connect.request_target = "db.internal:5432";
  connect.streamed = true;
  const auto call = Do(*transport, std::move(connect));  // off unless policy says otherwise (O-085)
  EXPECT_EQ(Story(*call), "http_request_denied/not_sent");
  EXPECT_TRUE(origin.seen().empty());
}

struct ConnectCase {
  std::string answer;
  bool opens = false;
};

TEST(Tunnel, OpensByConnectWhereAnOriginAgrees_U5_F9) {
  for (const auto& [answer, opens] :
       {ConnectCase{"200 OK\\r\\nContent-Length: 5", true}, ConnectCase{"204 OK", true},
        ConnectCase{"403 No\\r\\nContent-Length: 0", false}}) {
    Origin origin("expect_head\nsend \"HTTP/1.1 " + answer +
                  "\\r\\n\\r\\n\"\nexpect_bytes 4\nsend \"pong\"\nfin\n");
    Destination open;
    open.stream.allow_connect = true;
    TransportOptions options;
    options.policy = PolicyOf(open);
    const auto transport = MakeTransport(std::move(options));
    Request request = Get(origin.url());
    request.method = "CONNECT";
    request.request_target = "db.internal:5432";
    request.streamed = true;
    auto body = std::make_shared<PushBody>();
    request.body = body;
    auto sink = std::make_shared<WaitingSink>();
    transport->Start(std::move(request), sink);
    body->Push("ping");
    body->End();
    sink->Wait();
    EXPECT_EQ(Story(*sink), "ok") << answer;
    EXPECT_EQ(sink->body, opens ? "pong" : "") << answer;
    const SeenRequest seen = origin.seen()[0].requests[0];
    EXPECT_EQ(seen.target, "db.internal:5432");
    EXPECT_EQ(seen.Find("host"), "db.internal:5432");
    EXPECT_EQ(seen.Count("content-length") + seen.Count("transfer-encoding"), 0U);
  }
}

}  // namespace
}  // namespace spillway
