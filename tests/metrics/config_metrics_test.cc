// What /metrics shows of the configuration.

#include "metrics/config_metrics.h"

#include <gtest/gtest.h>

#include <string>

namespace spillway {
namespace {

class ConfigMetricsTest : public testing::Test {
 protected:
  std::string Text() const {
    Exposition out;
    metrics_.Write(out);
    return out.Text();
  }
  bool Has(const std::string& sample) const {
    return ("\n" + Text()).find("\n" + sample + "\n") != std::string::npos;
  }
  static ConfigMetrics::WallTime At(int unix_time) {
    return ConfigMetrics::WallTime(std::chrono::seconds(unix_time));
  }

  ConfigMetrics metrics_;
};

TEST_F(ConfigMetricsTest, ShowsNothingBeforeTheFirstLoad) {
  metrics_.OnPolicy({1, {}, 0});
  EXPECT_EQ(Text(), "");
}

TEST_F(ConfigMetricsTest, ShowsThePolicyInForce) {
  metrics_.OnLoaded(At(50));
  metrics_.OnPolicy({7, {{"partner", At(60)}, {"other", At(70)}}, 2});
  EXPECT_TRUE(Has("spillway_config_last_reload_successful 1"));
  EXPECT_TRUE(Has("spillway_config_last_reload_success_timestamp_seconds 50"));
  EXPECT_TRUE(Has("spillway_policy_version 7"));
  EXPECT_TRUE(Has("spillway_certificate_expiry_timestamp_seconds{name=\"partner\"} 60"));
  EXPECT_TRUE(Has("spillway_certificate_expiry_timestamp_seconds{name=\"other\"} 70"));
  EXPECT_TRUE(Has("spillway_tls_insecure_profiles 2"));
  EXPECT_TRUE(Has("spillway_config_stale_files 0"));
  EXPECT_TRUE(Has("spillway_config_reload_failures_total{cause=\"tls\"} 0")) << Text();
}

// KG16: a metric for each outcome.
TEST_F(ConfigMetricsTest, CountsRefusalsByTheirCause) {
  metrics_.OnLoaded(At(50));
  metrics_.OnPolicy({7, {}, 0});
  metrics_.OnRefused("tls");
  metrics_.OnRefused("file");
  metrics_.OnRefused("file");
  metrics_.OnRefused("something else");
  metrics_.OnStaleFiles(3);
  EXPECT_TRUE(Has("spillway_config_last_reload_successful 0"));
  EXPECT_TRUE(Has("spillway_config_last_reload_success_timestamp_seconds 50"));
  EXPECT_TRUE(Has("spillway_config_reload_failures_total{cause=\"tls\"} 1"));
  EXPECT_TRUE(Has("spillway_config_reload_failures_total{cause=\"file\"} 2"));
  EXPECT_TRUE(Has("spillway_config_reload_failures_total{cause=\"value\"} 0"));
  EXPECT_TRUE(Has("spillway_config_stale_files 3"));
  EXPECT_TRUE(Has("spillway_policy_version 7"));
  metrics_.OnLoaded(At(90));
  EXPECT_TRUE(Has("spillway_config_last_reload_successful 1"));
}

}  // namespace
}  // namespace spillway
