// A response cut, ended or reset at every byte, as a caller of Stream sees it through the daemon
// (O-030, O-031): what is cut never has the last frame, and never ends well.

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "google/rpc/status.pb.h"
#include "tests/hostile/cut_samples.h"
#include "tests/origin/h2_frames.h"
#include "tests/origin/origin.h"
#include "tests/origin/text.h"
#include "tests/server/daemon_process.h"
#include "tests/server/stream_client.h"

namespace spillway {
namespace {

// What must come of a response of which `count` bytes arrived.
struct Wanted {
  bool head = false;
  bool whole = false;
  std::string_view body;  // of the whole
  std::size_t least = 0;  // of the body, when it is whole
  std::size_t count = 0;
};

v1::EgressError DetailOf(const grpc::Status& status) {
  google::rpc::Status rich;
  v1::EgressError detail;
  if (rich.ParseFromString(status.error_details()) && rich.details_size() == 1) {
    rich.details(0).UnpackTo(&detail);
  }
  return detail;
}

void Check(const Wanted& wanted, const StreamClient::Answer& answer) {
  const v1::EgressError detail = DetailOf(answer.status);
  SCOPED_TRACE(std::to_string(wanted.count) + " bytes: " + answer.order + " " +
               answer.status.error_message());
  EXPECT_EQ(answer.head.has_value(), wanted.head);
  EXPECT_TRUE(wanted.body.starts_with(answer.body)) << "somebody else's bytes";
  EXPECT_EQ(answer.status.ok(), wanted.whole);
  EXPECT_EQ(answer.trailers.size(), wanted.whole ? 1U : 0U) << "a part that looks whole";
  if (wanted.whole) {
    EXPECT_EQ(answer.body.size(), wanted.least);
    EXPECT_EQ(answer.order.back(), 't');
    return;
  }
  EXPECT_EQ(detail.delivery(), wanted.head ? v1::DELIVERY_ANSWERED : v1::DELIVERY_UNKNOWN);
  EXPECT_EQ(detail.attempts(), 1U);
  EXPECT_TRUE(detail.reason() == v1::REASON_CONNECTION_TERMINATED ||
              detail.reason() == v1::REASON_HTTP_RESPONSE_INCOMPLETE)
      << v1::Reason_Name(detail.reason());
  EXPECT_EQ(detail.response_status(), wanted.head ? answer.head->status() : 0U);
}

// One request over a connection of its own.
StreamClient::Answer Ask(v1::Egress::Stub& stub, const std::string& url) {
  StreamClient client(stub);
  v1::HttpRequest head;
  head.set_url(url);
  head.set_content_length(0);
  head.mutable_options()->set_fresh_connection(true);
  client.Head(head);
  client.HalfClose();
  return client.ReadAll();
}

std::unique_ptr<v1::Egress::Stub> CallerOf(const DaemonProcess& daemon) {
  return v1::Egress::NewStub(
      grpc::CreateChannel(daemon.address("grpc"), grpc::InsecureChannelCredentials()));
}

Step End(bool reset) { return Step{reset ? StepKind::kRst : StepKind::kFin}; }

class EveryByteOfStream : public testing::TestWithParam<bool> {};  // reset, or ended

TEST_P(EveryByteOfStream, NeverMakesAPartOfAnHttp1ResponseLookWhole) {
  const bool reset = GetParam();
  DaemonProcess daemon({});
  ASSERT_TRUE(daemon.AwaitLine("ready")) << daemon.log();
  const auto stub = CallerOf(daemon);
  for (const CutSample& sample : kCutSamples) {
    SCOPED_TRACE(sample.name);
    OriginOptions options;
    options.handler = [&](const SeenRequest& request, std::uint64_t) {
      Step step{StepKind::kSend};
      step.text = sample.bytes.substr(
          0, static_cast<std::size_t>(ReadNumber(request.target.substr(1)).value_or(0)));
      return Script{step, End(reset)};
    };
    const Origin origin(std::move(options));
    const std::size_t head_end = HeadEnd(sample);
    for (std::size_t count = 0; count <= sample.bytes.size(); ++count) {
      Wanted wanted{.head = count >= head_end, .body = sample.body, .count = count};
      wanted.whole =
          sample.ends_with_connection ? wanted.head && !reset : count == sample.bytes.size();
      wanted.least = sample.ends_with_connection ? count - head_end : sample.body.size();
      Check(wanted, Ask(*stub, origin.url("/" + std::to_string(count))));
    }
    EXPECT_EQ(origin.log().request_count(), sample.bytes.size() + 1) << "nothing was sent twice";
  }
}

// A head, two pieces and trailers, in frames.
std::string Http2Response() {
  return FrameBytes({H2Type::kHeaders, H2Flag::kEndHeaders, 1,
                     HeaderBlock({{":status", "200"}, {"x-a", "b"}})}) +
         FrameBytes({H2Type::kData, 0, 1, "hel"}) + FrameBytes({H2Type::kData, 0, 1, "lo"}) +
         FrameBytes({H2Type::kHeaders, H2Flag::kEndHeaders | H2Flag::kEndStream, 1,
                     HeaderBlock({{"x-sum", "5"}})});
}

TEST_P(EveryByteOfStream, NeverMakesAPartOfAnHttp2ResponseLookWhole) {
  const bool reset = GetParam();
  const std::string response = Http2Response();
  std::string left = response;
  const std::size_t head_end = FrameBytes(*TakeFrame(left)).size();
  OriginOptions options;
  options.http2 = true;
  for (std::size_t count = 0; count <= response.size(); ++count) {
    Step send{StepKind::kSend};
    send.text = response.substr(0, count);
    options.scripts.push_back(
        {Step{StepKind::kH2Expect, "headers"}, Step{StepKind::kH2Expect, "end"}, send, End(reset)});
  }
  const Origin origin(std::move(options));
  const std::string config = std::string(std::getenv("TEST_TMPDIR")) + "/every_byte.yaml";
  std::ofstream(config) << "defaults: {protocol: h2c}\n";
  DaemonProcess daemon({.flags = {"--config=" + config}});
  ASSERT_TRUE(daemon.AwaitLine("ready")) << daemon.log();
  const auto stub = CallerOf(daemon);
  for (std::size_t count = 0; count <= response.size(); ++count) {
    const Wanted wanted{.head = count >= head_end,
                        .whole = count == response.size(),
                        .body = "hello",
                        .least = 5,
                        .count = count};
    Check(wanted, Ask(*stub, origin.url("/")));
  }
  EXPECT_EQ(origin.log().request_count(), response.size() + 1) << "nothing was sent twice";
}

INSTANTIATE_TEST_SUITE_P(Ends, EveryByteOfStream, testing::Bool(),
                         [](const auto& reset) { return reset.param ? "O031Reset" : "O030Eof"; });

}  // namespace
}  // namespace spillway
