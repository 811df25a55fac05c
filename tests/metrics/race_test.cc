// Many threads count while others scrape; run under ThreadSanitizer as well (case C-081).

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "metrics/metrics.h"
#include "tests/metrics/exposition_text.h"
#include "tests/metrics/records_for_test.h"

namespace spillway {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

constexpr int kThreads = 32;
constexpr int kRounds = 300;

// Time that passes with every look, so that the guard rebalances all the while.
MetricsOptions RestlessOptions() {
  MetricsOptions options;
  options.top_hosts = 4;
  auto time = std::make_shared<std::atomic<std::int64_t>>(1'000'000'000'000);
  options.now = [time] { return Instant(Duration(time->fetch_add(60'000'000'000))); };
  return options;
}

void Work(Metrics& metrics, int thread) {
  const auto named = metrics.ForKey(KeyOf("n", 80, "orders"), "orders");
  for (int round = 0; round < kRounds; ++round) {
    // Hosts come and go, some busier than others, so that labels change hands.
    const int host = (round / 20 + thread) % 12;
    const auto key = metrics.ForKey(KeyOf("h" + std::to_string(host)), "");
    for (KeyObserver* observer : {named.get(), key.get()}) {
      observer->OnRoundTripStarted("GET");
      observer->OnAcquired(AcquireSource::kIdle, microseconds(round));
      observer->OnDial(
          {DialPurpose::kDemand, Reason::kNone, microseconds(1), microseconds(1), true, true});
      observer->OnAttempt({});
      observer->OnConnectionClosed({CloseReason::kPeerFin, 1, seconds(1)});
      observer->OnRoundTrip(
          RoundTripOf("GET", 200 + static_cast<std::uint32_t>(round % 7), microseconds(round)));
    }
    metrics.front().OnCallStarted("/spillway.v1.Egress/RoundTrip");
    metrics.front().OnCallEnded("/spillway.v1.Egress/RoundTrip", "OK", microseconds(round));
    metrics.OnLoopLag(static_cast<std::uint32_t>(thread % 4), microseconds(1));
    metrics.OnDnsLookup(Reason::kNone, microseconds(1));
  }
}

TEST(Race, LosesNothingWhileThreadsCountAndScrape) {
  Metrics metrics(RestlessOptions());
  metrics.Preregister({"orders"});
  metrics.SetPoolSource([] {
    return std::vector<PoolSnapshot>{SnapshotOf(KeyOf("n", 80, "orders"), {}),
                                     SnapshotOf(KeyOf("http/1.1"), {})};
  });
  std::atomic<bool> stop{false};
  std::vector<std::thread> scrapers;
  for (int i = 0; i < 3; ++i) {
    scrapers.emplace_back([&] {
      double before = 0;
      while (!stop.load()) {
        const auto text = metrics.Scrape();
        const double now =
            SumOf(*text, "spillway_pool_acquisitions_total", "destination=\"orders\"");
        ASSERT_GE(now, before);
        before = now;
      }
    });
  }
  std::vector<std::thread> workers;
  for (int i = 0; i < kThreads; ++i) workers.emplace_back([&, i] { Work(metrics, i); });
  for (auto& worker : workers) worker.join();
  stop.store(true);
  for (auto& scraper : scrapers) scraper.join();

  constexpr double kEach = kThreads * kRounds;
  const std::string text = *metrics.Scrape();
  EXPECT_EQ(SumOf(text, "spillway_pool_acquisitions_total", "destination=\"orders\""), kEach);
  EXPECT_EQ(SumOf(text, "http_client_request_duration_seconds_count", "\"orders\""), kEach);
  EXPECT_EQ(SumOf(text, "http_client_active_requests"), 0);
  EXPECT_EQ(SumOf(text, "grpc_server_call_started_total"), kEach);
  EXPECT_EQ(SumOf(text, "grpc_server_call_duration_seconds_count"), kEach);
  EXPECT_EQ(SumOf(text, "spillway_event_loop_lag_seconds_count"), kEach);
  EXPECT_EQ(SumOf(text, "dns_lookup_duration_seconds_count"), kEach);
}

TEST(Race, AnswersScrapesThatArriveTogetherFromFewRenderings) {
  std::atomic<int> renderings{0};
  Metrics metrics(RestlessOptions());
  metrics.SetPoolSource([&] {
    ++renderings;
    return std::vector<PoolSnapshot>();
  });
  constexpr int kScrapers = 64;
  std::atomic<int> waiting{0};
  std::vector<std::thread> scrapers;
  std::vector<int> seen(kScrapers);
  for (int i = 0; i < kScrapers; ++i) {
    scrapers.emplace_back([&, i] {
      ++waiting;
      while (waiting.load() < kScrapers) std::this_thread::yield();
      metrics.front().OnCallStarted("/x/y");
      seen[static_cast<std::size_t>(i)] =
          static_cast<int>(SumOf(*metrics.Scrape(), "grpc_server_call_started_total", "other"));
    });
  }
  for (auto& scraper : scrapers) scraper.join();
  EXPECT_LE(renderings.load(), kScrapers);
  // Whoever scrapes sees at least its own count.
  for (const int count : seen) EXPECT_GE(count, 1);
  EXPECT_EQ(SumOf(*metrics.Scrape(), "grpc_server_call_started_total", "other"), kScrapers);
}

TEST(Race, DoesNotUseAPoolSourceAfterItWasTakenAway) {
  Metrics metrics(RestlessOptions());
  std::atomic<bool> stop{false};
  std::thread scraper([&] {
    while (!stop.load()) metrics.Scrape();
  });
  for (int i = 0; i < 200; ++i) {
    auto alive = std::make_unique<std::atomic<int>>(0);
    metrics.SetPoolSource([pool = alive.get()] {
      ++*pool;
      return std::vector<PoolSnapshot>();
    });
    metrics.Scrape();
    metrics.SetPoolSource(nullptr);
    EXPECT_GE(alive->load(), 1);
    alive.reset();  // a use from now on is a use after free
  }
  stop.store(true);
  scraper.join();
}

}  // namespace
}  // namespace spillway
