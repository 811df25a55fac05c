// HTTP proxies that refuse, break the protocol, hang or lie (O-273 to O-290, O-293 to O-296, O-307;
// P1 to P8, P11, P12).

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/hostile/proxy_fixture.h"
#include "tests/origin/text.h"

namespace spillway {
namespace {

constexpr const char* kUrl = "https://origin.test/a";
constexpr std::string_view kTunnel =
    "expect_head\nsend \"HTTP/1.1 200 Connection established\\r\\n\\r\\n\"\n";

std::string Tunnel(std::string_view then = "tls\nserve\n") {
  return std::string(kTunnel) + std::string(then);
}

// The step that answers with a whole response.
std::string Send(std::uint32_t status, std::string_view body, std::string_view headers = "") {
  return "send \"" + Escape(Answer(status, body, headers)) + "\"\n";
}

// Sends a request with everything that must not be told to a proxy.
Story SendSecretPost(TestClient& client) {
  Request request;
  request.method = "POST";
  request.url = kUrl;
  request.headers.Add("Authorization", "origin-secret");
  request.headers.Add("Cookie", "origin-secret");
  request.body = std::make_unique<BufferedBody>(Body::Of("origin-secret"));
  return client.Start(std::move(request)).Finish();
}

TEST(HttpProxy, CarriesTlsWithTheOriginThroughATunnel_P5_O288) {
  Origin proxy(Playing(Tunnel()));
  TestClient client(ClientOf(Behind({ProxyAt(ProxyKind::kHttp, proxy.port(), Login::kUser)})));
  const Story story = SendSecretPost(client);
  ASSERT_TRUE(story.ok()) << story.Text();
  EXPECT_EQ(story.body, "served");
  EXPECT_EQ(story.record.connection->proxy, "http://127.0.0.1:" + std::to_string(proxy.port()));
  const std::vector<SeenConnection> seen = proxy.seen();
  ASSERT_EQ(seen.size(), 1U);
  ASSERT_EQ(seen[0].requests.size(), 2U);
  EXPECT_EQ(seen[0].requests[0].head,
            "CONNECT origin.test:443 HTTP/1.1\r\nHost: origin.test:443\r\n"
            "Proxy-Authorization: Basic dXNlcjpodW50ZXIy\r\n\r\n");
  const SeenRequest& inside = seen[0].requests[1];
  EXPECT_EQ(inside.method, "POST");
  EXPECT_EQ(inside.target, "/a");
  EXPECT_EQ(inside.Count("Proxy-Authorization"), 0U);
  EXPECT_EQ(inside.Find("Authorization"), "origin-secret");
  EXPECT_EQ(seen[0].tls.server_name, "origin.test");  // P9
}

struct Refusal {
  std::string name;
  std::string answer;  // a `send` and what follows
  Reason reason;
  std::uint32_t status = 0;
};

class HttpProxyRefusal : public testing::TestWithParam<Refusal> {};

// Nothing of the request reaches a proxy that does not open the tunnel, the connection is not used
// again, and the error says who, when and why but no secret.
TEST_P(HttpProxyRefusal, IsATypedErrorAndTheRequestIsNotSent) {
  const Refusal& row = GetParam();
  Origin proxy(Playing("expect_head\n" + row.answer + "\n"));
  TestClient client(ClientOf(Behind({ProxyAt(ProxyKind::kHttp, proxy.port(), Login::kUser)})));
  const Story story = SendSecretPost(client);
  ASSERT_EQ(story.reason(), row.reason) << story.Text();
  const Failure& failure = *story.record.failure;
  EXPECT_EQ(failure.delivery, Delivery::kNotSent);
  EXPECT_EQ(failure.source, Source::kProxy);
  EXPECT_EQ(failure.phase, Phase::kProxy);
  EXPECT_EQ(failure.proxy_status, row.status);
  EXPECT_NE(failure.message.find("http://127.0.0.1:"), std::string::npos) << failure.message;
  EXPECT_EQ(failure.message.find(kSecret), std::string::npos) << failure.message;
  for (const SeenConnection& seen : SeenWhenClosed(proxy, 1)) {
    ASSERT_EQ(seen.requests.size(), 1U);
    EXPECT_EQ(seen.requests[0].method, "CONNECT");
    EXPECT_EQ(seen.requests[0].head.find("origin-secret"), std::string::npos);
    EXPECT_EQ(seen.bytes, seen.requests[0].head.size());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Rows, HttpProxyRefusal,
    testing::Values(
        Refusal{"O273_407_basic", Send(407, "no", "Proxy-Authenticate: Basic realm=\"x\"\r\n"),
                Reason::kProxyAuthenticationRequired, 407},
        Refusal{"O273_407_ntlm", Send(407, "", "Proxy-Authenticate: NTLM\r\n"),
                Reason::kProxyAuthenticationRequired, 407},
        Refusal{"O274_401", Send(401, "", "WWW-Authenticate: Basic\r\n"), Reason::kProxyDenied,
                401},
        Refusal{"O277_204", R"(send "HTTP/1.1 204 No Content\r\n\r\n")", Reason::kProxyDenied, 204},
        Refusal{"O279_302", Send(302, "moved", "Location: http://evil.test/\r\n"),
                Reason::kProxyDenied, 302},
        Refusal{"O279_403", Send(403, "forbidden by the proxy"), Reason::kProxyDenied, 403},
        Refusal{"O279_502", Send(502, ""), Reason::kProxyDenied, 502},
        Refusal{"O276_O228_bytes_after", R"(send "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")",
                Reason::kProxyProtocolError, 200},
        Refusal{"O280_endless", R"(send "HTTP/1.1 200 OK\r\n" + "X: 0123456789abcdef\r\n"*2000)",
                Reason::kProxyProtocolError, 200},
        Refusal{"O281_nul", R"(send "HTTP/1.1 200 OK\r\nA: \0\r\n\r\n")",
                Reason::kProxyProtocolError, 200},
        Refusal{"O281_bare_lf", R"(send "HTTP/1.1 200 OK\n\n")", Reason::kProxyProtocolError, 0},
        Refusal{"O282_fin", "fin", Reason::kConnectionTerminated, 0},
        Refusal{"O282_fin_mid_header", "send \"HTTP/1.1 200 OK\\r\\nA\"\nfin",
                Reason::kConnectionTerminated, 200},
        Refusal{"O282_rst", "rst", Reason::kConnectionTerminated, 0},
        Refusal{"not_http", R"(send "SSH-2.0-x\r\n")", Reason::kProxyProtocolError, 0}),
    [](const auto& row) { return row.param.name; });

TEST(HttpProxy, TakesTheAnswersOfOldAndOddProxies_O275_O278_O286) {
  for (const std::string_view answer :
       {"HTTP/1.0 200 OK\\r\\n\\r\\n", "HTTP/1.1 200\\r\\nContent-Length: 5\\r\\n\\r\\n",
        "HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n",
        "HTTP/1.1 103 Early\\r\\n\\r\\nHTTP/1.1 200 OK\\r\\n\\r\\n"}) {
    for (const std::string_view how : {"", " each"}) {
      Origin proxy(Playing("expect_head\nsend \"" + std::string(answer) + "\"" + std::string(how) +
                           "\ntls\nserve\n"));
      TestClient client(ClientOf(Behind({ProxyAt(ProxyKind::kHttp, proxy.port())})));
      const Story story = client.Get(kUrl).Finish();
      EXPECT_TRUE(story.ok()) << answer << how << ": " << story.Text();
    }
  }
}

TEST(HttpProxy, HasATimeLimitOfItsOwn_O283_P7) {
  for (const std::string_view script :
       {"expect_head\nstall\n", "expect_head\ndrip \"HTTP/1.1 200 OK\\r\\n\" every 1s forever\n"}) {
    Origin proxy(Playing(script));
    Destination destination = Behind({ProxyAt(ProxyKind::kHttp, proxy.port())});
    destination.timeouts.proxy = milliseconds(60);
    TestClient client(ClientOf(std::move(destination)));
    const Story story = client.Get(kUrl).Finish();
    EXPECT_EQ(story.reason(), Reason::kProxyTimeout) << story.Text();
    EXPECT_EQ(story.record.failure->source, Source::kProxy);
    EXPECT_EQ(story.delivery(), Delivery::kNotSent);
    SeenWhenClosed(proxy, 1);
  }
}

TEST(HttpProxy, TriesTheNextProxyWhenATunnelBreaksDuringTls_O284) {
  Origin bad(Playing(Tunnel("tls cut=40\nrst\n")));
  Origin good(Playing(Tunnel()));
  {
    TestClient client(ClientOf(Behind({ProxyAt(ProxyKind::kHttp, bad.port())})));
    const Story story = client.Get(kUrl).Finish();
    EXPECT_FALSE(story.ok());
    EXPECT_EQ(story.delivery(), Delivery::kNotSent) << story.Text();
    EXPECT_EQ(story.phase(), Phase::kTls) << story.Text();
  }
  TestClient client(ClientOf(
      Behind({ProxyAt(ProxyKind::kHttp, bad.port()), ProxyAt(ProxyKind::kHttp, good.port())})));
  const Story story = client.Get(kUrl).Finish();
  ASSERT_TRUE(story.ok()) << story.Text();
  EXPECT_EQ(story.record.connection->proxy, "http://127.0.0.1:" + std::to_string(good.port()));
}

TEST(HttpProxy, ClosingTheTunnelMidResponseIsTheOriginsEnd_O285) {
  for (const std::string_view end : {"rst\n", "close_notify\nfin\n"}) {
    Origin proxy(Playing(Tunnel(
        "tls\nexpect_head\nsend \"HTTP/1.1 200 OK\\r\\nContent-Length: 10\\r\\n\\r\\nabc\"\n" +
        std::string(end))));
    TestClient client(ClientOf(Behind({ProxyAt(ProxyKind::kHttp, proxy.port())})));
    const Story story = client.Get(kUrl).Finish();
    EXPECT_FALSE(story.ok());
    EXPECT_NE(story.record.failure->source, Source::kProxy) << story.Text();
    EXPECT_NE(story.delivery(), Delivery::kNotSent) << story.Text();
  }
}

TEST(HttpProxy, FailsClosedUnlessPolicySaysDirect_O307_P8) {
  Origin origin(Playing("tls\nserve\n"));
  const ClosedPort dead;
  Destination destination = Behind({ProxyAt(ProxyKind::kHttp, dead.port())});
  const std::string url = "https://origin.test:" + std::to_string(origin.port()) + "/";
  {
    TestClient client(ClientOf(destination));
    const Story story = client.Get(url).Finish();
    EXPECT_EQ(story.reason(), Reason::kConnectionRefused) << story.Text();
    EXPECT_EQ(story.record.failure->source, Source::kProxy) << story.Text();
    EXPECT_EQ(story.delivery(), Delivery::kNotSent);
    EXPECT_TRUE(origin.seen().empty());
  }
  destination.proxy.then_direct = true;
  TestClient client(ClientOf(std::move(destination)));
  const Story story = client.Get(url).Finish();
  ASSERT_TRUE(story.ok()) << story.Text();
  EXPECT_EQ(story.record.connection->proxy, "");
}

TEST(HttpProxy, HostsOfNoProxyGoDirect_N10_C066) {
  Origin origin(Playing("tls\nserve\n"));
  const ClosedPort dead;
  Destination destination = Behind({ProxyAt(ProxyKind::kHttp, dead.port())});
  destination.proxy.no_proxy = NoProxy::Parse("origin.test");
  TestClient client(ClientOf(std::move(destination)));
  const std::string port = std::to_string(origin.port());
  EXPECT_TRUE(client.Get("https://origin.test:" + port + "/").Finish().ok());
  EXPECT_EQ(client.Get("https://other.test:" + port + "/").Finish().reason(),
            Reason::kConnectionRefused);
}

TEST(HttpProxy, IsAskedInAbsoluteFormForHttpUrls_P3_P4_O287) {
  Origin proxy(Playing(
      "repeat 2\nexpect_head\n" +
      Send(200, "fetched", "Proxy-Authenticate: x\r\nProxy-Connection: keep-alive\r\nA: b\r\n") +
      "end\nserve\n"));
  TestClient client(ClientOf(Behind({ProxyAt(ProxyKind::kHttp, proxy.port(), Login::kUser)})));
  for (int i = 0; i < 2; ++i) {
    Request request;
    request.url = "http://origin.test:81/a?b";
    request.headers.Add("Host", "elsewhere.test");
    const Story story = client.Start(std::move(request)).Finish();
    ASSERT_TRUE(story.ok()) << story.Text();
    EXPECT_EQ(story.body, "fetched");
    EXPECT_FALSE(story.head->headers.Has("Proxy-Authenticate"));
    EXPECT_FALSE(story.head->headers.Has("Proxy-Connection"));
    EXPECT_EQ(story.head->headers.Find("A"), "b");
  }
  const std::vector<SeenConnection> seen = proxy.seen();
  ASSERT_EQ(seen.size(), 1U);
  ASSERT_EQ(seen[0].requests.size(), 2U);
  for (const SeenRequest& request : seen[0].requests) {
    EXPECT_EQ(request.target, "http://origin.test:81/a?b");
    EXPECT_EQ(request.Find("Proxy-Authorization"), "Basic dXNlcjpodW50ZXIy");
  }
}

TEST(HttpProxy, ItsRefusalOfAnAbsoluteFormRequestIsNotTheOrigins_P12_O273) {
  Origin proxy(Playing("expect_head\n" + Send(407, "challenge", "Proxy-Authenticate: Basic\r\n")));
  TestClient client(ClientOf(Behind({ProxyAt(ProxyKind::kHttp, proxy.port())})));
  const Story story = client.Get("http://origin.test/").Finish();
  EXPECT_EQ(story.reason(), Reason::kProxyAuthenticationRequired) << story.Text();
  EXPECT_EQ(story.record.failure->proxy_status, 407U);
  EXPECT_EQ(story.delivery(), Delivery::kUnprocessed) << story.Text();
  EXPECT_FALSE(story.head.has_value());
  EXPECT_EQ(proxy.seen().size(), 1U);  // and is not asked again
}

TEST(HttpProxy, TunnelsHttpUrlsTooWhenPolicySaysSo_O289) {
  Origin proxy(Playing(Tunnel("serve\n")));
  ProxyServer server = ProxyAt(ProxyKind::kHttp, proxy.port(), Login::kUser);
  server.tunnel_http = true;
  TestClient client(ClientOf(Behind({server})));
  ASSERT_TRUE(client.Get("http://origin.test/a").Finish().ok());
  const std::vector<SeenConnection> seen = proxy.seen();
  ASSERT_EQ(seen.size(), 1U);
  ASSERT_EQ(seen[0].requests.size(), 2U);
  EXPECT_EQ(seen[0].requests[0].target, "origin.test:80");
  EXPECT_EQ(seen[0].requests[1].head, "GET /a HTTP/1.1\r\nHost: origin.test\r\n\r\n");
}

TEST(HttpProxy, CarriesHttp2WhereAlpnOrPolicySaysSo_P11) {  // X6: over whatever carries TLS
  Origin secure(Playing(Tunnel("tls alpn=h2\nh2_start\nserve\n")));
  TestClient alpn(ClientOf(Behind({ProxyAt(ProxyKind::kHttp, secure.port())})));
  const Story first = alpn.Get(kUrl).Finish();
  ASSERT_TRUE(first.ok()) << first.Text();
  EXPECT_EQ(first.record.connection->protocol, "HTTP/2");

  Origin clear(Playing(Tunnel("h2_start\nserve\n")));
  Destination destination = Behind({ProxyAt(ProxyKind::kHttp, clear.port())});
  destination.protocol = Protocol::kH2c;
  TestClient known(ClientOf(std::move(destination)));
  const Story second = known.Get("http://origin.test/").Finish();
  ASSERT_TRUE(second.ok()) << second.Text();
  EXPECT_EQ(second.record.connection->protocol, "HTTP/2");
}

TEST(HttpProxy, OriginsAndCredentialsNeverShareATunnel_O294_O295) {
  Origin proxy(Playing(Tunnel()));
  TestClient client(ClientOf(Behind({ProxyAt(ProxyKind::kHttp, proxy.port())})));
  for (const char* url : {kUrl, "https://other.test/a", kUrl, "https://other.test/a"}) {
    ASSERT_TRUE(client.Get(url).Finish().ok());
  }
  EXPECT_EQ(proxy.seen().size(), 2U);
  // The same proxy and origin with credentials.
  client.transport().SetPolicy(
      PolicyWith(Behind({ProxyAt(ProxyKind::kHttp, proxy.port(), Login::kUser)})));
  ASSERT_TRUE(client.Get(kUrl).Finish().ok());
  EXPECT_EQ(proxy.seen().size(), 3U);
}

TEST(HttpProxy, AProxyThatPolicyNamesNoLongerLosesItsIdleTunnels_O296) {
  Origin old_proxy(Playing(Tunnel()));
  Origin new_proxy(Playing(Tunnel()));
  TestClient client(ClientOf(Behind({ProxyAt(ProxyKind::kHttp, old_proxy.port(), Login::kUser)})));
  ASSERT_TRUE(client.Get(kUrl).Finish().ok());
  client.transport().SetPolicy(PolicyWith(Behind({ProxyAt(ProxyKind::kHttp, new_proxy.port())})));
  ASSERT_TRUE(client.Get(kUrl).Finish().ok());
  SeenWhenClosed(old_proxy, 1);
  EXPECT_EQ(old_proxy.seen()[0].requests.size(), 2U);
  const std::vector<SeenConnection> seen = new_proxy.seen();
  ASSERT_EQ(seen.size(), 1U);
  // No credential of the old proxy goes to the new one.
  EXPECT_EQ(seen[0].requests[0].Count("Proxy-Authorization"), 0U);
}

TEST(HttpsProxy, IsCheckedAgainstItsOwnName_O290) {
  for (const std::string_view identity : {"wrong_host", "self_signed", "other"}) {
    Origin proxy(Playing("tls cert=" + std::string(identity) + "\n" + Tunnel()));
    TestClient client(ClientOf(Behind({ProxyAt(ProxyKind::kHttps, proxy.port())})));
    const Story story = client.Get(kUrl).Finish();
    EXPECT_EQ(story.reason(), Reason::kTlsCertificateError) << identity << story.Text();
    EXPECT_EQ(story.record.failure->source, Source::kProxy) << identity << story.Text();
    EXPECT_EQ(story.delivery(), Delivery::kNotSent);
    EXPECT_TRUE(proxy.seen()[0].requests.empty());
  }
}

TEST(HttpsProxy, IsAskedInsideTlsAndWithoutHttp2_P2_P9) {
  Origin proxy(Playing("tls alpn=http/1.1\nexpect_head\n" + Send(200, "fetched") + "serve\n"));
  TestClient client(ClientOf(Behind({ProxyAt(ProxyKind::kHttps, proxy.port(), Login::kUser)})));
  const Story story = client.Get("http://origin.test/a").Finish();
  ASSERT_TRUE(story.ok()) << story.Text();
  const SeenConnection seen = proxy.seen()[0];
  EXPECT_EQ(seen.tls.offered, std::vector<std::string>{"http/1.1"});
  EXPECT_EQ(seen.tls.server_name, "");  // an address is never sent as a name
  EXPECT_EQ(seen.requests[0].target, "http://origin.test/a");
}

}  // namespace
}  // namespace spillway
