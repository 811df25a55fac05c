// A real Prometheus scrapes the daemon and answers what an operator asks.

#include <gtest/gtest.h>

#include <charconv>
#include <csignal>
#include <optional>
#include <string>
#include <string_view>

#include "tests/harness/await.h"
#include "tests/harness/test_client.h"
#include "tests/integration/daemon_caller.h"
#include "tests/integration/real_origins.h"
#include "tests/integration/server_process.h"
#include "tests/server/daemon_process.h"

namespace spillway {
namespace {

constexpr std::uint64_t kRequests = 2000;

ServerProcess::Plan PrometheusPlan(const std::string& target, const std::string& folder,
                                   std::uint16_t port) {
  return {
      "global:\n  scrape_interval: 200ms\n  scrape_timeout: 200ms\n"
      "scrape_configs:\n  - job_name: spillway\n    static_configs:\n      - targets: ['" +
          target + "']\n",
      {"/usr/bin/prometheus", "--config.file=" + folder + "/config",
       "--storage.tsdb.path=" + folder + "/data",
       "--web.listen-address=127.0.0.1:" + std::to_string(port), "--log.level=error"}};
}

std::string Encoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

// The value of an instant query that gives one sample; nullopt while it gives none.
std::optional<double> Ask(TestClient& client, const ServerProcess& prometheus,
                          const std::string& query) {
  const Story story = client.Get(prometheus.url("/api/v1/query?query=" + Encoded(query))).Finish();
  if (!story.ok()) return std::nullopt;
  // {"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1.2,"0.99"]}]}}
  const std::string_view body = story.body;
  const std::size_t value = body.find("\"value\":[");
  if (value == std::string_view::npos) return std::nullopt;
  const std::size_t begin = body.find(",\"", value);
  const std::size_t end = body.find('"', begin + 2);
  if (begin == std::string_view::npos || end == std::string_view::npos) return std::nullopt;
  double number = 0;
  const auto [stop, error] = std::from_chars(body.data() + begin + 2, body.data() + end, number);
  if (error != std::errc() || stop != body.data() + end) return std::nullopt;
  return number;
}

double AwaitAnswer(TestClient& client, const ServerProcess& prometheus, const std::string& query,
                   const std::function<bool(double)>& wanted) {
  double last = -1;
  AwaitThat([&] {
    last = Ask(client, prometheus, query).value_or(-1);
    return wanted(last);
  });
  return last;
}

TEST(Prometheus, AnswersReuseRatioAndWaitTime) {
  const RealOrigin origin(RealOrigin::Kind::kNginx);
  ASSERT_TRUE(origin.running()) << origin.output();
  DaemonProcess daemon({});
  ASSERT_TRUE(daemon.AwaitLine("ready")) << daemon.log();
  const ServerProcess prometheus([&](const std::string& folder, std::uint16_t port) {
    return PrometheusPlan(daemon.address("http"), folder, port);
  });
  ASSERT_TRUE(prometheus.running()) << prometheus.output();
  TestClient client;
  DaemonCaller caller(daemon.address("grpc"));
  ASSERT_EQ(caller.GetMany(origin.url(), kRealBody, 1, 1), 1U);
  // The first scrape is behind us, so rates see all that follows.
  EXPECT_GE(AwaitAnswer(client, prometheus, "sum(spillway_pool_acquisitions_total)",
                        [](double value) { return value >= 1; }),
            1);
  ASSERT_EQ(caller.GetMany(origin.url(), kRealBody, kRequests, 8), kRequests);
  EXPECT_EQ(AwaitAnswer(client, prometheus, "sum(spillway_pool_acquisitions_total)",
                        [](double value) { return value == kRequests + 1; }),
            kRequests + 1);
  const double reuse = AwaitAnswer(client, prometheus,
                                   "1 - sum(spillway_pool_acquisitions_total{source=\"new\"}) / "
                                   "sum(spillway_pool_acquisitions_total)",
                                   [](double value) { return value > 0; });
  EXPECT_GE(reuse, 0.99);
  EXPECT_LT(reuse, 1);
  const double wait =
      AwaitAnswer(client, prometheus,
                  "histogram_quantile(0.5, sum by (le) "
                  "(rate(spillway_pool_acquisition_wait_seconds_bucket{outcome=\"ok\"}[1m])))",
                  [](double value) { return value > 0; });
  EXPECT_GT(wait, 0);
  EXPECT_LT(wait, 1);
  EXPECT_EQ(AwaitAnswer(client, prometheus, "min(up)", [](double value) { return value == 1; }), 1);
  daemon.Signal(SIGTERM);
  EXPECT_EQ(daemon.Wait(), 0);
}

}  // namespace
}  // namespace spillway
