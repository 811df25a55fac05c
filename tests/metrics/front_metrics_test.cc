// What /metrics shows of callers and of the listeners they come through.

#include <gtest/gtest.h>

#include <string>

#include "metrics/metrics.h"
#include "tests/metrics/exposition_text.h"

namespace spillway {
namespace {

using std::chrono::seconds;

TEST(FrontMetrics, TellsTheFirstCallersApartAndAddsUpTheOthers) {  // C-080
  Metrics metrics{MetricsOptions()};
  const std::string name = "spillway_tenant_requests_total";
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 1000; ++i) metrics.OnCaller("uid:" + std::to_string(i));
    metrics.OnCaller("");
  }
  const std::string text = FamilyText(*metrics.Scrape(), name);
  EXPECT_NE(text.find(name + "{tenant=\"uid:0\"} 2\n"), std::string::npos) << text;
  EXPECT_NE(text.find(name + "{tenant=\"uid:63\"} 2\n"), std::string::npos);
  EXPECT_EQ(text.find("uid:64"), std::string::npos);
  EXPECT_NE(text.find(name + "{tenant=\"_other\"} 1872\n"), std::string::npos) << text;
  EXPECT_NE(text.find(name + "{tenant=\"\"} 2\n"), std::string::npos);
}

TEST(FrontMetrics, TellsHowTheFrontStands) {
  Metrics metrics{MetricsOptions()};
  EXPECT_EQ(FamilyText(*metrics.Scrape(), "spillway_front_insecure_remote"), "");
  Metrics::FrontFacts facts;
  metrics.SetFrontSource([&facts] { return facts; });
  std::string text = *metrics.Scrape();
  EXPECT_NE(text.find("spillway_front_insecure_remote 0\n"), std::string::npos);
  EXPECT_EQ(text.find("spillway_front_certificate"), std::string::npos) << "clear text has none";
  facts.insecure_remote = 2;
  facts.certificate = {std::chrono::system_clock::time_point(seconds(3)), false};
  text = *metrics.Scrape();
  EXPECT_NE(text.find("spillway_front_insecure_remote 2\n"), std::string::npos);
  EXPECT_NE(text.find("spillway_front_certificate_stale 0\n"), std::string::npos);
  EXPECT_NE(text.find("spillway_front_certificate_expiry_timestamp_seconds 3\n"),
            std::string::npos);
  metrics.SetFrontSource(nullptr);
}

TEST(FrontMetrics, CountsTheCallsThatRun) {
  Metrics metrics{MetricsOptions()};
  FrontMetrics& front = metrics.front();
  const std::string name = "spillway_front_calls_active";
  const std::string stream = name + "{grpc_method=\"spillway.v1.Egress/Stream\"} ";
  EXPECT_NE(FamilyText(*metrics.Scrape(), name).find(stream + "0\n"), std::string::npos);
  front.OnCallStarted("spillway.v1.Egress/Stream");
  front.OnCallStarted("spillway.v1.Egress/Stream");
  front.OnCallEnded("spillway.v1.Egress/Stream", "ABORTED", seconds(1));
  EXPECT_NE(FamilyText(*metrics.Scrape(), name).find(stream + "1\n"), std::string::npos);
  front.OnCallEnded("spillway.v1.Egress/Stream", "OK", seconds(1));
  EXPECT_NE(FamilyText(*metrics.Scrape(), name).find(stream + "0\n"), std::string::npos);
}

TEST(FrontMetrics, CountsBytesAndTunnelsOfStreams) {
  Metrics metrics{MetricsOptions()};
  FrontMetrics& front = metrics.front();
  front.OnStreamBytes(3, 0);
  front.OnStreamBytes(4, 100);
  front.OnTunnelOpened("upgrade");
  front.OnTunnelOpened("upgrade");
  front.OnTunnelOpened("connect");
  front.OnTunnelClosed("upgrade");
  front.OnTunnelOpened("wormhole");
  const std::string text = *metrics.Scrape();
  for (const char* line : {"spillway_stream_bytes_total{direction=\"received\"} 7\n",
                           "spillway_stream_bytes_total{direction=\"sent\"} 100\n",
                           "spillway_tunnels_total{kind=\"upgrade\"} 2\n",
                           "spillway_tunnels_total{kind=\"connect\"} 1\n",
                           "spillway_tunnels_active{kind=\"upgrade\"} 1\n",
                           "spillway_tunnels_active{kind=\"connect\"} 1\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line;
  }
  EXPECT_EQ(text.find("wormhole"), std::string::npos);
}

TEST(FrontMetrics, TellsHowManyCallsAMessageHolds) {
  Metrics metrics{MetricsOptions()};
  const std::string name = "spillway_multiplex_batch_size";
  EXPECT_EQ(FamilyText(*metrics.Scrape(), name), "") << "nobody used it";
  metrics.front().OnMultiplexCalls(1);
  metrics.front().OnMultiplexCalls(64);
  metrics.front().OnMultiplexResults(2000);
  const std::string text = FamilyText(*metrics.Scrape(), name);
  EXPECT_NE(text.find(name + "_bucket{kind=\"calls\",le=\"32\"} 1\n"), std::string::npos) << text;
  EXPECT_NE(text.find(name + "_bucket{kind=\"calls\",le=\"64\"} 2\n"), std::string::npos);
  EXPECT_NE(text.find(name + "_sum{kind=\"calls\"} 65\n"), std::string::npos);
  EXPECT_NE(text.find(name + "_bucket{kind=\"results\",le=\"1024\"} 0\n"), std::string::npos);
  EXPECT_NE(text.find(name + "_count{kind=\"results\"} 1\n"), std::string::npos);
}

TEST(FrontMetrics, CountsWhatWasDoneAboveSingleRoundTrips) {
  Metrics metrics{MetricsOptions()};
  RoundTripRecord record;
  metrics.front().OnExchange(record);
  record.hops = {{"http://a.test/", 302}, {"http://b.test/", 302}, {"http://c.test/", 399}};
  record.uncompressed = true;
  metrics.front().OnExchange(record);
  const std::string text = *metrics.Scrape();
  const std::string redirects = "spillway_redirects_followed_total{http_response_status_code=";
  EXPECT_NE(text.find(redirects + "\"302\"} 2\n"), std::string::npos) << text;
  EXPECT_NE(text.find(redirects + "\"_OTHER\"} 1\n"), std::string::npos);
  EXPECT_EQ(text.find(redirects + "\"301\""), std::string::npos);
  EXPECT_NE(text.find("spillway_responses_decoded_total 1\n"), std::string::npos);
}

}  // namespace
}  // namespace spillway
