// Redirects, cookies and content codings through the real daemon, by each method of the service.

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "tests/origin/origin.h"
#include "tests/server/daemon_process.h"
#include "tests/server/front_fixture.h"
#include "tests/server/loopback.h"
#include "tests/transport/client/encode.h"

namespace spillway {
namespace {

// /start sends to /next with a cookie; /next says what cookies came, and compresses.
Script Answered(const SeenRequest& request, std::uint64_t) {
  std::string answer;
  if (request.target == "/start") {
    answer = Answer(302, "", "Location: next\r\nSet-Cookie: session=1; Path=/\r\n");
  } else {
    answer = Answer(200, Gzip("cookies: " + request.Find("cookie").value_or("none")),
                    "Content-Encoding: gzip\r\n");
  }
  return {Step{.kind = StepKind::kSend, .text = answer}};
}

class ClientFeatures : public testing::Test {
 protected:
  ClientFeatures() {
    OriginOptions options;
    options.handler = Answered;
    origin_ = std::make_unique<Origin>(std::move(options));
  }

  void Start(const std::string& config) {
    const std::string path = TempPath("client_features.yaml");
    std::ofstream(path) << config;
    daemon_ = std::make_unique<DaemonProcess>(
        DaemonProcess::Options{.flags = {"--config=" + path, "--grpc_listen=unix:" + socket_}});
    ASSERT_TRUE(daemon_->AwaitLine("ready")) << daemon_->log();
    // Whoever is behind a Unix socket has an identity.
    stub_ = v1::Egress::NewStub(Connect("unix:" + socket_));
  }

  v1::HttpRequest Request() const {
    v1::HttpRequest request = Get(origin_->url("/start"));
    v1::RequestOptions& options = *request.mutable_options();
    options.set_max_redirects(3);
    options.set_cookie_jar("j");
    options.set_decompression(v1::DECOMPRESSION_AUTO);
    return request;
  }

  void CheckExchange(const v1::Exchange& exchange) const {
    EXPECT_EQ(exchange.url(), origin_->url("/next"));
    ASSERT_EQ(exchange.hops_size(), 1);
    EXPECT_EQ(exchange.hops(0).url(), origin_->url("/start"));
    EXPECT_EQ(exchange.hops(0).status(), 302U);
    EXPECT_EQ(exchange.attempts(), 2U);
    EXPECT_TRUE(exchange.uncompressed());
  }

  std::unique_ptr<Origin> origin_;
  const std::string socket_ = TempPath("client_features.sock");
  std::unique_ptr<DaemonProcess> daemon_;
  std::unique_ptr<v1::Egress::Stub> stub_;
};

constexpr char kWithJars[] = "cookies: {enabled: true}\n";
constexpr char kBody[] = "cookies: session=1";

TEST_F(ClientFeatures, ServeRoundTrip) {
  Start(kWithJars);
  grpc::ClientContext context;
  v1::HttpResponse response;
  const grpc::Status status = stub_->RoundTrip(&context, Request(), &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.status(), 200U);
  EXPECT_EQ(response.body(), kBody);
  CheckExchange(response.exchange());
}

TEST_F(ClientFeatures, ServeMultiplex) {
  Start(kWithJars);
  grpc::ClientContext context;
  const auto stream = stub_->Multiplex(&context);
  v1::MultiplexRequest request;
  v1::Call& call = *request.add_calls();
  call.set_id(7);
  *call.mutable_request() = Request();
  ASSERT_TRUE(stream->Write(request));
  stream->WritesDone();
  v1::MultiplexResponse response;
  ASSERT_TRUE(stream->Read(&response));
  ASSERT_EQ(response.results_size(), 1);
  EXPECT_EQ(response.results(0).response().body(), kBody);
  CheckExchange(response.results(0).response().exchange());
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(ClientFeatures, ServeStream) {
  Start(kWithJars);
  grpc::ClientContext context;
  const auto stream = stub_->Stream(&context);
  v1::StreamRequest request;
  *request.mutable_head() = Request();
  ASSERT_TRUE(stream->Write(request));
  stream->WritesDone();
  std::string body;
  v1::StreamResponse frame;
  int heads = 0;
  v1::Exchange exchange;
  while (stream->Read(&frame)) {
    if (frame.has_head()) {
      ++heads;
      EXPECT_EQ(frame.head().status(), 200U);
      body += frame.head().body();
    }
    body += frame.data();
    if (frame.has_trailers()) exchange = frame.trailers().exchange();
  }
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(heads, 1);
  EXPECT_EQ(body, kBody);
  CheckExchange(exchange);
}

TEST_F(ClientFeatures, C075_JarsAreRefusedWhereThereAreNone) {
  Start("{}\n");
  grpc::ClientContext context;
  v1::HttpResponse response;
  const grpc::Status status = stub_->RoundTrip(&context, Request(), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(ErrorIn(status).field(), "options.cookie_jar");
  EXPECT_TRUE(origin_->seen().empty());
}

}  // namespace
}  // namespace spillway
