// Stream from end to end: a gRPC caller, the real transport, and an origin that plays a script.

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/harness/await.h"
#include "tests/origin/origin.h"
#include "tests/server/origin_front.h"
#include "tests/server/stream_client.h"

namespace spillway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

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

TEST(StreamOrigin, ShowsHeadersBeforeTheBodyAndEveryFlushAtOnce) {
  Origin origin(R"(
    expect_head
    send "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    wait_for head
    send "3\r\none\r\n"
    wait_for one
    send "3\r\ntwo\r\n"
    wait_for two
    send "0\r\nX-End: yes\r\n\r\n"
  )");
  OriginFront front;
  StreamClient client(*front.stub);
  client.Get(origin.url("/"));
  const auto head = client.Read();
  ASSERT_TRUE(head.has_value());
  EXPECT_EQ(head->head().status(), 200u);
  EXPECT_EQ(head->head().protocol(), "HTTP/1.1");
  EXPECT_NE(head->head().exchange().connection_id(), 0u);
  origin.board().Signal("head");
  EXPECT_EQ(client.Read()->data(), "one");
  origin.board().Signal("one");
  EXPECT_EQ(client.Read()->data(), "two");
  origin.board().Signal("two");
  const auto end = client.Read();
  ASSERT_TRUE(end->has_trailers());
  EXPECT_EQ(end->trailers().headers(0).name(), "X-End");
  EXPECT_GT(end->trailers().exchange().bytes_received(), 0u);
  EXPECT_TRUE(client.Finish().ok());
}

TEST(StreamOrigin, UploadsWithALength) {
  Origin origin{OriginOptions{}};
  OriginFront front;
  StreamClient client(*front.stub);
  v1::HttpRequest head = To(origin.url("/"));
  head.set_content_length(11);
  head.set_body("hello");
  client.Head(head);
  client.Data(" ");
  client.Data("world");
  client.HalfClose();
  const StreamClient::Answer answer = client.ReadAll();
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.body, "served");
  const SeenRequest seen = origin.seen()[0].requests[0];
  EXPECT_EQ(seen.body, "hello world");
  EXPECT_EQ(seen.Find("content-length"), "11");
  EXPECT_EQ(seen.Count("transfer-encoding"), 0u);
}

TEST(StreamOrigin, UploadsInChunksWithTrailersBehindThem_F8) {
  Origin origin(R"(
    expect_head
    expect_bytes 37
    answer 200 "done"
  )");
  OriginFront front;
  StreamClient client(*front.stub);
  v1::HttpRequest head = To(origin.url("/"));
  AddHeader(head, "Trailer", "X-Sum");
  client.Head(head);
  client.Data("hello");
  client.Data(" world");
  client.Trailer("X-Sum", "11");
  client.HalfClose();
  const StreamClient::Answer answer = client.ReadAll();
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.body, "done");
  const SeenConnection seen = origin.seen()[0];
  EXPECT_EQ(seen.requests[0].Find("trailer"), "X-Sum");
  EXPECT_EQ(seen.stray, "5\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 11\r\n\r\n");
}

TEST(StreamOrigin, SendsTheTrailersOfARoundTripToo_F8) {
  Origin origin(R"(
    expect_head
    expect_bytes 25
    answer 200 "done"
  )");
  OriginFront front;
  v1::HttpRequest request = To(origin.url("/"));
  request.set_body("hello");
  v1::Header& trailer = *request.add_trailers();
  trailer.set_name("X-Sum");
  trailer.set_value("5");
  grpc::ClientContext context;
  v1::HttpResponse response;
  const grpc::Status status = front.stub->RoundTrip(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.body(), "done");
  const SeenConnection seen = origin.seen()[0];
  EXPECT_EQ(seen.requests[0].Find("trailer"), "X-Sum");
  EXPECT_EQ(seen.stray, "5\r\nhello\r\n0\r\nX-Sum: 5\r\n\r\n");
}

TEST(StreamOrigin, SendsNoBodyWhenTheCallerClosesBehindTheHead_F3) {
  Origin origin{OriginOptions{}};
  OriginFront front;
  for (const auto& [method, length] :
       {std::pair<std::string, std::string>{"GET", ""}, {"POST", "0"}}) {  // F2
    StreamClient client(*front.stub);
    client.Head(To(origin.url("/"), method));
    client.HalfClose();
    EXPECT_TRUE(client.ReadAll().status.ok());
    const SeenRequest seen = origin.seen()[0].requests.back();
    EXPECT_EQ(seen.method, method);
    EXPECT_EQ(seen.Find("content-length").value_or(""), length);
    EXPECT_EQ(seen.Count("transfer-encoding"), 0u);
  }
}

TEST(StreamOrigin, DeliversARefusalThoughTheOriginResetsTheUpload_W2) {
  Origin origin(R"(
    expect_head
    send "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig"
    rst
  )");
  OriginFront front;
  StreamClient client(*front.stub);
  v1::HttpRequest head = To(origin.url("/"));
  head.set_content_length(std::uint64_t{1} << 30);
  client.Head(head);
  std::thread writer([&] {
    const std::string piece(64 * 1024, 'x');
    while (client.Data(piece)) {
    }
  });
  const StreamClient::Answer answer = client.ReadAll();
  writer.join();
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.head->status(), 413u);
  EXPECT_EQ(answer.body, "big");
  EXPECT_EQ(answer.order, "hdt");
}

TEST(StreamOrigin, HoldsBackAnOriginWhoseReaderDoesNotRead_C041) {
  Origin origin(R"(
    expect_head
    send "HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n"
    send "0123456789abcdef"*4194304
    signal sent
    serve
  )");
  OriginFront front;
  StreamClient client(*front.stub);
  client.Get(origin.url("/"));
  ASSERT_TRUE(client.Read()->has_head());
  // Nothing is read: we hold at most the buffer and what was received in one go above it, and once
  // gRPC's windows are full at least half of it; the origin waits with most of its 64 MiB.
  ASSERT_TRUE(AwaitThat([&] { return front.admission.bytes() >= 128u * 1024; }));
  EXPECT_FALSE(origin.board().Signalled("sent"));
  EXPECT_LE(front.admission.bytes(), 256u * 1024 + 256u * 1024);
  std::uint64_t read = 0;
  bool in_order = true;
  while (const auto frame = client.Read()) {
    if (frame->has_trailers()) break;
    for (const char byte : frame->data()) {
      in_order = in_order && byte == "0123456789abcdef"[read % 16];
      ++read;
    }
    EXPECT_LE(front.admission.bytes(), 256u * 1024 + 256u * 1024);
  }
  EXPECT_EQ(read, 67'108'864u);
  EXPECT_TRUE(in_order);
  EXPECT_TRUE(client.Finish().ok());
  front.SettledLedger();
  EXPECT_EQ(front.admission.bytes(), 0u);
}

TEST(StreamOrigin, HoldsBackACallerWhoseOriginDoesNotRead_C041) {
  OriginOptions options;
  options.scripts = {
      MustParse("expect_head\nsignal head\nstop_reading_until go\nexpect_body all\n"
                "answer 200 \"done\"")};
  options.receive_buffer = 64 * 1024;
  Origin origin(std::move(options));
  OriginFront front;
  StreamClient client(*front.stub);
  constexpr std::uint64_t kLength = 32 * 1024 * 1024;
  v1::HttpRequest head = To(origin.url("/"));
  head.set_content_length(kLength);
  client.Head(head);
  std::atomic<std::uint64_t> sent{0};
  std::thread writer([&] {
    const std::string piece(64 * 1024, 'x');
    while (sent < kLength && client.Data(piece)) sent += piece.size();
    client.HalfClose();
  });
  ASSERT_TRUE(origin.board().Await("head"));
  ASSERT_TRUE(AwaitThat([&] { return front.admission.bytes() >= 256u * 1024; }));
  EXPECT_LT(sent.load(), kLength);
  EXPECT_LE(front.admission.bytes(), 256u * 1024 + 2 * 64u * 1024);
  origin.board().Signal("go");
  const StreamClient::Answer answer = client.ReadAll();
  writer.join();
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(origin.seen()[0].requests[0].body.size(), kLength);
  EXPECT_TRUE(origin.seen()[0].requests[0].body_complete);
}

TEST(StreamOrigin, NeverShowsTheOriginACleanEndOfACancelledUpload_C019) {
  for (const bool known_length : {false, true}) {
    Origin origin(R"(
      expect_head
      expect_bytes 5
      signal half
      stall
    )");
    OriginFront front;
    StreamClient client(*front.stub);
    v1::HttpRequest head = To(origin.url("/"));
    if (known_length) head.set_content_length(10);
    client.Head(head);
    client.Data("hello");
    ASSERT_TRUE(origin.board().Await("half"));
    client.Data("worl");
    client.Cancel();
    EXPECT_EQ(client.Finish().error_code(), grpc::StatusCode::CANCELLED);
    ASSERT_TRUE(origin.log().Await([](const auto& seen) { return seen[0].closed; }));
    const SeenConnection seen = origin.seen()[0];
    EXPECT_EQ(seen.stray.find("0\r\n\r\n"), std::string::npos);
    EXPECT_LT(seen.stray.size() + seen.requests[0].body.size(), 30u);
    EXPECT_EQ(front.SettledLedger().cancelled, 1u);
  }
}

// A caller that cancels at the same moment as it would have closed: whichever way the race goes,
// the origin sees the whole body or no end.
TEST(StreamOrigin, NeverTakesACancelledCallForAHalfClose_C019) {
  OriginOptions options;
  std::atomic<int> whole{0};
  options.handler = [&](const SeenRequest& request, std::uint64_t) {
    whole += request.body_complete ? 1 : 0;
    return Script{};
  };
  Origin origin(std::move(options));
  OriginFront front;
  for (int i = 0; i < 200; ++i) {
    StreamClient client(*front.stub);
    client.Head(To(origin.url("/")));
    client.Data("hello");
    if (i % 2 == 0) client.Data("more");
    client.Cancel();
    EXPECT_EQ(client.Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  front.SettledLedger();
  EXPECT_EQ(whole.load(), 0);
}

TEST(StreamOrigin, EndsADownloadWhoseCallerGoesAway_C037) {
  Origin origin(R"(
    expect_head
    send "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
    stall
  )");
  OriginFront front;
  StreamClient client(*front.stub);
  client.Get(origin.url("/"));
  ASSERT_TRUE(client.Read()->has_head());
  EXPECT_EQ(client.Read()->data(), "hello");
  client.Cancel();
  EXPECT_EQ(client.Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(origin.log().Await([](const auto& seen) { return seen[0].closed; }));
  EXPECT_EQ(front.SettledLedger().cancelled, 1u);
}

TEST(StreamOrigin, EndsACallWhoseCallerReadsNothingAnyMore_C042) {
  Destination hasty;
  hasty.timeouts.caller_stall = milliseconds(50);
  Origin origin(R"(
    expect_head
    send "HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n"
    send "0123456789abcdef"*4194304
  )");
  OriginFront front(hasty);
  StreamClient client(*front.stub, kForever);
  client.Get(origin.url("/"));
  ASSERT_TRUE(origin.log().Await([](const auto& seen) { return !seen.empty() && seen[0].closed; }));
  const StreamClient::Answer answer = client.ReadAll();
  EXPECT_FALSE(answer.status.ok());
  EXPECT_LT(answer.body.size(), 67'108'864u);
  EXPECT_TRUE(answer.trailers.empty());
  EXPECT_EQ(front.SettledLedger().failed, 1u);
  EXPECT_EQ(front.observer.ended(),
            std::vector<std::string>{"spillway.v1.Egress/Stream DEADLINE_EXCEEDED"});
}

TEST(StreamOrigin, EndsACallWhoseCallerNeverSendsAHead_C043) {
  Destination hasty;
  hasty.timeouts.caller_stall = milliseconds(50);
  OriginFront front(hasty);
  StreamClient client(*front.stub, kForever);
  const StreamClient::Answer answer = client.ReadAll();
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  const v1::EgressError error = ErrorIn(answer.status);
  EXPECT_EQ(error.reason(), v1::REASON_DEADLINE_EXCEEDED);
  EXPECT_EQ(error.field(), "head");
  EXPECT_EQ(error.delivery(), v1::DELIVERY_NOT_SENT);
  EXPECT_EQ(front.SettledLedger().failed, 1u);
}

// A caller that stops sending, or that has sent all and never says so.
TEST(StreamOrigin, EndsAnUploadWhoseCallerGoesSilent_C043_C044) {
  Destination hasty;
  hasty.timeouts.caller_stall = milliseconds(50);
  for (const char* piece : {"hello", "helloworld"}) {
    Origin origin("expect_head\nstall\n");
    OriginFront front(hasty);
    StreamClient client(*front.stub, kForever);
    v1::HttpRequest head = To(origin.url("/"));
    head.set_content_length(10);
    client.Head(head);
    client.Data(piece);
    const StreamClient::Answer answer = client.ReadAll();
    EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED)
        << answer.status.error_message();
    ASSERT_TRUE(origin.log().Await([](const auto& seen) { return seen[0].closed; }));
    const SeenConnection seen = origin.seen()[0];
    EXPECT_LT(seen.bytes, seen.requests[0].head.size() + 10) << "never a whole body";
  }
}

// --- Cut at every byte ---

constexpr std::string_view kChunked =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    "3;x=y\r\nabc\r\n02\r\nde\r\n0\r\nT: u\r\n\r\n";

void CutEverywhere(bool reset) {
  OriginOptions options;
  options.handler = [reset](const SeenRequest& request, std::uint64_t) {
    Step send{StepKind::kSend};
    send.text = kChunked.substr(0, std::stoul(request.target.substr(1)));
    return Script{send, Step{reset ? StepKind::kRst : StepKind::kFin}};
  };
  Origin origin(std::move(options));
  OriginFront front;
  const std::size_t head_end = kChunked.find("\r\n\r\n") + 4;
  for (std::size_t count = 0; count <= kChunked.size(); ++count) {
    SCOPED_TRACE((reset ? "RST after " : "FIN after ") + std::to_string(count));
    StreamClient client(*front.stub);
    v1::HttpRequest head = To(origin.url("/" + std::to_string(count)), "GET");
    head.set_content_length(0);
    head.mutable_options()->set_fresh_connection(true);
    client.Head(head);
    const StreamClient::Answer answer = client.ReadAll();
    EXPECT_TRUE(std::string_view("abcde").starts_with(answer.body));
    const bool whole = count == kChunked.size();
    EXPECT_EQ(answer.status.ok(), whole) << answer.status.error_message();
    EXPECT_EQ(answer.trailers.size(), whole ? 1u : 0u) << "trailers say that it is complete";
    EXPECT_TRUE(!whole || answer.body == "abcde");
    if (!whole && count >= head_end) {
      EXPECT_TRUE(answer.head.has_value()) << "what came before the cut is delivered";
      EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::ABORTED);
      EXPECT_EQ(ErrorIn(answer.status).delivery(), v1::DELIVERY_ANSWERED);
    }
  }
}

TEST(StreamOrigin, O030EofNeverMakesAPartLookWhole) { CutEverywhere(false); }

TEST(StreamOrigin, O031ResetNeverMakesAPartLookWhole) { CutEverywhere(true); }

}  // namespace
}  // namespace spillway
