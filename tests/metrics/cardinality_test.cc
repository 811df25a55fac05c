// The number of series does not follow the traffic (cases C-079, C-080).

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "metrics/metrics.h"
#include "tests/metrics/exposition_text.h"
#include "tests/metrics/records_for_test.h"

namespace spillway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kTopHosts = 100;
constexpr std::size_t kMaxLabelSets = 2000;

class Traffic : public testing::Test {
 protected:
  Traffic() {
    MetricsOptions options;
    options.now = [this] { return now_; };
    metrics_ = std::make_unique<Metrics>(std::move(options));
  }

  void RoundTrip(KeyObserver& key, const std::string& method, std::uint32_t status) {
    key.OnRoundTripStarted(method);
    key.OnAcquired(AcquireSource::kNew, Duration::zero());
    key.OnRoundTrip(RoundTripOf(method, status, milliseconds(1)));
    ++round_trips_;
  }

  std::string Scrape() { return *metrics_->Scrape(); }

  Instant now_{std::chrono::hours(1)};
  double round_trips_ = 0;
  std::unique_ptr<Metrics> metrics_;
};

// C-080: a million hosts, each with a pool of its own for a moment.
TEST_F(Traffic, KeepsTheNumberOfSeriesConstantOverAMillionHosts) {
  constexpr int kHosts = 1'000'000;
  std::size_t full = 0;
  for (int i = 0; i < kHosts; ++i) {
    const auto key = metrics_->ForKey(KeyOf("h" + std::to_string(i) + ".example"), "");
    RoundTrip(*key, "GET", 200);
    if (i % 50'000 != 49'999) continue;
    now_ += seconds(20);
    const std::string text = Scrape();
    const std::size_t series = Samples(text).size();
    if (full == 0) full = series;
    EXPECT_EQ(series, full) << "after " << i + 1 << " hosts";
    EXPECT_EQ(LabelSets(text, "http_client_request_duration_seconds"), kTopHosts + 1);
  }
  const std::string text = Scrape();
  EXPECT_EQ(SumOf(text, "http_client_request_duration_seconds_count"), round_trips_);
  EXPECT_EQ(SumOf(text, "spillway_pool_acquisitions_total", "_other"), kHosts - kTopHosts);
  EXPECT_LT(text.size(), 1'000'000u);
}

// C-080: hosts that are all as busy cannot take turns in making series either.
TEST_F(Traffic, KeepsTheNumberOfSeriesBoundedWhenTheBusiestHostsChange) {
  for (int wave = 0; wave < 30; ++wave) {
    for (std::size_t i = 0; i < kTopHosts; ++i) {
      const auto key =
          metrics_->ForKey(KeyOf("w" + std::to_string(wave) + "-" + std::to_string(i)), "");
      for (int n = 0; n < 20 * (wave + 1); ++n) RoundTrip(*key, "GET", 200);
    }
    now_ += seconds(10);
    EXPECT_LE(LabelSets(Scrape(), "spillway_pool_acquisitions_total"), 2 * kTopHosts + 1);
  }
  EXPECT_EQ(SumOf(Scrape(), "http_client_request_duration_seconds_count"), round_trips_);
}

// C-080: a million methods.
TEST_F(Traffic, KeepsTheNumberOfSeriesConstantOverAMillionMethods) {
  const auto key = metrics_->ForKey(KeyOf("a.example"), "");
  RoundTrip(*key, "GET", 200);
  RoundTrip(*key, "M", 200);
  const std::size_t series = Samples(Scrape()).size();
  for (int i = 0; i < 1'000'000; ++i) RoundTrip(*key, "M" + std::to_string(i), 200);
  const std::string text = Scrape();
  EXPECT_EQ(Samples(text).size(), series);
  EXPECT_EQ(
      SumOf(text, "http_client_request_duration_seconds_count", "http_request_method=\"_OTHER\""),
      round_trips_ - 1);
}

// C-079: statuses that an origin makes up.
TEST_F(Traffic, HoldsOriginsThatAnswerWithEveryStatusToTheirShare) {
  for (int host = 0; host < 60; ++host) {
    const auto key = metrics_->ForKey(KeyOf("h" + std::to_string(host)), "");
    for (std::uint32_t status = 100; status < 1000; ++status) {
      for (const char* method : {"GET", "POST", "PUT"}) RoundTrip(*key, method, status);
    }
  }
  const std::string text = Scrape();
  EXPECT_LE(LabelSets(text, "http_client_request_duration_seconds"), kMaxLabelSets);
  EXPECT_GT(
      SumOf(text, "spillway_metrics_series_folded_total", "http_client_request_duration_seconds"),
      0);
  EXPECT_EQ(SumOf(text, "http_client_request_duration_seconds_count"), round_trips_);
  EXPECT_EQ(text.find("\"999\""), std::string::npos);
}

// The hard cap holds for configured destinations as well, and nothing is lost by it.
TEST_F(Traffic, FoldsFamiliesThatAConfigurationMakesTooLarge) {
  constexpr int kEntries = 2'500;
  std::vector<std::string> names;
  for (int i = 0; i < kEntries; ++i) names.push_back("entry-" + std::to_string(i));
  metrics_->Preregister(names);
  double total = 0;
  for (int round = 1; round <= 3; ++round) {
    for (const std::string& name : names) {
      const auto key = metrics_->ForKey(KeyOf("h", 80, name), name);
      RoundTrip(*key, "GET", 200);
      total += 1;
    }
    const std::string text = Scrape();
    for (const auto& [family, sets] : LabelSetsByFamily(text)) {
      EXPECT_LE(sets, kMaxLabelSets) << family;
    }
    EXPECT_EQ(SumOf(text, "spillway_pool_acquisitions_total"), total);
    EXPECT_EQ(SumOf(text, "spillway_pool_acquisition_wait_seconds_count"), total);
    EXPECT_EQ(SumOf(text, "http_client_request_duration_seconds_count"), total);
    EXPECT_GT(SumOf(text, "spillway_pool_acquisitions_total", "_other"), 0);
    EXPECT_GT(
        SumOf(text, "spillway_metrics_series_folded_total", "spillway_pool_acquisitions_total"), 0);
  }
  EXPECT_EQ(PromtoolComplaints(Scrape()), "");
}

// C-081: the worst that the guard allows is still shown quickly.
TEST_F(Traffic, ShowsAFullSetOfHostsQuickly) {
  std::vector<std::shared_ptr<KeyObserver>> keys;
  for (std::size_t i = 0; i < 2 * kTopHosts; ++i) {
    keys.push_back(metrics_->ForKey(KeyOf("h" + std::to_string(i)), ""));
    for (const char* method : {"GET", "POST"}) {
      for (const std::uint32_t status : {200u, 404u, 503u}) RoundTrip(*keys.back(), method, status);
    }
    keys.back()->OnDial(
        {DialPurpose::kDemand, Reason::kNone, milliseconds(1), milliseconds(1), true, true});
    keys.back()->OnConnectionClosed({CloseReason::kIdleTimeout, 3, seconds(1)});
  }
  const auto started = std::chrono::steady_clock::now();
  const std::string text = Scrape();
  const auto took = std::chrono::steady_clock::now() - started;
  RecordProperty("bytes", static_cast<int>(text.size()));
  RecordProperty("milliseconds",
                 static_cast<int>(std::chrono::duration_cast<milliseconds>(took).count()));
  EXPECT_GT(Samples(text).size(), 10'000u);
  EXPECT_LT(took, seconds(2));  // 100 ms on an idle machine in the optimised build
}

}  // namespace
}  // namespace spillway
