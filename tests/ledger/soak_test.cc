// The two ledgers over RoundTrip, Stream and Multiplex together, to an HTTP/1.1 and an HTTP/2
// origin that fail: 1,000,000 requests in the full run.
//
// The full run: bazel test //tests/ledger:soak_full_test --test_output=all
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>

#include "tests/harness/await.h"
#include "tests/harness/process_memory.h"
#include "tests/ledger/daemon_client.h"
#include "tests/ledger/faults.h"
#include "tests/ledger/flags.h"
#include "tests/ledger/load.h"
#include "tests/ledger/multiplex_client.h"
#include "tests/ledger/origin_process.h"
#include "tests/ledger/stream_load_client.h"
#include "tests/server/daemon_operator.h"
#include "tests/server/daemon_process.h"

namespace spillway {
namespace {

constexpr std::uint32_t kMaxAttempts = 3;
constexpr std::uint64_t kMiB = 1024 * 1024;
// What the daemon may hold after the load beyond what it held after the warm-up.
constexpr std::uint64_t kMaxGrowth = 48 * kMiB;
#ifdef __SANITIZE_ADDRESS__
constexpr bool kMemoryIsOurs = false;  // the sanitizer keeps what was freed
#else
constexpr bool kMemoryIsOurs = true;
#endif

LedgerFlags flags{.requests = 6000, .callers = 32};

std::string ConfigFor(const OriginProcess& origin) {
  const char* folder = std::getenv("TEST_TMPDIR");
  std::string name = std::string(folder != nullptr ? folder : "/tmp") + "/soak.XXXXXX";
  const int fd = mkstemp(name.data());
  EXPECT_GE(fd, 0);
  std::ofstream(name) << R"(defaults:
  retry: {on_reset: true, on_connect_failure: true, statuses: [503], backoff_initial: 1ms, backoff_max: 20ms}
  pool: {backoff_initial: 1ms, backoff_max: 20ms}
destinations:
  - name: two
    protocol: h2c
    matches: [{host: 127.0.0.1, ports: [)"
                      << origin.http2_port() << "]}]\n";
  return name;
}

// Sends each request by one of the three methods to one of the two origins, by its id.
class SoakClient : public LoadClient {
 public:
  SoakClient(const std::string& daemon, const OriginProcess& origin, const std::string& denied) {
    for (std::size_t i = 0; i < kOrigins; ++i) {
      const std::uint16_t port = i == 0 ? origin.port() : origin.http2_port();
      whole_[i] = std::make_unique<DaemonLoadClient>(daemon, port, denied);
      streamed_[i] = std::make_unique<StreamLoadClient>(daemon, port, denied);
      batched_[i] = std::make_unique<MultiplexLoadClient>(daemon, port, denied);
    }
  }

  CallerEntry Send(const LoadRequest& load) override {
    const std::uint64_t draw = Draw(flags.seed, load.id, 41);
    const std::size_t origin = draw % kOrigins;
    const std::size_t method = draw / kOrigins % kMethods;
    ++sent_[method * kOrigins + origin];
    LoadClient& client = method == 0   ? static_cast<LoadClient&>(*whole_[origin])
                         : method == 1 ? static_cast<LoadClient&>(*streamed_[origin])
                                       : static_cast<LoadClient&>(*batched_[origin]);
    return client.Send(load);
  }

  // What was wrong with how a Multiplex stream ended, or "".
  std::string End() { return batched_[0]->End() + batched_[1]->End(); }
  // The fewest that one method sent to one origin.
  std::uint64_t least_sent() const { return *std::min_element(sent_.begin(), sent_.end()); }

 private:
  static constexpr std::size_t kOrigins = 2;
  static constexpr std::size_t kMethods = 3;

  std::array<std::unique_ptr<DaemonLoadClient>, kOrigins> whole_;
  std::array<std::unique_ptr<StreamLoadClient>, kOrigins> streamed_;
  std::array<std::unique_ptr<MultiplexLoadClient>, kOrigins> batched_;
  std::array<std::atomic<std::uint64_t>, kOrigins * kMethods> sent_{};
};

class Clock {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

void CheckLedgers(const std::vector<CallerEntry>& entries, const std::vector<OriginEvent>& events) {
  ReportOutcomes(flags, entries, events.size());
  for (const std::string& complaint : Join(entries, events, kMaxAttempts)) {
    ADD_FAILURE() << complaint << " (seed " << flags.seed << ")";
  }
  std::uint64_t good = 0;
  std::uint64_t repeated = 0;
  for (const CallerEntry& entry : entries) {
    good += entry.ok ? 1 : 0;
    repeated += entry.ok && entry.attempts > 1 ? 1 : 0;
  }
  EXPECT_GE(static_cast<double>(good), 0.85 * static_cast<double>(entries.size()))
      << "too many faults to prove anything";
  EXPECT_LE(static_cast<double>(good), 0.99 * static_cast<double>(entries.size()))
      << "too few faults to prove anything";
  EXPECT_GT(repeated, 0U);
}

// C-049, C-051, C-019: whatever way a request came, it has one outcome, and that is true.
TEST(Soak, EveryRequestHasOneTrueOutcomeWhicheverWayItCame) {
  OriginProcess origin(flags.seed, flags.faults_per_million);
  ASSERT_TRUE(origin.running());
  DaemonProcess daemon({.flags = {"--config=" + ConfigFor(origin)}});
  ASSERT_TRUE(daemon.AwaitLine("ready")) << daemon.log();
  DaemonOperator admin(daemon.address("admin"));
  SoakClient load(daemon.address("grpc"), origin, daemon.address("http"));
  const std::uint64_t warm_up = std::min<std::uint64_t>(flags.requests / 3, 30000);
  std::uint64_t baseline = 0;
  const Clock clock;
  const auto at = [&](std::uint64_t index) {
    if (index == warm_up) baseline = MemoryOf(daemon.pid()).resident;
    if (index % 100'000 != 0 || index == 0) return;
    std::printf("%llu after %.0f s, daemon %llu MiB\n", static_cast<unsigned long long>(index),
                clock.seconds(),
                static_cast<unsigned long long>(MemoryOf(daemon.pid()).resident / kMiB));
    std::fflush(stdout);
  };
  const auto entries =
      RunLoad(load, flags.seed, flags.requests, static_cast<std::uint32_t>(flags.callers), at);
  const double took = clock.seconds();
  EXPECT_EQ(load.End(), "");
  EXPECT_TRUE(AwaitThat([&] { return admin.Quiet(); })) << admin.Pools().ShortDebugString();
  EXPECT_TRUE(AwaitThat([&] { return admin.Emptied(); })) << admin.Pools().ShortDebugString();
  const ProcessMemory memory = MemoryOf(daemon.pid());
  std::printf(
      "%.1f s, %.0f a second; daemon %llu MiB after the warm-up, %llu after, %llu at most\n", took,
      static_cast<double>(flags.requests) / took, static_cast<unsigned long long>(baseline / kMiB),
      static_cast<unsigned long long>(memory.resident / kMiB),
      static_cast<unsigned long long>(memory.peak / kMiB));
  EXPECT_TRUE(!kMemoryIsOurs || memory.resident <= baseline + kMaxGrowth);
  EXPECT_GT(load.least_sent(), flags.requests / 10);
  CheckLedgers(entries, origin.Events());
  daemon.Signal(SIGTERM);
  EXPECT_EQ(daemon.Wait(), 0);
  // Every admitted call had its one outcome and gave back the memory it was admitted with.
  EXPECT_NE(daemon.log().find(" leaked=0 leaked_bytes=0"), std::string::npos) << daemon.log();
}

}  // namespace
}  // namespace spillway

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  return spillway::ReadLedgerFlags(argc, argv, spillway::flags) ? RUN_ALL_TESTS() : 2;
}
