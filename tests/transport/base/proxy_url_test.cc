#include "transport/base/proxy_url.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace spillway {
namespace {

TEST(ProxyUrl, ReadsEveryKindWithItsPort_P2) {
  struct Row {
    std::string text;
    ProxyKind kind;
    std::string host;
    HostKind host_kind;
    std::uint16_t port;
    std::string user, password, printed;
  };
  const std::vector<Row> rows = {
      {"http://p.test", ProxyKind::kHttp, "p.test", HostKind::kName, 80, "", "",
       "http://p.test:80"},
      {"https://p.test/", ProxyKind::kHttps, "p.test", HostKind::kName, 443, "", "",
       "https://p.test:443"},
      {"socks5://p.test", ProxyKind::kSocks5, "p.test", HostKind::kName, 1080, "", "",
       "socks5://p.test:1080"},
      {"socks5h://p.test", ProxyKind::kSocks5h, "p.test", HostKind::kName, 1080, "", "",
       "socks5h://p.test:1080"},
      {"HTTP://P.TEST:3128/", ProxyKind::kHttp, "p.test", HostKind::kName, 3128, "", "",
       "http://p.test:3128"},
      {"https://p.test:80", ProxyKind::kHttps, "p.test", HostKind::kName, 80, "", "",
       "https://p.test:80"},
      {"socks5://10.0.0.1:9", ProxyKind::kSocks5, "10.0.0.1", HostKind::kIpv4, 9, "", "",
       "socks5://10.0.0.1:9"},
      {"http://[2001:DB8::1]", ProxyKind::kHttp, "2001:db8::1", HostKind::kIpv6, 80, "", "",
       "http://[2001:db8::1]:80"},
      {"http://[::1]:8080", ProxyKind::kHttp, "::1", HostKind::kIpv6, 8080, "", "",
       "http://[::1]:8080"},
      {"http://u:p@p.test:1", ProxyKind::kHttp, "p.test", HostKind::kName, 1, "u", "p",
       "http://p.test:1"},
      {"http://u@p.test:1", ProxyKind::kHttp, "p.test", HostKind::kName, 1, "u", "",
       "http://p.test:1"},
      {"http://:token@p.test:1", ProxyKind::kHttp, "p.test", HostKind::kName, 1, "", "token",
       "http://p.test:1"},
      {"http://u%40corp:p%3Aa%2Fs%25@p.test:1", ProxyKind::kHttp, "p.test", HostKind::kName, 1,
       "u@corp", "p:a/s%", "http://p.test:1"},
      {"http://u:a:b@p.test:1", ProxyKind::kHttp, "p.test", HostKind::kName, 1, "u", "a:b",
       "http://p.test:1"},
      {"http://u:a@b@p.test:1", ProxyKind::kHttp, "p.test", HostKind::kName, 1, "u", "a@b",
       "http://p.test:1"},
  };
  for (const Row& row : rows) {
    const Result<ProxyServer> proxy = ParseProxyUrl(row.text, "url");
    ASSERT_TRUE(proxy.has_value()) << row.text << ": " << proxy.error().message;
    EXPECT_EQ(proxy->kind, row.kind) << row.text;
    EXPECT_EQ(proxy->host, row.host) << row.text;
    EXPECT_EQ(proxy->host_kind, row.host_kind) << row.text;
    EXPECT_EQ(proxy->port, row.port) << row.text;
    EXPECT_EQ(proxy->user, row.user) << row.text;
    EXPECT_EQ(proxy->password, row.password) << row.text;
    EXPECT_EQ(proxy->Text(), row.printed) << row.text;
    EXPECT_EQ(proxy->HasCredentials(), !row.user.empty() || !row.password.empty()) << row.text;
  }
}

TEST(ProxyUrl, RefusesWhatCannotBeMeantAndNeverSaysThePassword_P13) {
  const std::string secret = "hunter2";
  const std::string long_name(256, 'u');
  const std::vector<std::string> rows = {
      "",
      "p.test:3128",
      "://p.test",
      "ftp://u:hunter2@p.test",     // P13
      "socks4://u:hunter2@p.test",  // P13
      "socks://u:hunter2@p.test",
      "h2://p.test",
      "http//p.test",
      "http:/p.test",
      "http://",
      "http:///",
      "http://:3128",
      "http://u:hunter2@",
      "http://@p.test",
      "http://:@p.test",
      "http://u:hunter2@p.test:0",
      "http://u:hunter2@p.test:65536",
      "http://u:hunter2@p.test:x",
      "http://u:hunter2@p.test:",
      "http://u:hunter2@p.test:080",
      "http://u:hunter2@p.test/path",
      "http://u:hunter2@p.test//",
      "http://u:hunter2@p.test?q",
      "http://u:hunter2@p.test#f",
      "http://u:hunter2@p.test\\x",
      "http://u:hunter2@p .test",
      "http://u:hunter2@127.1",
      "http://u:hunter2@[::1",
      "http://u:hunter2@[fe80::1%25eth0]:80",
      "http://u:hunter2%@p.test",
      "http://u:hunter2%2@p.test",
      "http://u:hunter2%zz@p.test",
      "http://u%3Ax:hunter2@p.test",    // Basic cannot carry the colon
      "http://u:hunter2%0d%0a@p.test",  // nor a line end
      "socks5://:hunter2@p.test",
      "socks5://" + long_name + ":hunter2@p.test",    // O-298
      "socks5h://u:hunter2" + long_name + "@p.test",  // O-298
      "http://u:hunter2@" + std::string(kMaxProxyUrlBytes, 'a'),
  };
  for (const std::string& text : rows) {
    const Result<ProxyServer> proxy = ParseProxyUrl(text, "proxies[0].url");
    ASSERT_FALSE(proxy.has_value()) << text;
    EXPECT_EQ(proxy.error().field, "proxies[0].url") << text;
    EXPECT_EQ(proxy.error().message.rfind("proxies[0].url: ", 0), 0U) << proxy.error().message;
    EXPECT_EQ(proxy.error().message.find("url: url:"), std::string::npos) << proxy.error().message;
    EXPECT_EQ(proxy.error().message.find(secret), std::string::npos) << proxy.error().message;
  }
}

TEST(ProxyUrl, RefusesStaticHeadersThatAreNotTheConfigurations_P5) {
  struct Row {
    std::string name;
    HeaderList headers;
    bool good;
  };
  const std::vector<Row> rows = {
      {"none", {}, true},
      {"two", {{"X-Team", "a"}, {"User-Agent", "b"}}, true},
      {"O288_credentials", {{"Proxy-Authorization", "Basic x"}}, false},
      {"O288_origin_credentials", {{"authorization", "x"}}, false},
      {"host", {{"HOST", "x"}}, false},
      {"length", {{"Content-Length", "0"}}, false},
      {"coding", {{"Transfer-Encoding", "chunked"}}, false},
      {"line_end", {{"X", "a\r\nB: c"}}, false},
      {"name", {{"X Y", "a"}}, false},
      {"empty_name", {{"", "a"}}, false},
      {"long", {{"X", std::string(8192, 'a')}}, false},
  };
  for (const Row& row : rows) {
    ProxyServer proxy = *ParseProxyUrl("http://p.test", "url");
    proxy.connect_headers = row.headers;
    EXPECT_EQ(ProblemOf(proxy).empty(), row.good) << row.name;
    proxy.kind = ProxyKind::kSocks5;
    EXPECT_EQ(ProblemOf(proxy).empty(), row.headers.empty()) << row.name;
  }
}

}  // namespace
}  // namespace spillway
