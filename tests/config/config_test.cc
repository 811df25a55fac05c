// What a configuration file means, and what is said about one that cannot be meant.

#include "server/config.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

namespace spillway {
namespace {

Url UrlOf(const std::string& text) { return *ParseUrl(text); }

Config Parsed(const std::string& text) {
  const ConfigResult config = ParseConfig(text, "test.yaml", 5);
  EXPECT_TRUE(config.has_value()) << config.error().Text();
  return config.has_value() ? *config : DefaultConfig();
}

std::string ProblemsOf(const std::string& text) {
  const ConfigResult config = ParseConfig(text, "t", 1);
  return config.has_value() ? "" : config.error().Text();
}

class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text) {
    static int count = 0;
    path_ = testing::TempDir() + "config_test_" + std::to_string(++count) + ".yaml";
    std::ofstream(path_, std::ios::binary) << text;
  }
  ~TemporaryFile() { std::remove(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(Config, AnEmptyMappingStandsForTheDefaults) {
  const Config config = Parsed("{}\n");
  const Config defaults = DefaultConfig();
  EXPECT_EQ(PrintEffectiveConfig(config), PrintEffectiveConfig(defaults));
  EXPECT_EQ(config.listen, ListenOptions());
  EXPECT_EQ(config.front, FrontLimits());
  EXPECT_EQ(config.drain, DrainOptions());
  EXPECT_EQ(config.policy->fallback().pool.max_connections, PoolLimits().max_connections);
  EXPECT_EQ(config.policy->version(), 5U);
}

TEST(Config, TakesValuesFromTheFile) {
  const Config config = Parsed(R"(
listen:
  grpc: [127.0.0.1:1, "unix:/tmp/a.sock"]
  http: "[::1]:2"
front:
  max_request_message_bytes: 1MiB
  max_connection_age: 1m30s
drain:
  grace: 5s
process:
  loops: 2
  dns_positive_ttl: 0s
request:
  max_header_fields: 7
defaults:
  pool: {max_connections: 8, max_age: forever, max_age_jitter: 0.25}
  timeouts: {connect: 250ms}
  response: {keep_alive_http10: false, max_header_bytes: 1024}
  retry: {max_attempts: 1, statuses: [429, 503]}
  stream: {allow_connect: true}
  client: {decompression: auto, zstd: true}
  trace_attempts: true
cookies: {enabled: true, max_jars: 3}
)");
  EXPECT_EQ(config.listen.grpc, (std::vector<std::string>{"127.0.0.1:1", "unix:/tmp/a.sock"}));
  EXPECT_EQ(config.listen.http, "[::1]:2");
  EXPECT_EQ(config.listen.admin, ListenOptions().admin);
  EXPECT_EQ(config.front.max_request_message_bytes, 1024U * 1024);
  EXPECT_EQ(config.front.max_connection_age, seconds(90));
  EXPECT_EQ(config.drain.grace, seconds(5));
  EXPECT_EQ(config.process.loops, 2U);
  EXPECT_EQ(config.process.dns_positive_ttl, Duration::zero());
  EXPECT_EQ(config.policy->request_limits().max_fields, 7U);
  const Destination& fallback = config.policy->fallback();
  EXPECT_EQ(fallback.retry.statuses, (std::vector<std::uint32_t>{429, 503}));
  EXPECT_TRUE(fallback.stream.allow_connect);
  EXPECT_EQ(fallback.client.decompression, Decompression::kAuto);
  EXPECT_TRUE(fallback.client.zstd);
  EXPECT_TRUE(fallback.trace_attempts);
  EXPECT_TRUE(config.cookies.enabled);
  EXPECT_EQ(config.cookies.max_jars, 3U);
  EXPECT_EQ(fallback.pool.max_connections, 8U);
  EXPECT_EQ(fallback.pool.max_age, kForever);
  EXPECT_EQ(fallback.pool.max_age_jitter, 0.25);
  EXPECT_EQ(fallback.timeouts.connect, milliseconds(250));
  EXPECT_FALSE(fallback.response.keep_alive_http10);
  EXPECT_EQ(fallback.response.max_header_bytes, 1024U);
  EXPECT_EQ(fallback.retry.max_attempts, 1U);
}

TEST(Config, ADestinationInheritsWhatItDoesNotSet) {
  const Config config = Parsed(R"(
destinations:
  - name: payments
    matches:
      - {scheme: http, host: Payments.Example.com, ports: [80, 8080]}
      - host: "*.pay.example.com"
    pool: {max_connections: 4}
    timeouts: {total: 2s}
  - name: plain
    matches: [{host: "2001:DB8::1"}]
defaults:
  pool: {max_connections: 9, max_waiters: 3}
)");
  const Policy& policy = *config.policy;
  const Destination& payments = policy.Match(UrlOf("http://payments.example.com/"));
  EXPECT_EQ(payments.name, "payments");
  EXPECT_EQ(payments.pool.max_connections, 4U);
  EXPECT_EQ(payments.pool.max_waiters, 3U);
  EXPECT_EQ(payments.timeouts.total, seconds(2));
  EXPECT_EQ(payments.timeouts.connect, Timeouts().connect);
  EXPECT_EQ(policy.Match(UrlOf("http://x.pay.example.com:99/")).name, "payments");
  EXPECT_EQ(policy.Match(UrlOf("https://payments.example.com/")).name, "");
  EXPECT_EQ(policy.Match(UrlOf("http://[2001:db8:0::1]/")).pool.max_connections, 9U);
}

TEST(Config, PrintedConfigurationLoadsToTheSame) {
  const Config config = Parsed(R"(
listen: {grpc: [127.0.0.1:1], admin: "unix:/run/with space: and #.sock"}
drain: {lame_duck: 2m3s4ms}
defaults: {retry: {budget_ratio: 0.333, budget_burst: 12.5}}
destinations:
  - {name: "123", matches: [{host: a.test, ports: [1, 2]}, {scheme: https, host: "*.b.test"}]}
  - {name: null-like, matches: [{host: "::1"}]}
  - {name: "true", matches: [{host: "10.0.0.1"}], pool: {max_uses: 4294967295}}
)");
  const std::string printed = PrintEffectiveConfig(config);
  EXPECT_EQ(PrintEffectiveConfig(Parsed(printed)), printed);
  const Config again = Parsed(printed);
  EXPECT_EQ(again.listen, config.listen);
  EXPECT_EQ(again.drain, config.drain);
  ASSERT_EQ(again.policy->destinations().size(), 3U);
  EXPECT_EQ(again.policy->destinations()[0].name, "123");
  EXPECT_EQ(again.policy->destinations()[0].matches, config.policy->destinations()[0].matches);
  EXPECT_EQ(again.policy->destinations()[2].pool.max_uses, 4294967295U);
}

struct ProblemRow {
  const char* title;
  const char* text;
  const char* problems;
};

class ConfigProblemRows : public testing::TestWithParam<ProblemRow> {};

TEST_P(ConfigProblemRows, NamesFileLineColumnAndKey) {
  EXPECT_EQ(ProblemsOf(GetParam().text), GetParam().problems);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, ConfigProblemRows,
    testing::Values(
        // X-027: unknown and duplicate keys, wrong types, values out of bounds.
        ProblemRow{"UnknownKey", "lisen: {}\n",
                   "t:1:1: lisen: unknown key; did you mean listen?\n"},
        ProblemRow{"UnknownKeyFarFromAll", "colour: 1\n", "t:1:1: colour: unknown key\n"},
        ProblemRow{"UnknownKeyDeepInside",
                   "destinations:\n  - name: a\n    matches: [{host: a.test}]\n    pool:\n"
                   "      max_conections: 1\n",
                   "t:5:7: destinations[0].pool.max_conections: unknown key; did you mean "
                   "max_connections?\n"},
        ProblemRow{"RoomForLater", "rules: 1\n", "t:1:1: rules: not supported by this version\n"},
        ProblemRow{"UnknownChoice", "unmatched: deny\n",
                   "t:1:12: unmatched: must be allow or refuse\n"},
        ProblemRow{"NetworkWithBitsBehindIt",
                   "destinations: [{name: a, matches: [{host: 10.0.0.1/8}]}]\n",
                   "t:1:43: destinations[0].matches[0].host: the address of a network is zero "
                   "behind its bits\n"},
        ProblemRow{"TieOfNetworks",
                   "destinations:\n- {name: a, matches: [{host: 10.0.0.0/8}]}\n"
                   "- {name: b, matches: [{host: 10.0.0.0/8}]}\n",
                   "t:3:24: destinations[1].matches[0].host: as specific as "
                   "destinations[0].matches[0] and true of the same requests\n"},
        ProblemRow{"ClearTextHttp2ForHttpsOnly",
                   "destinations: [{name: a, matches: [{scheme: https, host: a.t}], protocol: "
                   "h2c}]\n",
                   "t:1:65: destinations[0].protocol: h2c is for http URLs, and no match is\n"},
        ProblemRow{
            "Http2OverTlsForHttpOnly",
            "destinations: [{name: a, matches: [{scheme: http, host: a.t}], protocol: h2}]\n",
            "t:1:64: destinations[0].protocol: h2 is for https URLs, and no match is; h2c "
            "is for http\n"},
        ProblemRow{"UnknownProtocol", "defaults: {protocol: http/2}\n",
                   "t:1:22: defaults.protocol: must be auto, http/1.1, h2 or h2c\n"},
        ProblemRow{"AliasBesideStaticAddresses",
                   "defaults: {addresses: {static: [10.0.0.1], host_alias: b.t}}\n",
                   "t:1:44: defaults.addresses.host_alias: not beside static, which leaves nothing "
                   "to look up\n"},
        ProblemRow{"AddressOfTheOtherFamily",
                   "defaults: {addresses: {family: ipv6, source: 10.0.0.1, static: [::1, "
                   "10.0.0.1]}}\n",
                   "t:1:38: defaults.addresses.source: not of the family that is asked for\n"
                   "t:1:70: defaults.addresses.static[1]: not of the family that is asked for\n"},
        ProblemRow{"AliasThatIsAnAddress", "defaults: {addresses: {host_alias: 10.0.0.1}}\n",
                   "t:1:36: defaults.addresses.host_alias: must be a host name\n"},
        ProblemRow{"DuplicateKey", "drain: {}\ndrain: {}\n",
                   "t:2:1: drain: this mapping has the key twice\n"},
        ProblemRow{"NotAMapping", "[1, 2]\n", "t:1:1: must be a mapping of keys to values\n"},
        ProblemRow{"ScalarForMapping", "drain: 5s\n",
                   "t:1:8: drain: must be a mapping of keys to values\n"},
        ProblemRow{"NothingForMapping", "drain:\n",
                   "t:1:1: drain: must be a mapping of keys to values\n"},
        ProblemRow{"MappingForScalar", "drain: {grace: {s: 5}}\n",
                   "t:1:16: drain.grace: must be a single value\n"},
        ProblemRow{"MappingForList", "listen: {grpc: {a: 1}}\n",
                   "t:1:16: listen.grpc: must be a list\n"},
        ProblemRow{"ScalarForList", "listen: {grpc: 127.0.0.1:1}\n",
                   "t:1:16: listen.grpc: must be a list\n"},
        ProblemRow{"EmptyList", "listen: {grpc: []}\n",
                   "t:1:16: listen.grpc: must have at least one entry\n"},
        ProblemRow{"NoValue", "drain: {grace: }\n", "t:1:9: drain.grace: has no value\n"},
        ProblemRow{"NullItem", "listen: {grpc: [~]}\n", "t:1:17: listen.grpc[0]: has no value\n"},
        ProblemRow{"TimeWithoutUnit", "drain: {grace: 5}\n",
                   "t:1:16: drain.grace: must be a time with units, such as 250ms or 1m30s\n"},
        ProblemRow{"TimeTooLong", "drain: {grace: 25h}\n",
                   "t:1:16: drain.grace: must be 0s to 24h\n"},
        ProblemRow{"ForeverWhereItIsNotAllowed", "drain: {grace: forever}\n",
                   "t:1:16: drain.grace: must be 0s to 24h\n"},
        ProblemRow{"TimeTooShortWhereForeverIsAllowed", "defaults: {pool: {idle_timeout: 0s}}\n",
                   "t:1:33: defaults.pool.idle_timeout: must be 1ms to 24h, or forever\n"},
        ProblemRow{"TextForNumber", "process: {loops: \"2\"}\n",
                   "t:1:18: process.loops: must be a whole number from 0 to 256\n"},
        ProblemRow{"FractionForWhole", "process: {loops: 1.5}\n",
                   "t:1:18: process.loops: must be a whole number from 0 to 256\n"},
        ProblemRow{"NegativeNumber", "process: {loops: -1}\n",
                   "t:1:18: process.loops: must be a whole number from 0 to 256\n"},
        ProblemRow{"NumberTooLarge", "process: {loops: 257}\n",
                   "t:1:18: process.loops: must be a whole number from 0 to 256\n"},
        ProblemRow{"NumberBeyond64Bits", "process: {loops: 18446744073709551616}\n",
                   "t:1:18: process.loops: must be a whole number from 0 to 256\n"},
        ProblemRow{"NumberThatWouldWrap", "defaults: {pool: {max_uses: 4294967296}}\n",
                   "t:1:29: defaults.pool.max_uses: must be a whole number from 0 to 4294967295\n"},
        ProblemRow{"WrongByteUnit", "front: {max_response_bytes: 1MB}\n",
                   "t:1:29: front.max_response_bytes: must be a number of bytes from 64KiB to "
                   "1GiB\n"},
        ProblemRow{"RatioTooLarge", "defaults: {retry: {budget_ratio: 1.01}}\n",
                   "t:1:34: defaults.retry.budget_ratio: must be a number from 0 to 1\n"},
        ProblemRow{"RatioNotFinite", "defaults: {retry: {budget_ratio: .inf}}\n",
                   "t:1:34: defaults.retry.budget_ratio: must be a number from 0 to 1\n"},
        ProblemRow{"YesIsNotTrue", "defaults: {response: {keep_alive_http10: yes}}\n",
                   "t:1:42: defaults.response.keep_alive_http10: must be true or false\n"},
        ProblemRow{"QuotedTrue", "defaults: {response: {keep_alive_http10: \"true\"}}\n",
                   "t:1:42: defaults.response.keep_alive_http10: must be true or false\n"},
        ProblemRow{"AddressWithoutPort", "listen: {http: 127.0.0.1}\n",
                   "t:1:16: listen.http: must be host:port or unix:PATH\n"},
        ProblemRow{"AddressTwice", "listen: {grpc: [127.0.0.1:5], http: 127.0.0.1:5}\n",
                   "t:1:31: listen.http: another listener has this address\n"},
        ProblemRow{"BackoffBounds", "defaults: {pool: {backoff_max: 1ms}}\n",
                   "t:1:19: defaults.pool.backoff_max: must not be less than backoff_initial\n"},
        ProblemRow{"RetryBackoffsInDisorder", "defaults: {retry: {backoff_initial: 3s}}\n",
                   "t:1:12: defaults.retry.backoff_max: must not be less than backoff_initial\n"},
        ProblemRow{"StatusThatIsAResult", "defaults: {retry: {statuses: [503, 200]}}\n",
                   "t:1:36: defaults.retry.statuses[1]: must be a whole number from 400 to 599\n"},
        ProblemRow{"DestinationWithoutAnything", "destinations: [{}]\n",
                   "t:1:16: destinations[0].name: required, but missing\n"
                   "t:1:16: destinations[0].matches: required, but missing\n"},
        ProblemRow{"MatchWithoutHost", "destinations: [{name: a, matches: [{ports: [80]}]}]\n",
                   "t:1:36: destinations[0].matches[0].host: required, but missing\n"},
        ProblemRow{"NoMatches", "destinations: [{name: a, matches: []}]\n",
                   "t:1:35: destinations[0].matches: must have at least one entry\n"},
        ProblemRow{
            "BadName", "destinations: [{name: a b, matches: [{host: a.test}]}]\n",
            "t:1:23: destinations[0].name: must be 1 to 64 letters, digits, \".\", \"_\" and "
            "\"-\"\n"},
        ProblemRow{"BadScheme", "destinations: [{name: a, matches: [{scheme: ftp, host: a.t}]}]\n",
                   "t:1:45: destinations[0].matches[0].scheme: must be http or https\n"},
        ProblemRow{"BadPort", "destinations: [{name: a, matches: [{host: a.t, ports: [0]}]}]\n",
                   "t:1:56: destinations[0].matches[0].ports[0]: must be a whole number from 1 to "
                   "65535\n"},
        ProblemRow{"HostWithPort", "destinations: [{name: a, matches: [{host: \"a.t:80\"}]}]\n",
                   "t:1:43: destinations[0].matches[0].host: a host without a port; ports have a "
                   "field of their own\n"},
        ProblemRow{"WildcardInside", "destinations: [{name: a, matches: [{host: a.*.t}]}]\n",
                   "t:1:43: destinations[0].matches[0].host: a wildcard stands for whole labels "
                   "and only in front, as in *.suffix\n"},
        ProblemRow{"NameTwice",
                   "destinations:\n- {name: a, matches: [{host: a.t}]}\n"
                   "- {name: a, matches: [{host: b.t}]}\n",
                   "t:3:4: destinations[1].name: another destination has this name\n"},
        ProblemRow{"TieInAnotherSpelling",
                   "destinations:\n- {name: a, matches: [{host: a.t}]}\n"
                   "- {name: b, matches: [{host: A.T}]}\n",
                   "t:3:24: destinations[1].matches[0].host: as specific as "
                   "destinations[0].matches[0] and true of the same requests\n"},
        ProblemRow{"NoTieWithHalfAMatch",
                   "destinations:\n- {name: a, matches: [{host: a.t, ports: [0]}]}\n"
                   "- {name: b, matches: [{host: a.t}]}\n",
                   "t:2:43: destinations[0].matches[0].ports[0]: must be a whole number from 1 to "
                   "65535\n"},
        ProblemRow{"ValuesAreNeverEchoed", "listen: {http: sekret}\ndrain: {grace: sekret}\n",
                   "t:1:16: listen.http: must be host:port or unix:PATH\n"
                   "t:2:16: drain.grace: must be a time with units, such as 250ms or 1m30s\n"}),
    [](const testing::TestParamInfo<ProblemRow>& row) { return std::string(row.param.title); });

TEST(Config, ReadsTheFrontsOwnTls) {
  const char* text = R"(
listen:
  tls: {certificate_file: a.crt, key_file: a.key, client_ca_file: ca.crt}
  allow_insecure_remote: true
)";
  const ConfigResult config = ParseConfig(text, "t");
  ASSERT_TRUE(config.has_value()) << config.error().Text();
  FrontTlsFiles tls;
  tls.certificate_file = "a.crt";
  tls.key_file = "a.key";
  tls.client_ca_file = "ca.crt";
  tls.require_client_certificate = true;  // unless the file says otherwise
  EXPECT_EQ(config->listen.tls, tls);
  EXPECT_TRUE(config->listen.allow_insecure_remote);
  const ConfigResult again = ParseConfig(PrintEffectiveConfig(*config), "t");
  ASSERT_TRUE(again.has_value()) << again.error().Text();
  EXPECT_EQ(again->listen, config->listen);
  EXPECT_FALSE(DefaultConfig().listen.tls.any());
  EXPECT_EQ(ParseConfig("listen: {tls: {key_file: a}}\n", "t").error().Text(),
            "t:1:15: listen.tls.certificate_file: required, but missing\n");
}

TEST(Config, ReportsEveryProblemInTheOrderOfTheFile) {
  EXPECT_EQ(ProblemsOf("drain:\n  grace: x\n  lame: 1s\nlisten:\n  http: 1\nprocess:\n  loops: x\n"
                       "destinations:\n  - name: a\n    matches: [{host: a.t}, {host: a.t}]\n"),
            "t:2:10: drain.grace: must be a time with units, such as 250ms or 1m30s\n"
            "t:3:3: drain.lame: unknown key\n"
            "t:5:9: listen.http: must be host:port or unix:PATH\n"
            "t:7:10: process.loops: must be a whole number from 0 to 256\n"
            "t:10:29: destinations[0].matches[1].host: as specific as destinations[0].matches[0] "
            "and true of the same requests\n");
}

TEST(Config, StopsAfterTheMostProblems) {
  std::string text;
  for (int i = 0; i < 500; ++i) text += "key" + std::to_string(i) + ": 1\n";
  const ConfigResult config = ParseConfig(text, "t", 1);
  ASSERT_FALSE(config.has_value());
  EXPECT_EQ(config.error().problems.size(), kMaxConfigProblems);
  EXPECT_TRUE(config.error().Text().ends_with("t: there may be more\n"));
}

// C-067: missing, empty, unparsable, half-written: the loader says so and gives nothing.
TEST(Config, AFileThatCannotBeReadIsAProblem) {
  const ConfigResult missing = LoadConfig(testing::TempDir() + "no-such-file.yaml");
  ASSERT_FALSE(missing.has_value());
  EXPECT_NE(missing.error().Text().find("no-such-file.yaml: cannot be read: No such file"),
            std::string::npos);
  const ConfigResult folder = LoadConfig(testing::TempDir());
  ASSERT_FALSE(folder.has_value());
  EXPECT_NE(folder.error().Text().find("cannot be read: Is a directory"), std::string::npos);
  const ConfigResult endless = LoadConfig("/dev/zero");
  ASSERT_FALSE(endless.has_value());
  EXPECT_NE(endless.error().Text().find("larger than 1048576 bytes"), std::string::npos);
  const TemporaryFile empty("");
  EXPECT_FALSE(LoadConfig(empty.path()).has_value());
}

TEST(Config, LoadsAFile) {
  const TemporaryFile file("drain: {grace: 3s}\n");
  const ConfigResult config = LoadConfig(file.path(), 9);
  ASSERT_TRUE(config.has_value()) << config.error().Text();
  EXPECT_EQ(config->drain.grace, seconds(3));
  EXPECT_EQ(config->policy->version(), 9U);
}

TEST(CheckConfigCommand, PrintsTheEffectiveConfiguration) {
  const TemporaryFile file("defaults: {pool: {max_connections: 3}}\n");
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(CheckConfigCommand(file.path(), out, err), 0);
  EXPECT_EQ(err.str(), "");
  EXPECT_NE(out.str().find("    max_connections: 3\n"), std::string::npos);
  EXPECT_NE(out.str().find("    idle_timeout: 50s\n"), std::string::npos);
  EXPECT_TRUE(ParseConfig(out.str(), "printed").has_value());
}

TEST(CheckConfigCommand, PrintsProblemsAndFails) {
  const TemporaryFile file("drain: {grace: 3}\nx: 1\n");
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(CheckConfigCommand(file.path(), out, err), 1);
  EXPECT_EQ(out.str(), "");
  EXPECT_EQ(err.str(), file.path() +
                           ":1:16: drain.grace: must be a time with units, such as 250ms "
                           "or 1m30s\n" +
                           file.path() + ":2:1: x: unknown key\n");
}

}  // namespace
}  // namespace spillway
