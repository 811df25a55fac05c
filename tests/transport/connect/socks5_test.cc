#include "transport/connect/socks5.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace spillway {
namespace {

using namespace std::string_literals;
using State = Socks5Handshake::State;

ProxyServer Proxy(std::string user = {}, std::string password = {}) {
  ProxyServer proxy;
  proxy.kind = ProxyKind::kSocks5h;
  proxy.host = "proxy.test";
  proxy.port = 1080;
  proxy.user = std::move(user);
  proxy.password = std::move(password);
  return proxy;
}

// What it wants to send, taken.
std::string Take(Socks5Handshake& handshake) {
  std::string out(handshake.output());
  handshake.OnSent(out.size());
  return out;
}

const std::string kGreeting = "\x05\x01\x00"s;
const std::string kGreetingWithLogin = "\x05\x02\x00\x02"s;
const std::string kNoLogin = "\x05\x00"s;
const std::string kLogin = "\x05\x02"s;
const std::string kLoginOk = "\x01\x00"s;
const std::string kReply = "\x05\x00\x00\x01\x7f\x00\x00\x01\x1f\x90"s;

TEST(Socks5, AsksForANameAsAName_P10) {
  Socks5Handshake handshake(Proxy(), "example.com", HostKind::kName, 443);
  EXPECT_EQ(Take(handshake), kGreeting);
  EXPECT_EQ(handshake.Feed(kNoLogin), State::kMore);
  EXPECT_EQ(Take(handshake), "\x05\x01\x00\x03\x0b"s + "example.com" + "\x01\xbb");
  EXPECT_EQ(handshake.Feed(kReply), State::kOpen);
  EXPECT_TRUE(handshake.output().empty());
}

TEST(Socks5, AsksForAddressesAsAddresses_P10) {
  const std::string ipv4 = "\x05\x01\x00\x01\x0a\x00\x00\xff\x00\x50"s;
  const std::string ipv6 =
      "\x05\x01\x00\x04\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\xff\xff"s;
  Socks5Handshake host4(Proxy(), "10.0.0.255", HostKind::kIpv4, 80);
  Socks5Handshake host6(Proxy(), "2001:db8::1", HostKind::kIpv6, 65535);
  Socks5Handshake address4(Proxy(), *IpAddress::Parse("10.0.0.255"), 80);
  Socks5Handshake address6(Proxy(), *IpAddress::Parse("2001:db8::1"), 65535);
  for (Socks5Handshake* const handshake : {&host4, &host6, &address4, &address6}) {
    Take(*handshake);
    handshake->Feed(kNoLogin);
    EXPECT_EQ(Take(*handshake), handshake == &host4 || handshake == &address4 ? ipv4 : ipv6);
  }
}

TEST(Socks5, LogsInWhenTheProxyChoosesSo_P10) {
  Socks5Handshake handshake(Proxy("user", "pass"), "h", HostKind::kName, 80);
  EXPECT_EQ(Take(handshake), kGreetingWithLogin);
  handshake.Feed(kLogin);
  EXPECT_EQ(Take(handshake), "\x01\x04"s + "user" + "\x04" + "pass");
  handshake.Feed(kLoginOk);
  EXPECT_EQ(Take(handshake), "\x05\x01\x00\x03\x01h\x00\x50"s);
  EXPECT_EQ(handshake.Feed(kReply), State::kOpen);
}

TEST(Socks5, SendsNoCredentialsToAProxyThatWantsNone_O288) {
  Socks5Handshake handshake(Proxy("user", "secret"), "h", HostKind::kName, 80);
  std::string sent = Take(handshake);
  handshake.Feed(kNoLogin);
  sent += Take(handshake);
  EXPECT_EQ(handshake.Feed(kReply), State::kOpen);
  EXPECT_EQ(sent.find("secret"), std::string::npos);
}

TEST(Socks5, ChecksLengthsBeforeItSendsAnything_O298_O301) {
  const std::string longest(255, 'a');
  const std::string longer(256, 'a');
  struct Row {
    std::string name, user, password, host;
    bool fits;
  };
  const std::vector<Row> rows = {
      {"O298_no_credentials", "", "", "h", true},
      {"O298_user_255", longest, "p", "h", true},
      {"O298_user_256", longer, "p", "h", false},
      {"O298_password_255", "u", longest, "h", true},
      {"O298_password_256", "u", longer, "h", false},
      {"O298_password_0", "u", "", "h", true},
      {"O298_user_0", "", "p", "h", false},
      {"O301_host_255", "", "", longest, true},
      {"O301_host_256", "", "", longer, false},
      {"O301_host_65536", "", "", std::string(65536, 'a'), false},
      {"host_0", "", "", "", false},
  };
  for (const Row& row : rows) {
    Socks5Handshake handshake(Proxy(row.user, row.password), row.host, HostKind::kName, 80);
    EXPECT_EQ(handshake.state(), row.fits ? State::kMore : State::kFailed) << row.name;
    EXPECT_EQ(handshake.output().empty(), !row.fits) << row.name;
    if (row.fits) continue;
    EXPECT_EQ(handshake.failure().reason, Reason::kProxyConfigurationError) << row.name;
    EXPECT_EQ(handshake.failure().delivery, Delivery::kNotSent) << row.name;
    EXPECT_EQ(handshake.Feed(kNoLogin), State::kFailed) << row.name;
  }
  Socks5Handshake not_an_address(Proxy(), "1.2.3", HostKind::kIpv4, 80);
  EXPECT_EQ(not_an_address.state(), State::kFailed);
}

TEST(Socks5, WritesLengthsOf128AndAboveAsUnsigned_O301) {
  Socks5Handshake handshake(Proxy(), std::string(255, 'a'), HostKind::kName, 80);
  Take(handshake);
  handshake.Feed(kNoLogin);
  const std::string request = Take(handshake);
  EXPECT_EQ(request.size(), 4U + 1 + 255 + 2);
  EXPECT_EQ(static_cast<unsigned char>(request[4]), 255);
}

struct Row {
  std::string name;
  bool login;
  std::string bytes;  // all that the proxy sends
  State state = State::kFailed;
  Reason reason = Reason::kProxyProtocolError;
  std::uint32_t reply = 0;
  std::string message = {};
};

std::string NamedReply(std::size_t length) {
  return "\x05\x00\x00\x03"s + static_cast<char>(length) + std::string(length, 'n') + "\x00\x50"s;
}

const std::vector<Row>& Rows() {
  static const std::vector<Row> rows = [] {
    std::vector<Row> all = {
        {"O302_all_in_one_segment", true, kLogin + kLoginOk + kReply, State::kOpen},
        {"reply_ipv6", false, kNoLogin + "\x05\x00\x00\x04"s + std::string(18, '\0'), State::kOpen},
        {"O300_name_0", false, kNoLogin + NamedReply(0), State::kOpen},
        {"O300_name_1", false, kNoLogin + NamedReply(1), State::kOpen},
        {"O300_name_128", false, kNoLogin + NamedReply(128), State::kOpen},
        {"O300_name_255", false, kNoLogin + NamedReply(255), State::kOpen},
        {"O300_type_0", false, kNoLogin + "\x05\x00\x00\x00\x00"s},
        {"O300_type_2", false, kNoLogin + "\x05\x00\x00\x02\x00"s},
        {"O300_type_5", false, kNoLogin + "\x05\x00\x00\x05\x00"s},
        {"O300_type_255", false, kNoLogin + "\x05\x00\x00\xff\x00"s},
        {"O300_cut", false, kNoLogin + NamedReply(255).substr(0, 200), State::kMore},
        {"O302_extra_byte", false, kNoLogin + kReply + "x", State::kFailed,
         Reason::kProxyProtocolError, 0, "after its last"},
        {"O302_extra_response", false, kNoLogin + kReply + "HTTP/1.1 200 OK\r\n\r\n"},
        {"O297_version_4", false, "\x04\x5a"s, State::kFailed, Reason::kProxyProtocolError, 0,
         "does not speak SOCKS5"},
        {"O297_version_0", false, "\x00\x00"s},
        {"O297_version_255", false, "\xff\x00"s},
        {"O297_http", false, "HTTP/1.1 400 Bad Request\r\n\r\n"},
        {"O297_none_acceptable", false, "\x05\xff"s, State::kFailed,
         Reason::kProxyAuthenticationRequired},
        {"O297_none_acceptable_with_login", true, "\x05\xff"s, State::kFailed,
         Reason::kProxyAuthenticationRequired},
        {"O297_login_not_offered", false, kLogin, State::kFailed, Reason::kProxyProtocolError, 0,
         "not offered"},
        {"O297_gssapi", true, "\x05\x01"s, State::kFailed, Reason::kProxyProtocolError, 0,
         "not offered"},
        {"O298_login_refused", true, kLogin + "\x01\x01"s, State::kFailed,
         Reason::kProxyAuthenticationRequired, 0, "refused the credentials"},
        {"O298_login_refused_255", true, kLogin + "\x01\xff"s, State::kFailed,
         Reason::kProxyAuthenticationRequired},
        {"login_version", true, kLogin + "\x05\x00"s},
        {"reply_version", false, kNoLogin + "\x04\x00"s},
        {"reply_reserved", false, kNoLogin + "\x05\x00\x01\x01"s},
        {"O299_1_general", false, kNoLogin + "\x05\x01"s, State::kFailed, Reason::kProxyDenied, 1},
        {"O299_2_policy", false, kNoLogin + "\x05\x02"s, State::kFailed, Reason::kProxyDenied, 2,
         "rules"},
        {"O299_3_network", false, kNoLogin + "\x05\x03"s, State::kFailed,
         Reason::kDestinationIpUnroutable, 3},
        {"O299_4_host", false, kNoLogin + "\x05\x04"s, State::kFailed,
         Reason::kDestinationIpUnroutable, 4},
        {"O299_5_refused", false, kNoLogin + "\x05\x05"s, State::kFailed,
         Reason::kConnectionRefused, 5},
        {"O299_6_ttl", false, kNoLogin + "\x05\x06"s, State::kFailed, Reason::kConnectionTimeout,
         6},
        {"O299_7_command", false, kNoLogin + "\x05\x07"s, State::kFailed, Reason::kProxyDenied, 7},
        {"O299_8_address_type", false, kNoLogin + "\x05\x08"s, State::kFailed, Reason::kProxyDenied,
         8},
        {"O299_whole_reply", false, kNoLogin + "\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00"s,
         State::kFailed, Reason::kConnectionRefused, 5},
        {"more", true, "\x05"s, State::kMore},
        {"more_nothing", true, "", State::kMore},
    };
    for (unsigned code = 9; code <= 255; ++code) {
      all.push_back({"O299_" + std::to_string(code), false,
                     kNoLogin + "\x05"s + static_cast<char>(code), State::kFailed,
                     Reason::kProxyDenied, code, "without meaning"});
    }
    return all;
  }();
  return rows;
}

void Check(const Row& row, const Socks5Handshake& handshake) {
  EXPECT_EQ(handshake.state(), row.state) << row.name << ": " << handshake.failure().message;
  if (row.state != State::kFailed) return;
  const Failure& failure = handshake.failure();
  EXPECT_EQ(failure.reason, row.reason) << row.name << ": " << failure.message;
  EXPECT_EQ(failure.source, Source::kProxy) << row.name;
  EXPECT_EQ(failure.phase, Phase::kProxy) << row.name;
  EXPECT_EQ(failure.delivery, Delivery::kNotSent) << row.name;
  EXPECT_EQ(failure.proxy_status, row.reply) << row.name;
  EXPECT_TRUE(handshake.output().empty()) << row.name;
  EXPECT_NE(failure.message.find("proxy socks5h://proxy.test:1080 "), std::string::npos);
  EXPECT_NE(failure.message.find(row.message), std::string::npos)
      << row.name << ": " << failure.message;
  EXPECT_EQ(failure.message.find("secret"), std::string::npos) << row.name;
}

TEST(Socks5, ReadsEveryRowInOnePieceAndDripped_O302) {
  for (const Row& row : Rows()) {
    const ProxyServer proxy = row.login ? Proxy("user", "secret") : Proxy();
    Socks5Handshake whole(proxy, "h", HostKind::kName, 80);
    whole.Feed(row.bytes);
    Take(whole);
    Check(row, whole);

    Socks5Handshake dripped(proxy, "h", HostKind::kName, 80);
    for (const char c : row.bytes) {
      Take(dripped);
      dripped.Feed(std::string_view(&c, 1));
    }
    Take(dripped);
    Check(row, dripped);
  }
}

TEST(Socks5, OpensOnlyWhenAllOfItWasSent) {
  Socks5Handshake handshake(Proxy(), "h", HostKind::kName, 80);
  EXPECT_EQ(handshake.Feed(kNoLogin + kReply), State::kMore);
  handshake.OnSent(handshake.output().size() - 1);
  EXPECT_EQ(handshake.state(), State::kMore);
  handshake.OnSent(1);
  EXPECT_EQ(handshake.state(), State::kOpen);
}

TEST(Socks5, FailsWhenTheProxyEndsEarly_O282) {
  for (const std::string& bytes : {""s, "\x05"s, kNoLogin, kNoLogin + kReply.substr(0, 9)}) {
    Socks5Handshake handshake(Proxy(), "h", HostKind::kName, 80);
    Take(handshake);
    handshake.Feed(bytes);
    EXPECT_EQ(handshake.End(), State::kFailed);
    EXPECT_EQ(handshake.failure().reason, Reason::kConnectionTerminated);
    EXPECT_EQ(handshake.failure().source, Source::kProxy);
  }
}

}  // namespace
}  // namespace spillway
