// Descriptor budget, own addresses, flags and the log's format.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include "server/defaults.h"
#include "server/fd_budget.h"
#include "server/flags.h"
#include "server/log.h"
#include "server/own_addresses.h"

namespace spillway {
namespace {

TEST(FdBudget, SharesOutTheWholeLimit) {  // X-019
  for (const std::uint64_t limit : {256ULL, 1024ULL, 4096ULL, 20'000ULL, 1'000'000ULL}) {
    const Result<FdBudget> budget =
        PlanDescriptors(limit, {.loops = 3, .front_wanted = 0, .origin_wanted = 0});
    ASSERT_TRUE(budget.has_value()) << limit;
    EXPECT_EQ(budget->reserve + budget->front + budget->origin, limit);
    EXPECT_GE(budget->reserve, 64u);
    EXPECT_GE(budget->front, 30u) << limit;
    EXPECT_GE(budget->origin, budget->front) << limit;
    EXPECT_LE(budget->front, kMaxDefaultFront);
  }
}

TEST(FdBudget, RefusesALimitThatIsTooSmall) {
  const Result<FdBudget> budget =
      PlanDescriptors(255, {.loops = 1, .front_wanted = 0, .origin_wanted = 0});
  ASSERT_FALSE(budget.has_value());
  EXPECT_NE(budget.error().message.find("255"), std::string::npos);
  EXPECT_NE(budget.error().message.find("LimitNOFILE"), std::string::npos);
}

TEST(FdBudget, KeepsToWhatWasAskedForOrRefuses) {
  const auto plan = [](std::uint32_t front, std::uint32_t origin) {
    return PlanDescriptors(1024, {.loops = 1, .front_wanted = front, .origin_wanted = origin});
  };
  const Result<FdBudget> both = plan(100, 200);
  ASSERT_TRUE(both.has_value());
  EXPECT_EQ(both->front, 100u);
  EXPECT_EQ(both->origin, 200u);
  const Result<FdBudget> origin_only = plan(0, 800);
  ASSERT_TRUE(origin_only.has_value());
  EXPECT_EQ(origin_only->origin, 800u);
  EXPECT_LE(origin_only->front + origin_only->origin + origin_only->reserve, 1024u);
  EXPECT_GE(origin_only->front, 1u);
  EXPECT_FALSE(plan(500, 500).has_value());
  EXPECT_FALSE(plan(0, 1000).has_value());
  EXPECT_FALSE(plan(1000, 0).has_value());
}

TEST(FdBudget, RaisesTheLimitToTheHardOne) { EXPECT_GE(RaiseDescriptorLimit(), kMinDescriptors); }

ListenAddress Address(const std::string& text) { return *ParseListenAddress(text, "test"); }

bool Refuses(const OwnAddresses& own, const std::string& host, std::uint16_t port) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    return own.Contains(reinterpret_cast<sockaddr*>(&v4), sizeof v4);
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  EXPECT_EQ(inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr), 1) << host;
  return own.Contains(reinterpret_cast<sockaddr*>(&v6), sizeof v6);
}

TEST(OwnAddresses, SeesEverySpellingOfAListenerAndNothingElse) {  // O-271, C-061
  const OwnAddresses own({Address("127.0.0.1:50051"), Address("[::1]:9464"), Address("localhost:7"),
                          Address("unix:/run/x.sock")});
  struct Row {
    const char* host;
    std::uint16_t port;
    bool refused;
  };
  const Row rows[] = {
      {"127.0.0.1", 50051, true},
      {"0.0.0.0", 50051, true},
      {"::ffff:127.0.0.1", 50051, true},
      {"::ffff:0.0.0.0", 50051, true},
      {"127.0.0.1", 7, true},
      {"::1", 9464, true},
      {"::", 9464, true},
      {"127.0.0.1", 50052, false},
      {"127.0.0.2", 50051, false},
      {"::1", 50051, false},
      {"127.0.0.1", 9464, false},
      {"192.0.2.1", 50051, false},
      {"::ffff:192.0.2.1", 50051, false},
      {"2001:db8::1", 9464, false},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(Refuses(own, row.host, row.port), row.refused) << row.host << " " << row.port;
  }
}

TEST(OwnAddresses, SeesItselfOnEveryAddressOfTheMachine) {  // O-271
  const OwnAddresses v4({Address("0.0.0.0:50051")});
  for (const char* host : {"127.0.0.1", "127.9.9.9", "::ffff:127.0.0.1", "0.0.0.0"}) {
    EXPECT_TRUE(Refuses(v4, host, 50051)) << host;
    EXPECT_FALSE(Refuses(v4, host, 50052)) << host;
  }
  EXPECT_FALSE(Refuses(v4, "::1", 50051)) << "it takes no IPv6";
  EXPECT_FALSE(Refuses(v4, "192.0.2.1", 50051));
  const OwnAddresses both({Address("[::]:50051")});
  EXPECT_TRUE(Refuses(both, "127.0.0.1", 50051));
  EXPECT_FALSE(Refuses(both, "2001:db8::1", 50051));
}

TEST(OwnAddresses, LeavesOddAddressesAlone) {
  const OwnAddresses own({Address("127.0.0.1:1")});
  sockaddr_in cut{};
  cut.sin_family = AF_INET;
  EXPECT_FALSE(own.Contains(reinterpret_cast<sockaddr*>(&cut), 4));
  cut.sin_family = AF_UNIX;
  EXPECT_FALSE(own.Contains(reinterpret_cast<sockaddr*>(&cut), sizeof cut));
}

ParsedFlags Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "spillway");
  return ParseFlags(static_cast<int>(arguments.size()), arguments.data());
}

TEST(Flags, TakesValuesAfterABlankOrAnEqualsSign) {
  const ParsedFlags parsed =
      Parse({"--grpc_listen=127.0.0.1:1", "--grpc_listen", "unix:/a", "--http_listen",
             "127.0.0.1:2", "--admin_listen=unix:/b", "--config", "file.yaml", "--log_level=debug",
             "--log_format", "json"});
  ASSERT_FALSE(parsed.exit_status.has_value());
  EXPECT_EQ(parsed.flags.grpc_listen, (std::vector<std::string>{"127.0.0.1:1", "unix:/a"}));
  EXPECT_EQ(parsed.flags.http_listen, "127.0.0.1:2");
  EXPECT_EQ(parsed.flags.admin_listen, "unix:/b");
  EXPECT_EQ(parsed.flags.config, "file.yaml");
  EXPECT_EQ(parsed.flags.log_level, LogLevel::kDebug);
  EXPECT_EQ(parsed.flags.log_format, LogFormat::kJson);
}

TEST(Flags, TakesTheLastOfASingleValueGivenTwice) {
  const ParsedFlags parsed = Parse({"--http_listen=127.0.0.1:1", "--http_listen=127.0.0.1:2"});
  ASSERT_FALSE(parsed.exit_status.has_value());
  EXPECT_EQ(parsed.flags.http_listen, "127.0.0.1:2");
}

TEST(Flags, HasDefaults) {
  const ParsedFlags parsed = Parse({});
  ASSERT_FALSE(parsed.exit_status.has_value());
  EXPECT_TRUE(parsed.flags.grpc_listen.empty());
  EXPECT_EQ(parsed.flags.log_level, LogLevel::kInfo);
  EXPECT_EQ(parsed.flags.log_format, LogFormat::kText);
}

TEST(Flags, EndsTheProcessForHelpVersionAndMistakes) {
  struct Row {
    std::vector<const char*> arguments;
    int status;
  };
  const Row rows[] = {
      {{"--help"}, 0},           {{"--version"}, 0},
      {{"--no_such_flag"}, 2},   {{"stray"}, 2},
      {{"--log_level=loud"}, 2}, {{"--log_format=xml"}, 2},
      {{"--grpc_listen"}, 2},    {{"--config=a", "--check_config=b"}, 2},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(Parse(row.arguments).exit_status, row.status) << row.arguments[0];
  }
}

TEST(Log, WritesEventsAsTextAndJson) {
  EXPECT_EQ(FormatEvent(LogFormat::kText, "listening",
                        {{"address", "127.0.0.1:1"}, {"note", "two words"}, {"count", 3u}}),
            "listening address=127.0.0.1:1 note=\"two words\" count=3");
  EXPECT_EQ(FormatEvent(LogFormat::kJson, "listening", {{"address", "127.0.0.1:1"}}),
            R"("event":"listening","address":"127.0.0.1:1")");
}

TEST(Log, EscapesWhatCouldForgeALine) {
  EXPECT_EQ(FormatEvent(LogFormat::kText, "e", {{"v", "a\nb\"\\\x01\xff"}, {"w", ""}}),
            R"(e v="a\nb\"\\\u0001\u00ff" w="")");
  EXPECT_EQ(FormatEvent(LogFormat::kJson, "e", {{"v", "a\nb\"\\\x01\xff"}}),
            R"("event":"e","v":"a\nb\"\\\u0001\u00ff")");
}

TEST(Log, IsSilentBeforeItStarts) {
  EXPECT_FALSE(LogEnabled(LogLevel::kError));
  Log(LogLevel::kError, "nobody hears");
}

TEST(LogLimiter, LetsOneThroughAndCountsTheRest) {
  LogLimiter limiter(std::chrono::hours(1));
  std::uint64_t suppressed = 99;
  EXPECT_TRUE(limiter.Allow(suppressed));
  EXPECT_EQ(suppressed, 0u);
  EXPECT_FALSE(limiter.Allow(suppressed));
  LogLimiter open(std::chrono::milliseconds(0));
  EXPECT_TRUE(open.Allow(suppressed));
  EXPECT_TRUE(open.Allow(suppressed));
}

}  // namespace
}  // namespace spillway
