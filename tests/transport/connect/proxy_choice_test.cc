// What a destination's rule and the environment say about a URL (N1 to N12, P1, O-307).

#include "transport/connect/proxy_choice.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "transport/base/proxy_environment.h"

namespace spillway {
namespace {

using Variables = std::map<std::string, std::string>;

ProxyRule Environment(const Variables& variables) {
  ProxyRule rule;
  rule.kind = ProxyRule::Kind::kEnvironment;
  rule.environment = ReadProxyEnvironment(
      [&](const std::string& name) {
        const auto found = variables.find(name);
        return found == variables.end() ? std::string() : found->second;
      },
      [](std::string_view user, std::string_view password) {
        return "digest of " + std::to_string(user.size()) + "+" + std::to_string(password.size());
      },
      std::make_shared<const TlsProfile>());
  return rule;
}

struct Row {
  std::string name;
  Variables variables;
  std::string url;
  std::string proxy;   // "" direct, "error" for a failure
  std::string reason;  // or a part of the failure's message
};

const std::vector<Row> kRows = {
    {"N1_nothing_set", {}, "http://a.test/", "", "HTTP_PROXY is not set"},
    {"N1_upper",
     {{"HTTP_PROXY", "http://p:1"}},
     "http://a.test/",
     "http://p:1",
     "environment variable HTTP_PROXY"},
    {"N1_lower",
     {{"http_proxy", "http://p:1"}},
     "http://a.test/",
     "http://p:1",
     "environment variable http_proxy"},
    {"N1_lower_wins",
     {{"http_proxy", "http://low:1"}, {"HTTP_PROXY", "http://up:1"}},
     "http://a.test/",
     "http://low:1",
     "http_proxy"},
    {"N1_lower_wins_https",
     {{"https_proxy", "http://low:1"}, {"HTTPS_PROXY", "http://up:1"}},
     "https://a.test/",
     "http://low:1",
     "https_proxy"},
    {"N1_lower_wins_no_proxy",
     {{"HTTP_PROXY", "http://p:1"}, {"no_proxy", "b.test"}, {"NO_PROXY", "a.test"}},
     "http://a.test/",
     "http://p:1",
     "HTTP_PROXY"},
    {"N1_empty_lower_is_not_set",
     {{"http_proxy", ""}, {"HTTP_PROXY", "http://up:1"}},
     "http://a.test/",
     "http://up:1",
     "HTTP_PROXY"},
    {"N2_https_takes_no_HTTP_PROXY",
     {{"HTTP_PROXY", "http://p:1"}},
     "https://a.test/",
     "",
     "HTTPS_PROXY is not set"},
    {"N2_http_takes_no_HTTPS_PROXY",
     {{"HTTPS_PROXY", "http://p:1"}},
     "http://a.test/",
     "",
     "HTTP_PROXY is not set"},
    {"N2_ALL_PROXY_is_nothing",
     {{"ALL_PROXY", "http://p:1"}, {"all_proxy", "http://p:1"}},
     "http://a.test/",
     "",
     "HTTP_PROXY is not set"},
    {"N3_no_scheme",
     {{"HTTP_PROXY", "p.corp:3128"}},
     "http://a.test/",
     "http://p.corp:3128",
     "HTTP_PROXY"},
    {"N3_no_scheme_no_port",
     {{"HTTP_PROXY", "p.corp"}},
     "http://a.test/",
     "http://p.corp:80",
     "HTTP_PROXY"},
    {"N3_no_scheme_address",
     {{"HTTP_PROXY", "10.0.0.1:1"}},
     "http://a.test/",
     "http://10.0.0.1:1",
     "HTTP_PROXY"},
    {"N3_no_scheme_credentials",
     {{"HTTPS_PROXY", "u:p@p.corp:1"}},
     "https://a.test/",
     "http://p.corp:1",
     "HTTPS_PROXY"},
    {"N3_https", {{"HTTPS_PROXY", "https://p"}}, "https://a.test/", "https://p:443", ""},
    {"N3_socks5", {{"HTTPS_PROXY", "socks5://p"}}, "https://a.test/", "socks5://p:1080", ""},
    {"N3_socks5h", {{"HTTP_PROXY", "socks5h://p"}}, "http://a.test/", "socks5h://p:1080", ""},
    {"N3_unusable_is_loud",
     {{"HTTP_PROXY", "http://hunter2@p:x"}},
     "http://a.test/",
     "error",
     "environment variable HTTP_PROXY the port is not"},
    {"N3_unusable_is_loud_for_its_scheme_alone",
     {{"HTTP_PROXY", "http://p:x"}, {"HTTPS_PROXY", "http://p:1"}},
     "https://a.test/",
     "http://p:1",
     ""},
    {"N3_blank", {{"HTTP_PROXY", " "}}, "http://a.test/", "error", "HTTP_PROXY"},
    {"P13_unknown_scheme",
     {{"HTTPS_PROXY", "ftp://p:1"}},
     "https://a.test/",
     "error",
     "has a scheme that is not http"},
    {"P13_socks4", {{"HTTPS_PROXY", "socks4://p:1"}}, "https://a.test/", "error", "scheme"},
    {"N4_cgi",
     {{"HTTP_PROXY", "http://p:1"}, {"REQUEST_METHOD", "GET"}},
     "http://a.test/",
     "error",
     "REQUEST_METHOD"},
    {"N4_cgi_lower",
     {{"http_proxy", "http://p:1"}, {"REQUEST_METHOD", "GET"}},
     "http://a.test/",
     "error",
     "REQUEST_METHOD"},
    {"N4_cgi_comes_before_no_proxy",
     {{"HTTP_PROXY", "http://p:1"}, {"REQUEST_METHOD", "GET"}, {"NO_PROXY", "*"}},
     "http://a.test/",
     "error",
     "REQUEST_METHOD"},
    {"N4_cgi_without_proxy", {{"REQUEST_METHOD", "GET"}}, "http://a.test/", "", ""},
    {"N4_cgi_https_is_unaffected",
     {{"HTTPS_PROXY", "http://p:1"}, {"REQUEST_METHOD", "GET"}},
     "https://a.test/",
     "http://p:1",
     ""},
    {"N5_localhost",
     {{"HTTP_PROXY", "http://p:1"}},
     "http://LocalHost/",
     "",
     "localhost is never proxied"},
    {"N5_loopback",
     {{"HTTP_PROXY", "http://p:1"}},
     "http://127.0.0.9/",
     "",
     "loopback address is never proxied"},
    {"N5_loopback_v6", {{"HTTPS_PROXY", "http://p:1"}}, "https://[::1]/", "", "loopback"},
    {"N5_below_localhost", {{"HTTP_PROXY", "http://p:1"}}, "http://x.localhost/", "http://p:1", ""},
    {"N6_malformed_entries_are_left_out",
     {{"HTTP_PROXY", "http://p:1"}, {"NO_PROXY", ":80,[,a.test"}},
     "http://a.test/",
     "",
     "NO_PROXY entry a.test"},
    {"N7_star",
     {{"HTTP_PROXY", "http://p:1"}, {"no_proxy", "*"}},
     "http://a.test/",
     "",
     "no_proxy entry *"},
    {"N12_networks_of_either_variable",
     {{"HTTP_PROXY", "http://p:1"}, {"no_proxy", "10.0.0.0/8"}},
     "http://10.1.1.1/",
     "",
     "no_proxy entry 10.0.0.0/8"},
};

// Which variable counts (N1), one for each scheme (N2), values that are short or wrong (N3, P13),
// CGI (N4), and who is not proxied (N5 to N7, N12).
TEST(ProxyChoice, FollowsTheEnvironment) {
  for (const Row& row : kRows) {
    const Result<ProxyChoice> choice =
        ChooseProxies(Environment(row.variables), *ParseUrl(row.url));
    if (row.proxy == "error") {
      ASSERT_FALSE(choice.has_value()) << row.name;
      EXPECT_EQ(choice.error().reason, Reason::kProxyConfigurationError) << row.name;
      EXPECT_EQ(choice.error().source, Source::kPolicy) << row.name;
      EXPECT_EQ(choice.error().delivery, Delivery::kNotSent) << row.name;
      EXPECT_NE(choice.error().message.find(row.reason), std::string::npos)
          << row.name << ": " << choice.error().message;
      EXPECT_EQ(choice.error().message.find("hunter2"), std::string::npos) << row.name;
      continue;
    }
    ASSERT_TRUE(choice.has_value()) << row.name << ": " << choice.error().message;
    // Never silently direct behind a proxy of the environment (O-307).
    ASSERT_EQ(choice->servers.size(), 1U) << row.name;
    const ProxyServerPtr& server = choice->servers[0];
    EXPECT_EQ(server == nullptr ? "" : server->Text(), row.proxy) << row.name;
    EXPECT_NE(choice->reason.find(row.reason), std::string::npos)
        << row.name << ": " << choice->reason;
  }
}

TEST(ProxyChoice, GivesAProxyOfTheEnvironmentItsCredentialsDigestAndTls_N3) {
  const ProxyRule rule = Environment({{"HTTPS_PROXY", "https://user:pass%20word@p:1"}});
  const Result<ProxyChoice> choice = ChooseProxies(rule, *ParseUrl("https://a.test/"));
  ASSERT_TRUE(choice.has_value());
  const ProxyServer& proxy = *choice->servers.at(0);
  EXPECT_EQ(proxy.user, "user");
  EXPECT_EQ(proxy.password, "pass word");
  EXPECT_EQ(proxy.credential_digest, "digest of 4+9");
  EXPECT_NE(proxy.tls, nullptr);
  EXPECT_EQ(proxy.name, "");
}

TEST(ProxyChoice, ReportsMalformedNoProxyEntriesOfTheEnvironment_N6) {
  const ProxyRule rule = Environment({{"NO_PROXY", "a.test,:80"}});
  ASSERT_EQ(rule.environment->no_proxy.problems().size(), 1U);
  EXPECT_EQ(rule.environment->no_proxy_variable, "NO_PROXY");
}

TEST(ProxyChoice, GivesTheServersOfADestinationInTheirOrder_O307) {
  ProxyRule rule;
  rule.kind = ProxyRule::Kind::kServers;
  for (const std::uint16_t port : {std::uint16_t{1}, std::uint16_t{2}}) {
    ProxyServer server;
    server.host = "p";
    server.port = port;
    rule.servers.push_back(std::make_shared<const ProxyServer>(server));
  }
  rule.no_proxy = NoProxy::Parse(".corp.test,10.0.0.0/8");
  Result<ProxyChoice> choice = ChooseProxies(rule, *ParseUrl("https://a.test/"));
  ASSERT_TRUE(choice.has_value());
  EXPECT_EQ(choice->servers, rule.servers);  // and nothing after them: fails closed
  EXPECT_EQ(choice->reason, "the destination's proxies");

  choice = ChooseProxies(rule, *ParseUrl("https://a.corp.test/"));
  ASSERT_TRUE(choice.has_value());
  EXPECT_EQ(choice->servers, std::vector<ProxyServerPtr>{nullptr});
  EXPECT_EQ(choice->reason, "no_proxy entry .corp.test");

  // Servers named by configuration serve loopback addresses too: whoever names them means it.
  choice = ChooseProxies(rule, *ParseUrl("http://127.0.0.1/"));
  ASSERT_TRUE(choice.has_value());
  EXPECT_EQ(choice->servers.size(), 2U);

  rule.then_direct = true;
  choice = ChooseProxies(rule, *ParseUrl("https://a.test/"));
  ASSERT_TRUE(choice.has_value());
  ASSERT_EQ(choice->servers.size(), 3U);
  EXPECT_EQ(choice->servers.back(), nullptr);
}

TEST(ProxyChoice, IsAnErrorWhereARuleNamesNothing_P1) {
  ProxyRule rule;
  EXPECT_EQ(ChooseProxies(rule, *ParseUrl("http://a.test/"))->servers,
            std::vector<ProxyServerPtr>{nullptr});
  for (const ProxyRule::Kind kind : {ProxyRule::Kind::kServers, ProxyRule::Kind::kEnvironment}) {
    rule.kind = kind;
    const Result<ProxyChoice> choice = ChooseProxies(rule, *ParseUrl("http://a.test/"));
    ASSERT_FALSE(choice.has_value());
    EXPECT_EQ(choice.error().reason, Reason::kProxyConfigurationError);
  }
}

}  // namespace
}  // namespace spillway
