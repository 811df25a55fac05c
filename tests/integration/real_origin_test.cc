// The daemon against origins from Debian, which count connections themselves: callers over gRPC
// share a few kept-alive connections (C-070).

#include <gtest/gtest.h>

#include <csignal>
#include <string>

#include "tests/integration/daemon_caller.h"
#include "tests/integration/real_origins.h"
#include "tests/server/daemon_process.h"

namespace spillway {
namespace {

struct Row {
  const char* name;
  RealOrigin::Kind kind;
};

class RealOriginTest : public testing::TestWithParam<Row> {};

TEST_P(RealOriginTest, AThousandRequestsInARowUseOneConnection) {
  const RealOrigin origin(GetParam().kind);
  ASSERT_TRUE(origin.running()) << origin.output();
  DaemonProcess daemon({});
  ASSERT_TRUE(daemon.AwaitLine("ready")) << daemon.log();
  DaemonCaller caller(daemon.address("grpc"));
  EXPECT_EQ(caller.GetMany(origin.url(), kRealBody, 1000, 1), 1000U);
  const AccessCount count = origin.Count(1000);
  EXPECT_EQ(count.requests, 1000U);
  EXPECT_EQ(count.connections, 1U);
  daemon.Signal(SIGTERM);
  EXPECT_EQ(daemon.Wait(), 0);
}

TEST_P(RealOriginTest, SixtyFourCallersUseAtMostSixtyFourConnections) {
  const RealOrigin origin(GetParam().kind);
  ASSERT_TRUE(origin.running()) << origin.output();
  DaemonProcess daemon({});
  ASSERT_TRUE(daemon.AwaitLine("ready")) << daemon.log();
  DaemonCaller caller(daemon.address("grpc"));
  EXPECT_EQ(caller.GetMany(origin.url(), kRealBody, 10000, 64), 10000U);
  const AccessCount count = origin.Count(10000);
  EXPECT_EQ(count.requests, 10000U);
  EXPECT_LE(count.connections, 64U);
  EXPECT_GE(count.connections, 1U);
  daemon.Signal(SIGTERM);
  EXPECT_EQ(daemon.Wait(), 0);
}

INSTANTIATE_TEST_SUITE_P(Debian, RealOriginTest,
                         testing::Values(Row{"nginx", RealOrigin::Kind::kNginx},
                                         Row{"apache", RealOrigin::Kind::kApache}),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace spillway
