// SOCKS5 proxies, good and hostile, as seen from both ends (O-288, O-293, O-294, O-297 to O-304;
// P10).

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "tests/hostile/proxy_fixture.h"
#include "tests/origin/board.h"
#include "tests/origin/text.h"

namespace spillway {
namespace {

using namespace std::string_literals;

constexpr const char* kUrl = "https://origin.test/a";
const std::string kNameRequest = "\x05\x01\x00\x03\x0borigin.test\x01\xbb"s;
const std::string kAddressRequest = "\x05\x01\x00\x01\x7f\x00\x00\x01\x01\xbb"s;

// Steps of a proxy that lets anybody in and opens the tunnel after a request of `size` bytes.
std::string Open(std::size_t size, const std::string& how = "") {
  return "expect_bytes 3\nsend \"\\x05\\0\"" + how + "\nexpect_bytes " + std::to_string(size) +
         "\nsend \"\\x05\\0\\0\\x01\\x7f\\0\\0\\x01\\x1f\\x90\"" + how + "\n";
}

TEST(SocksProxy, SocksResolvesHereAndSocks5hAtTheProxy_P10_O303) {
  struct Row {
    ProxyKind kind;
    std::string url, request;
  };
  const std::vector<Row> rows = {
      {ProxyKind::kSocks5h, kUrl, kNameRequest},
      {ProxyKind::kSocks5, kUrl, kAddressRequest},
      {ProxyKind::kSocks5h, "https://127.0.0.1/a", kAddressRequest},
      {ProxyKind::kSocks5, "https://127.0.0.1/a", kAddressRequest},
      {ProxyKind::kSocks5h, "https://[::1]/a",
       "\x05\x01\x00\x04"s + std::string(15, '\0') + "\x01\x01\xbb"s},
  };
  for (const Row& row : rows) {
    Origin proxy(Playing(Open(row.request.size()) + "tls\nserve\n"));
    TestClient client(ClientOf(Behind({ProxyAt(row.kind, proxy.port())})));
    const Story story = client.Get(row.url).Finish();
    ASSERT_TRUE(story.ok()) << row.url << story.Text();
    const SeenConnection seen = proxy.seen()[0];
    EXPECT_EQ(Escape(seen.stray), Escape("\x05\x01\x00"s + row.request)) << row.url;
    EXPECT_EQ(seen.requests.size(), 1U);
  }
}

TEST(SocksProxy, LogsInOnlyWhereItIsAskedTo_O288) {
  Origin proxy(
      Playing("expect_bytes 4\nsend \"\\x05\\x02\"\nexpect_bytes 14\nsend \"\\x01\\0\"\n"
              "expect_bytes 18\nsend \"\\x05\\0\\0\\x01\\0\\0\\0\\0\\0\\0\"\ntls\nserve\n"));
  TestClient client(ClientOf(Behind({ProxyAt(ProxyKind::kSocks5h, proxy.port(), Login::kUser)})));
  const Story story = client.Get(kUrl).Finish();
  ASSERT_TRUE(story.ok()) << story.Text();
  EXPECT_EQ(Escape(proxy.seen()[0].stray),
            Escape("\x05\x02\x00\x02\x01\x04user\x07hunter2"s + kNameRequest));
  EXPECT_EQ(proxy.seen()[0].requests[0].head.find(kSecret), std::string::npos);
}

TEST(SocksProxy, DrippedOrJoinedRepliesComeOutRight_O302) {
  Origin dripped(Playing(Open(kNameRequest.size(), " each") + "tls\nserve\n"));
  Origin joined(
      Playing("send \"\\x05\\0\\x05\\0\\0\\x01\\x7f\\0\\0\\x01\\x1f\\x90\"\nexpect_bytes " +
              std::to_string(3 + kNameRequest.size()) + "\ntls\nserve\n"));
  for (Origin* const proxy : {&dripped, &joined}) {
    TestClient client(ClientOf(Behind({ProxyAt(ProxyKind::kSocks5h, proxy->port())})));
    const Story story = client.Get(kUrl).Finish();
    EXPECT_TRUE(story.ok()) << story.Text();
    EXPECT_EQ(Escape(proxy->seen()[0].stray), Escape("\x05\x01\x00"s + kNameRequest));
  }
}

struct Refusal {
  std::string name;
  std::string script;
  Reason reason;
  std::uint32_t reply = 0;
};

class SocksProxyRefusal : public testing::TestWithParam<Refusal> {};

TEST_P(SocksProxyRefusal, IsATypedErrorAndTheRequestIsNotSent) {
  const Refusal& row = GetParam();
  Origin proxy(Playing(row.script + "\nstall\n"));
  TestClient client(ClientOf(Behind({ProxyAt(ProxyKind::kSocks5h, proxy.port(), Login::kUser)})));
  const Story story = client.Get(kUrl).Finish();
  ASSERT_EQ(story.reason(), row.reason) << story.Text();
  const Failure& failure = *story.record.failure;
  EXPECT_EQ(failure.delivery, Delivery::kNotSent);
  EXPECT_EQ(failure.source, Source::kProxy);
  EXPECT_EQ(failure.proxy_status, row.reply);
  EXPECT_NE(failure.message.find("socks5h://127.0.0.1:"), std::string::npos) << failure.message;
  EXPECT_EQ(failure.message.find(kSecret), std::string::npos) << failure.message;
  for (const SeenConnection& seen : SeenWhenClosed(proxy, 1)) {
    EXPECT_TRUE(seen.requests.empty());
    EXPECT_FALSE(seen.tls.hello);
  }
}

std::string Reply(const std::string& bytes) {
  return "expect_bytes 4\nsend \"\\x05\\0\"\nexpect_bytes 18\nsend \"" + bytes + "\"";
}

INSTANTIATE_TEST_SUITE_P(
    Rows, SocksProxyRefusal,
    testing::Values(
        Refusal{"O297_version_4", R"(send "\x04\x5a")", Reason::kProxyProtocolError},
        Refusal{"O297_http", R"(send "HTTP/1.1 400 Bad Request\r\n\r\n")",
                Reason::kProxyProtocolError},
        Refusal{"O297_no_method", R"(expect_bytes 4
send "\x05\xff")",
                Reason::kProxyAuthenticationRequired},
        Refusal{"O297_gssapi", R"(send "\x05\x01")", Reason::kProxyProtocolError},
        Refusal{"O298_login_refused", R"(expect_bytes 4
send "\x05\x02"
expect_bytes 14
send "\x01\x01")",
                Reason::kProxyAuthenticationRequired},
        Refusal{"O299_2", Reply(R"(\x05\x02\0\x01\0\0\0\0\0\0)"), Reason::kProxyDenied, 2},
        Refusal{"O299_4", Reply(R"(\x05\x04\0\x01\0\0\0\0\0\0)"), Reason::kDestinationIpUnroutable,
                4},
        Refusal{"O299_5", Reply(R"(\x05\x05\0\x01\0\0\0\0\0\0)"), Reason::kConnectionRefused, 5},
        Refusal{"O299_99", Reply(R"(\x05\x63\0\x01\0\0\0\0\0\0)"), Reason::kProxyDenied, 99},
        Refusal{"O300_unknown_type", Reply(R"(\x05\0\0\x09\0\0)"), Reason::kProxyProtocolError},
        Refusal{"O302_bytes_after", Reply(R"(\x05\0\0\x01\0\0\0\0\0\0\x16\x03)"),
                Reason::kProxyProtocolError},
        Refusal{"O282_fin", "expect_bytes 4\nfin", Reason::kConnectionTerminated},
        Refusal{"O282_rst", "expect_bytes 4\nrst", Reason::kConnectionTerminated}),
    [](const auto& row) { return row.param.name; });

TEST(SocksProxy, HasATimeLimitOfItsOwn_O283) {
  Origin proxy(Playing("expect_bytes 3\nsend \"\\x05\\0\"\nstall\n"));
  Destination destination = Behind({ProxyAt(ProxyKind::kSocks5h, proxy.port())});
  destination.timeouts.proxy = milliseconds(60);
  TestClient client(ClientOf(std::move(destination)));
  const Story story = client.Get(kUrl).Finish();
  EXPECT_EQ(story.reason(), Reason::kProxyTimeout) << story.Text();
  EXPECT_EQ(story.record.failure->source, Source::kProxy);
}

TEST(SocksProxy, TlsRulesOfTheDestinationHoldBehindIt_O293) {
  for (const ProxyKind kind : {ProxyKind::kSocks5, ProxyKind::kSocks5h}) {
    const std::size_t size =
        kind == ProxyKind::kSocks5 ? kAddressRequest.size() : kNameRequest.size();
    Origin proxy(Playing(Open(size) + "tls cert=unknown_ca\nserve\n"));
    TestClient client(ClientOf(Behind({ProxyAt(kind, proxy.port())})));
    const Story story = client.Get(kUrl).Finish();
    EXPECT_EQ(story.reason(), Reason::kTlsCertificateError) << story.Text();
    EXPECT_EQ(story.record.failure->source, Source::kTls) << story.Text();
    EXPECT_TRUE(proxy.seen()[0].requests.empty());
  }
}

TEST(SocksProxy, OriginsNeverShareATunnel_O294) {
  Origin proxy(Playing(Open(kAddressRequest.size()) + "serve\n"));
  TestClient client(ClientOf(Behind({ProxyAt(ProxyKind::kSocks5, proxy.port())})));
  for (const char* url : {"http://origin.test/", "http://other.test/", "http://origin.test:81/",
                          "http://origin.test/", "http://other.test/"}) {
    const Story story = client.Get(url).Finish();
    ASSERT_TRUE(story.ok()) << story.Text();
  }
  EXPECT_EQ(proxy.seen().size(), 3U);
}

TEST(SocksProxy, AddressRulesHoldForTheOriginBehindSocks5_O304_C066) {
  Origin proxy(Playing(Open(kAddressRequest.size()) + "serve\n"));
  TestClient::Options options = ClientOf(Behind({ProxyAt(ProxyKind::kSocks5, proxy.port())}));
  options.lookup = [](const std::string&, std::vector<std::string>& addresses) {
    addresses = {"169.254.169.254"};
    return 0;
  };
  options.address_allowed = [](const sockaddr* address, unsigned) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof(v4));
    return ntohl(v4.sin_addr.s_addr) >> 16 != 0xa9feU;
  };
  TestClient client(std::move(options));
  for (const std::string url : {"http://origin.test/", "http://169.254.169.254/"}) {
    const Story story = client.Get(url).Finish();
    EXPECT_EQ(story.reason(), Reason::kDestinationIpProhibited) << url << story.Text();
    EXPECT_EQ(story.delivery(), Delivery::kNotSent);
  }
}

// The first proxy's lookup ends when the dial has gone on to the second, to which its answer means
// nothing: a second CONNECT, with credentials, would go through the open tunnel.
TEST(SocksProxy, ALookupThatComesTooLateDisturbsNoOtherProxy_O284_O288) {
  Origin first(Playing("expect_bytes 3\nsignal greeted\nstall\n"));
  Origin second(
      Playing("expect_head\nsignal asked\nwait_for go\n"
              "send \"HTTP/1.1 200 ok\\r\\n\\r\\n\"\ntls\nserve\n"));
  Board names;
  Destination destination = Behind({ProxyAt(ProxyKind::kSocks5, first.port()),
                                    ProxyAt(ProxyKind::kHttp, second.port(), Login::kUser)});
  destination.timeouts.proxy = std::chrono::milliseconds(300);
  TestClient::Options options = ClientOf(std::move(destination));
  options.lookup = [&names](const std::string&, std::vector<std::string>& addresses) {
    names.Await("answer");
    addresses = {"127.0.0.1"};
    return 0;
  };
  TestClient client(std::move(options));
  const Call call = client.Get(kUrl);
  ASSERT_TRUE(second.board().Await("asked"));
  // Waits for the same answer, and shows the first proxy when it has come.
  const Call witness = client.Get("http://origin.test/");
  names.Signal("answer");
  ASSERT_TRUE(first.board().Await("greeted"));
  second.board().Signal("go");
  const Story story = call.Finish();
  EXPECT_TRUE(story.ok()) << story.Text();
}

}  // namespace
}  // namespace spillway
