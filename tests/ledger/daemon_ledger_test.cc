// The two ledgers with the whole daemon between them: callers over gRPC, an origin that fails.
//
// The full run: bazel test //tests/ledger:daemon_ledger_full_test

#include <gtest/gtest.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <map>
#include <mutex>
#include <string>

#include "tests/ledger/daemon_client.h"
#include "tests/ledger/flags.h"
#include "tests/ledger/load.h"
#include "tests/ledger/multiplex_client.h"
#include "tests/ledger/origin_process.h"
#include "tests/server/daemon_process.h"

namespace spillway {
namespace {

constexpr std::uint32_t kMaxAttempts = 3;

LedgerFlags flags{.requests = 10000};

void CheckAll(const std::vector<CallerEntry>& entries, const OriginProcess& origin,
              DaemonProcess& daemon) {
  const std::vector<OriginEvent> events = origin.Events();
  ReportOutcomes(flags, entries, events.size());
  for (const std::string& complaint : Join(entries, events, kMaxAttempts)) {
    ADD_FAILURE() << complaint << " (seed " << flags.seed << ")";
  }
  daemon.Signal(SIGTERM);
  EXPECT_EQ(daemon.Wait(), 0);
  // Rule 7 in the daemon's own words: every admitted call had its one outcome.
  EXPECT_NE(daemon.log().find(" leaked=0 leaked_bytes=0"), std::string::npos) << daemon.log();
}

TEST(DaemonLedger, NothingIsLostUnderFaults) {
  OriginProcess origin(flags.seed, flags.faults_per_million);
  ASSERT_TRUE(origin.running());
  DaemonProcess daemon({});
  ASSERT_TRUE(daemon.AwaitLine("ready")) << daemon.log();
  DaemonLoadClient load(daemon.address("grpc"), origin.port(), daemon.address("http"));
  const auto entries = RunLoad(load, flags.seed, flags.requests,
                               static_cast<std::uint32_t>(flags.callers), [](std::uint64_t) {});
  CheckAll(entries, origin, daemon);
}

// C-049, C-051: many calls on few streams, in any order, each with an outcome of its own.
TEST(DaemonLedger, NothingIsLostUnderFaultsOverMultiplex) {
  OriginProcess origin(flags.seed, flags.faults_per_million);
  ASSERT_TRUE(origin.running());
  DaemonProcess daemon({});
  ASSERT_TRUE(daemon.AwaitLine("ready")) << daemon.log();
  MultiplexLoadClient load(daemon.address("grpc"), origin.port(), daemon.address("http"));
  const auto entries = RunLoad(load, flags.seed + 2, flags.requests,
                               static_cast<std::uint32_t>(4 * flags.callers), [](std::uint64_t) {});
  EXPECT_EQ(load.End(), "");
  CheckAll(entries, origin, daemon);
}

TEST(DaemonLedger, KillingTheOriginUnderLoadLosesNothingSilently) {
  constexpr std::uint64_t kKills = 3;
  OriginProcess origin(flags.seed, 0);
  ASSERT_TRUE(origin.running());
  DaemonProcess daemon({});
  ASSERT_TRUE(daemon.AwaitLine("ready")) << daemon.log();
  DaemonLoadClient load(daemon.address("grpc"), origin.port(), daemon.address("http"));
  std::mutex mu;
  const std::uint64_t every = flags.requests / (kKills + 1);
  const auto kill_and_restart = [&](std::uint64_t index) {
    const std::lock_guard lock(mu);
    if (index > 0 && index % every == 0 && origin.running()) origin.Kill();
    const bool dead_long_enough = index % every == every / 4 && !origin.running();
    EXPECT_TRUE(!dead_long_enough || origin.Restart());
  };
  const auto entries = RunLoad(load, flags.seed + 1, flags.requests,
                               static_cast<std::uint32_t>(flags.callers), kill_and_restart);
  CheckAll(entries, origin, daemon);
}

}  // namespace
}  // namespace spillway

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  return spillway::ReadLedgerFlags(argc, argv, spillway::flags) ? RUN_ALL_TESTS() : 2;
}
