// pools, close-idle, drain and health.

#include <sstream>
#include <string>

#include <nlohmann/json.hpp>

#include "tests/cli/spillwayctl_fixture.h"

namespace spillway {
namespace {

using nlohmann::json;

class AdminTest : public SpillwayctlTest {
 protected:
  void SetUp() override {
    auto& busy = *daemon_.pools.add_pools();
    busy.set_destination("payments");
    busy.set_scheme("http");
    busy.set_host("payments.test");
    busy.set_port(80);
    busy.set_idle(2);
    busy.set_active(3);
    busy.set_connecting(1);
    busy.set_waiting(4);
    busy.mutable_limits()->set_max_connections(64);
    busy.set_reuse_ratio(0.9876);
    busy.mutable_totals()->set_grants_idle(10);
    busy.mutable_oldest_idle_age()->set_seconds(5);
    busy.mutable_oldest_connection_age()->set_seconds(70);
    busy.set_backing_off(true);
    auto& quiet = *daemon_.pools.add_pools();
    quiet.set_scheme("http");
    quiet.set_host("2001:db8::1");
    quiet.set_port(8080);
    quiet.mutable_limits()->set_max_connections(1024);
    auto& process = *daemon_.pools.mutable_process();
    process.set_connections(6);
    process.set_connection_limit(768);
    process.set_active_round_trips(7);
    process.mutable_uptime()->set_seconds(3700);
    process.set_version("1.2.3");
  }

  const std::string table_ =
      "ORIGIN                     DESTINATION  IDLE  ACTIVE  DIALING  WAITING  LIMIT  REUSED  IDLE "
      "FOR    AGE  STATE\n"
      "http://payments.test:80    payments        2       3        1        4     64   98.8%    "
      "5.00 s  1m10s  backing-off\n"
      "http://[2001:db8::1]:8080  -               0       0        0        0   1024       -       "
      "  -      -\n"
      "6 of 768 connections, 7 round trips, up 1h01m, version 1.2.3\n";
};

TEST_F(AdminTest, PoolsIsATable) {
  const ProgramOutcome outcome = Run({"pools"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, table_);
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(daemon_.filter, "");
}

TEST_F(AdminTest, PoolsTakesAFilterAndGivesJson) {
  const json parsed = json::parse(Run({"pools", "payments", "--json"}).out);
  EXPECT_EQ(daemon_.filter, "payments");
  ASSERT_EQ(parsed["pools"].size(), 2U);
  EXPECT_EQ(parsed["pools"][0]["waiting"], 4);
  EXPECT_EQ(parsed["pools"][0]["oldest_idle_age"], 5.0);
  EXPECT_EQ(parsed["process"]["connection_limit"], 768);
}

TEST_F(AdminTest, WatchPrintsEveryUpdate) {
  daemon_.updates = 3;
  const ProgramOutcome outcome = Run({"pools", "--watch", "--interval=250ms", "payments"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, table_ + "\n" + table_ + "\n" + table_);
  EXPECT_EQ(daemon_.watch_request.interval().nanos(), 250'000'000);
  EXPECT_EQ(daemon_.watch_request.filter(), "payments");
}

TEST_F(AdminTest, WatchAsJsonIsOneLineAnUpdate) {
  daemon_.updates = 2;
  std::istringstream lines(Run({"pools", "-w", "--json"}).out);
  std::string line;
  int count = 0;
  for (; std::getline(lines, line); ++count) {
    EXPECT_EQ(json::parse(line)["pools"].size(), 2U);
  }
  EXPECT_EQ(count, 2);
  EXPECT_EQ(daemon_.watch_request.interval().seconds(), 1);
}

TEST_F(AdminTest, WatchEndsWhenNobodyReads) {
  daemon_.updates = -1;
  ProgramInput input;
  input.read_at_most = 100;
  EXPECT_EQ(Run({"pools", "--watch"}, input).exit_code, 1);
}

TEST_F(AdminTest, WatchRedrawsATerminalInPlace) {
  daemon_.updates = 2;
  ProgramInput input;
  input.terminal = true;
  input.environment = {{"TERM", "xterm"}, {"NO_COLOR", "1"}};
  const std::string out = Run({"pools", "--watch"}, input).out;
  EXPECT_TRUE(out.starts_with("\x1b[2J\x1b[HORIGIN")) << out;
  EXPECT_NE(out.find("\x1b[K\r\n\x1b[J\x1b[HORIGIN"), std::string::npos) << out;
}

TEST_F(AdminTest, WatchOnATerminalShowsTheBusiestThatFit) {
  daemon_.pools.clear_pools();
  for (std::uint32_t i = 0; i < 100; ++i) {
    auto& pool = *daemon_.pools.add_pools();
    pool.set_scheme("http");
    pool.set_host("h" + std::to_string(i) + ".test");
    pool.set_port(80);
    pool.set_active(i);
  }
  ProgramInput input;
  input.terminal = true;
  const std::string out = Run({"pools", "--watch"}, input).out;
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 24);
  EXPECT_NE(out.find("http://h99.test:80"), std::string::npos);
  EXPECT_EQ(out.find("http://h1.test:80"), std::string::npos);
  EXPECT_NE(out.find("and 79 more, less busy"), std::string::npos);
}

TEST_F(AdminTest, CloseIdleTellsHowMany) {
  daemon_.closed = 12;
  EXPECT_EQ(Run({"close-idle", "payments"}).out, "closed 12 connections\n");
  EXPECT_EQ(daemon_.filter, "payments");
  daemon_.closed = 1;
  EXPECT_EQ(Run({"close-idle"}).out, "closed 1 connection\n");
  EXPECT_EQ(daemon_.filter, "");
  EXPECT_EQ(json::parse(Run({"close-idle", "--json"}).out)["closed"], 1);
}

TEST_F(AdminTest, DrainTellsWhatStillRuns) {
  daemon_.drain.set_active_round_trips(3);
  EXPECT_EQ(Run({"drain"}).out, "draining, 3 round trips still running\n");
  daemon_.drain.set_already_draining(true);
  daemon_.drain.set_active_round_trips(1);
  EXPECT_EQ(Run({"drain"}).out, "already draining, 1 round trip still running\n");
  EXPECT_EQ(json::parse(Run({"drain", "--json"}).out)["already_draining"], true);
}

TEST_F(AdminTest, ARefusalOfAdminSaysItsCode) {
  daemon_.admin_status = grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "interval");
  for (const char* command : {"pools", "close-idle", "drain"}) {
    const ProgramOutcome outcome = Run({command});
    EXPECT_EQ(outcome.exit_code, 5);
    EXPECT_EQ(outcome.err,
              "spillwayctl: the daemon refused the call: INVALID_ARGUMENT: interval\n");
  }
}

TEST_F(AdminTest, HealthEndsWithZeroOnlyWhenServing) {
  using Response = grpc::health::v1::HealthCheckResponse;
  ProgramOutcome outcome = Run({"health"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, "SERVING\n");
  EXPECT_EQ(daemon_.health_service, "");
  daemon_.health = Response::NOT_SERVING;
  outcome = Run({"health", "spillway.v1.Egress"});
  EXPECT_EQ(outcome.exit_code, 6);
  EXPECT_EQ(outcome.out, "NOT_SERVING\n");
  EXPECT_EQ(daemon_.health_service, "spillway.v1.Egress");
  outcome = Run({"health", "unknown", "--json"});
  EXPECT_EQ(outcome.exit_code, 6);
  EXPECT_EQ(json::parse(outcome.out),
            (json{{"service", "unknown"}, {"status", "SERVICE_UNKNOWN"}}));
}

}  // namespace
}  // namespace spillway
