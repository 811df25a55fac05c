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

}  // namespace
}  // namespace spillway
