// Timelines, waterfalls and counters of the methods, through the real daemon and spillwayctl.

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <set>
#include <string>

#include "tests/cli/run_program.h"
#include "tests/demo/http_get.h"
#include "tests/origin/origin.h"
#include "tests/server/daemon_process.h"
#include "tests/server/front_fixture.h"
#include "tests/server/loopback.h"

namespace spillway {
namespace {

constexpr char kParent[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

class TimingEndToEnd : public testing::Test {
 protected:
  void SetUp() override {
    const std::string path = TempPath("timing.yaml");
    std::ofstream(path) << "destinations: [{name: own, matches: [{host: 127.0.0.1}],\n"
                           "  trace_attempts: true, retry: {statuses: [503]}}]\n";
    daemon_ =
        std::make_unique<DaemonProcess>(DaemonProcess::Options{.flags = {"--config=" + path}});
    ASSERT_TRUE(daemon_->AwaitLine("ready")) << daemon_->log();
    stub_ = v1::Egress::NewStub(Connect(daemon_->address("grpc")));
  }

  v1::HttpRequest Traced(const std::string& url) const {
    v1::HttpRequest request = Get(url);
    request.mutable_options()->set_exchange_detail(v1::EXCHANGE_DETAIL_TIMELINE);
    auto* header = request.add_headers();
    header->set_name("traceparent");
    header->set_value(kParent);
    return request;
  }

  std::string Metrics() const { return demo::HttpGet(daemon_->address("http"), "/metrics").body; }

  std::unique_ptr<DaemonProcess> daemon_;
  std::unique_ptr<v1::Egress::Stub> stub_;
};

void CheckExchange(const v1::Exchange& exchange) {
  ASSERT_EQ(exchange.attempt_log_size(), 1);
  EXPECT_EQ(exchange.attempt_log(0).span_id().size(), 16U);
  ASSERT_GE(exchange.timeline_size(), 5);
  EXPECT_EQ(exchange.timeline(0).kind(), v1::EVENT_KIND_STARTED);
  EXPECT_EQ(exchange.timeline(exchange.timeline_size() - 1).kind(), v1::EVENT_KIND_ENDED);
  bool granted = false;
  for (const v1::Event& event : exchange.timeline()) {
    if (event.kind() != v1::EVENT_KIND_GRANTED) continue;
    granted = true;
    EXPECT_EQ(event.span_id(), exchange.attempt_log(0).span_id());
  }
  EXPECT_TRUE(granted);
}

TEST_F(TimingEndToEnd, EveryMethodTellsTheTimelineAndTheSpan_M1) {
  Origin origin("serve");
  {
    grpc::ClientContext context;
    v1::HttpResponse response;
    ASSERT_TRUE(stub_->RoundTrip(&context, Traced(origin.url("/")), &response).ok());
    CheckExchange(response.exchange());
  }
  {
    grpc::ClientContext context;
    const auto stream = stub_->Stream(&context);
    v1::StreamRequest head;
    *head.mutable_head() = Traced(origin.url("/"));
    stream->Write(head);
    stream->WritesDone();
    v1::StreamResponse frame;
    v1::Exchange exchange;
    while (stream->Read(&frame)) {
      if (frame.has_trailers()) exchange = frame.trailers().exchange();
    }
    ASSERT_TRUE(stream->Finish().ok());
    CheckExchange(exchange);
  }
  {
    grpc::ClientContext context;
    const auto stream = stub_->Multiplex(&context);
    v1::MultiplexRequest batch;
    batch.add_calls()->set_id(1);
    *batch.mutable_calls(0)->mutable_request() = Traced(origin.url("/"));
    stream->Write(batch);
    stream->WritesDone();
    v1::MultiplexResponse results;
    ASSERT_TRUE(stream->Read(&results));
    ASSERT_EQ(results.results_size(), 1);
    CheckExchange(results.results(0).response().exchange());
    ASSERT_TRUE(stream->Finish().ok());
  }
  // The origin saw three spans of one trace.
  const auto requests = origin.seen().at(0).requests;
  ASSERT_EQ(requests.size(), 3U);
  std::set<std::string> spans;
  for (const SeenRequest& request : requests) {
    spans.insert(request.Find("traceparent").value_or(""));
  }
  EXPECT_EQ(spans.size(), 3U);
  const std::string metrics = Metrics();
  for (const char* line :
       {"spillway_stream_bytes_total{direction=\"sent\"} 6\n",
        "spillway_multiplex_batch_size_count{kind=\"calls\"} 1\n",
        "spillway_multiplex_batch_size_count{kind=\"results\"} 1\n",
        "spillway_retry_budget_remaining_ratio{destination=\"own\"} 1\n",
        "spillway_front_calls_active{grpc_method=\"spillway.v1.Egress/RoundTrip\"} 0\n"}) {
    EXPECT_NE(metrics.find(line), std::string::npos) << line << metrics;
  }
}

TEST_F(TimingEndToEnd, SpillwayctlDrawsTheAttemptsOfAStreamedExchange_M1) {
  Origin origin(R"(
    expect_head
    send "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
    expect_head
    answer 200 "at last\n"
  )");
  const ProgramOutcome outcome =
      RunProgram({"cli/spillwayctl", "--address=" + daemon_->address("grpc"), "request", "--stream",
                  "--timing", "-v", origin.url("/")});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "at last\n");
  EXPECT_NE(outcome.err.find("connection 1, new: answered 503\n"), std::string::npos)
      << outcome.err;
  EXPECT_NE(outcome.err.find("\nretry on connection 1, reused"), std::string::npos) << outcome.err;
  for (const char* phase :
       {"\nconnect ", "\nrequest ", "\nfirst byte ", "\nbackoff ", "\ntotal "}) {
    EXPECT_NE(outcome.err.find(phase), std::string::npos) << phase << outcome.err;
  }
  EXPECT_NE(
      Metrics().find("spillway_retries_total{destination=\"own\",reason=\"response_status\"} 1"),
      std::string::npos);
}

}  // namespace
}  // namespace spillway
