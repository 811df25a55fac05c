// The transport and the daemon through proxies from Debian, to nginx: http and https URLs, HTTP/1.1
// and HTTP/2, wrong credentials, refusals, fallbacks (P2, P3, P5, P8 to P12, O-273, O-279, O-283,
// O-290 to O-292, O-297 to O-299, O-307).

#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/harness/test_client.h"
#include "tests/harness/test_tls.h"
#include "tests/integration/daemon_caller.h"
#include "tests/integration/real_origins.h"
#include "tests/integration/real_proxies.h"
#include "tests/integration/tls_servers.h"
#include "tests/origin/origin.h"
#include "tests/server/daemon_process.h"
#include "transport/base/no_proxy.h"
#include "transport/tls_profiles.h"

namespace spillway {
namespace {

using Kind = RealProxy::Kind;

TlsProfile Trusting() {
  TlsProfile tls;
  tls.system_roots = false;
  tls.roots_pem = TestTls().roots_pem;
  return tls;
}

TlsProfilePtr Sealed(TlsProfile tls) { return SealTlsProfile(std::move(tls)).value(); }

ProxyServer ServerAt(ProxyKind kind, std::uint16_t port) {
  ProxyServer server;
  server.kind = kind;
  server.host = "127.0.0.1";
  server.host_kind = HostKind::kIpv4;
  server.port = port;
  if (kind == ProxyKind::kHttps) server.tls = Sealed(Trusting());
  return server;
}

ProxyServer WithLogin(ProxyServer server, const std::string& password = kProxyPassword) {
  server.user = kProxyUser;
  server.password = password;
  server.credential_digest = Sha256Hex(server.user + ":" + password);
  return server;
}

TestClient::Options Through(std::vector<ProxyServer> servers, Protocol protocol = Protocol::kAuto) {
  TestClient::Options options;
  options.limits.loops = 2;
  options.destination.tls = Sealed(Trusting());
  options.destination.protocol = protocol;
  options.destination.proxy.kind = ProxyRule::Kind::kServers;
  for (ProxyServer& server : servers) {
    options.destination.proxy.servers.push_back(
        std::make_shared<const ProxyServer>(std::move(server)));
  }
  return options;
}

std::string HttpsUrl(const TlsServerProcess& origin) { return origin.url("127.0.0.1"); }

void ExpectServed(const Story& story, const RealProxy& proxy) {
  EXPECT_TRUE(story.ok()) << story.Text() << proxy.output();
  EXPECT_EQ(story.body, kRealBody);
  EXPECT_NE(story.record.connection != nullptr ? story.record.connection->proxy : "", "");
}

// One way through a proxy that works.
struct Way {
  std::string name;
  Kind kind;
  ProxyKind spoken;
  std::string password;  // "" for no login
  bool tls_front = false;
};

class RealProxyWay : public testing::TestWithParam<Way> {
 protected:
  RealProxyWay() : proxy_(GetParam().kind) {
    if (!GetParam().tls_front || !proxy_.running()) return;
    const TlsIdentity& identity = TestTls().keys.identities.at("origin");
    front_ =
        std::make_unique<TlsFront>(identity.certificate_pem + identity.key_pem, "", proxy_.port());
  }
  void SetUp() override {
    ASSERT_TRUE(proxy_.running()) << proxy_.output();
    if (front_ != nullptr) {
      ASSERT_TRUE(front_->running()) << front_->output();
    }
  }
  ProxyServer Server(const std::string& password) const {
    const std::uint16_t port = front_ != nullptr ? front_->port() : proxy_.port();
    const ProxyServer server = ServerAt(GetParam().spoken, port);
    return password.empty() ? server : WithLogin(server, password);
  }
  ProxyServer Server() const { return Server(GetParam().password); }

  RealProxy proxy_;
  std::unique_ptr<TlsFront> front_;
};

TEST_P(RealProxyWay, CarriesHttpAndHttpsInBothProtocols_P2_P10_P11) {
  const RealOrigin plain(RealOrigin::Kind::kNginx);
  const TlsServerProcess secure(TlsServerProcess::Kind::kNginx);
  ASSERT_TRUE(plain.running() && secure.running()) << plain.output() << secure.output();
  for (const Protocol protocol : {Protocol::kHttp1, Protocol::kAuto}) {
    TestClient client(Through({Server()}, protocol));
    for (int i = 0; i < 3; ++i) {
      ExpectServed(client.Get(plain.url()).Finish(), proxy_);
      const Story story = client.Get(HttpsUrl(secure)).Finish();
      ExpectServed(story, proxy_);
      ASSERT_NE(story.record.connection, nullptr);
      EXPECT_EQ(story.record.connection->protocol,
                protocol == Protocol::kAuto ? "HTTP/2" : "HTTP/1.1");
    }
    // tinyproxy closes after every answer that it fetched itself.
    const std::uint64_t closing = GetParam().kind == Kind::kTinyproxy ? 2 : 0;
    EXPECT_LE(client.counts().DialsOk(), 2 + closing) << "requests share connections";
  }
}

TEST_P(RealProxyWay, ManyCallersShareTunnels_C070) {
  constexpr std::uint64_t kRequests = 400;
  constexpr std::uint32_t kCallers = 16;
  const TlsServerProcess secure(TlsServerProcess::Kind::kNginx);
  ASSERT_TRUE(secure.running()) << secure.output();
  TestClient client(Through({Server()}, Protocol::kHttp1));
  std::atomic<std::uint64_t> next = 0;
  std::atomic<std::uint64_t> good = 0;
  std::vector<std::thread> threads;
  for (std::uint32_t i = 0; i < kCallers; ++i) {
    threads.emplace_back([&] {
      while (next.fetch_add(1) < kRequests) {
        const Story story = client.Get(HttpsUrl(secure)).Finish();
        good += story.ok() && story.body == kRealBody ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, kRequests);
  EXPECT_LE(client.counts().DialsOk(), 2 * kCallers);
}

TEST_P(RealProxyWay, ADeadOriginAndADeniedOneAreTheProxysAnswers_O279_O299) {
  const ClosedPort dead;
  TestClient client(Through({Server()}));
  Story story = client.Get("https://127.0.0.1:" + std::to_string(dead.port()) + "/").Finish();
  ASSERT_TRUE(story.record.failure.has_value());
  EXPECT_EQ(story.record.failure->source, Source::kProxy) << story.Text() << proxy_.output();
  EXPECT_EQ(story.delivery(), Delivery::kNotSent);
  EXPECT_NE(story.record.failure->proxy_status, 0U);
  if (GetParam().kind == Kind::kMicrosocks) return;  // it has no rules
  story = client.Get("https://127.0.0.1:" + std::to_string(kDeniedPort) + "/").Finish();
  EXPECT_EQ(story.reason(), Reason::kProxyDenied) << story.Text() << proxy_.output();
  const bool socks = GetParam().kind == Kind::kDante;
  EXPECT_EQ(story.record.failure->proxy_status, socks ? 2U : 403U) << story.Text();
}

TEST_P(RealProxyWay, WrongCredentialsOpenNothing_O273_O298) {
  if (GetParam().password.empty()) return;
  const TlsServerProcess secure(TlsServerProcess::Kind::kNginx);
  TestClient client(Through({Server("not it")}));
  const Story story = client.Get(HttpsUrl(secure)).Finish();
  ASSERT_TRUE(story.record.failure.has_value());
  const Failure& failure = *story.record.failure;
  // tinyproxy answers a refused CONNECT with 401.
  const bool tinyproxy = GetParam().kind == Kind::kTinyproxy;
  EXPECT_EQ(failure.reason, tinyproxy ? Reason::kProxyDenied : Reason::kProxyAuthenticationRequired)
      << story.Text() << proxy_.output();
  EXPECT_EQ(failure.delivery, Delivery::kNotSent);
  EXPECT_EQ(failure.source, Source::kProxy);
  EXPECT_EQ(failure.message.find("not it"), std::string::npos) << failure.message;
}

INSTANTIATE_TEST_SUITE_P(
    Debian, RealProxyWay,
    testing::Values(Way{"squid", Kind::kSquid, ProxyKind::kHttp, kProxyPassword},
                    Way{"tinyproxy", Kind::kTinyproxy, ProxyKind::kHttp, kProxyUser},
                    Way{"dante_socks5", Kind::kDante, ProxyKind::kSocks5, ""},
                    Way{"dante_socks5h", Kind::kDante, ProxyKind::kSocks5h, ""},
                    Way{"microsocks", Kind::kMicrosocks, ProxyKind::kSocks5h, kProxyPassword},
                    Way{"haproxy_squid", Kind::kSquid, ProxyKind::kHttps, kProxyPassword, true},
                    Way{"haproxy_tinyproxy", Kind::kTinyproxy, ProxyKind::kHttps, kProxyUser,
                        true}),
    [](const auto& row) { return row.param.name; });

TEST(RealSquid, ARefusedAbsoluteFormRequestIsTheProxys_P12_O273) {
  const RealProxy squid(Kind::kSquid);
  const RealOrigin origin(RealOrigin::Kind::kNginx);
  ASSERT_TRUE(squid.running() && origin.running()) << squid.output() << origin.output();
  for (const ProxyServer& server : {ServerAt(ProxyKind::kHttp, squid.port()),
                                    WithLogin(ServerAt(ProxyKind::kHttp, squid.port()), "wrong")}) {
    TestClient client(Through({server}));
    const Story story = client.Get(origin.url()).Finish();
    EXPECT_EQ(story.reason(), Reason::kProxyAuthenticationRequired) << story.Text();
    EXPECT_EQ(story.record.failure->proxy_status, 407U);
  }
  EXPECT_EQ(origin.Count(0).requests, 0U);
}

TEST(RealSquid, TunnelsHttpUrlsWhenPolicySaysSo_O289) {
  const RealProxy squid(Kind::kSquidOpen);
  const RealOrigin origin(RealOrigin::Kind::kNginx);
  ASSERT_TRUE(squid.running() && origin.running()) << squid.output() << origin.output();
  ProxyServer server = ServerAt(ProxyKind::kHttp, squid.port());
  server.tunnel_http = true;
  {
    TestClient client(Through({server}));
    ExpectServed(client.Get(origin.url()).Finish(), squid);
  }
  EXPECT_GE(squid.Logged("CONNECT 127.0.0.1:", 1), 1U) << squid.output();
}

TEST(RealDante, WantsALoginThatNobodyHas_O297) {
  const RealProxy dante(Kind::kDanteLogin);
  ASSERT_TRUE(dante.running()) << dante.output();
  for (const ProxyServer& server : {ServerAt(ProxyKind::kSocks5h, dante.port()),
                                    WithLogin(ServerAt(ProxyKind::kSocks5h, dante.port()))}) {
    TestClient client(Through({server}));
    const Story story = client.Get("http://127.0.0.1:1/").Finish();
    EXPECT_EQ(story.reason(), Reason::kProxyAuthenticationRequired)
        << story.Text() << dante.output();
  }
}

TEST(RealProxies, AreTriedInTheirOrderAndNeverAroundThem_O307) {
  const RealProxy squid(Kind::kSquidOpen);
  const TlsServerProcess secure(TlsServerProcess::Kind::kNginx);
  ASSERT_TRUE(squid.running() && secure.running()) << squid.output() << secure.output();
  const ClosedPort dead;
  const ProxyServer gone = ServerAt(ProxyKind::kHttp, dead.port());
  const ProxyServer alive = ServerAt(ProxyKind::kHttp, squid.port());
  {
    TestClient client(Through({gone, alive}));
    const Story story = client.Get(HttpsUrl(secure)).Finish();
    ExpectServed(story, squid);
    EXPECT_EQ(story.record.connection->proxy, alive.Text());
  }
  TestClient client(Through({gone}));
  const Story story = client.Get(HttpsUrl(secure)).Finish();
  EXPECT_EQ(story.reason(), Reason::kConnectionRefused) << story.Text();
  EXPECT_EQ(story.record.failure->source, Source::kProxy);
  EXPECT_EQ(secure.Log(1).size(), 1U);  // that of the first client
}

TEST(RealHttpsProxy, ItsIdentityAndSessionsAreNotTheOrigins_O290_O291_O292) {
  const RealProxy squid(Kind::kSquidOpen);
  const TlsServerProcess secure(TlsServerProcess::Kind::kNginxClients);
  const TlsIdentity& identity = TestTls().keys.identities.at("origin");
  const TlsFront front(identity.certificate_pem + identity.key_pem,
                       TestTls().keys.authorities_pem.at("clients"), squid.port());
  ASSERT_TRUE(squid.running() && secure.running() && front.running())
      << squid.output() << secure.output() << front.output();
  ProxyServer server = ServerAt(ProxyKind::kHttps, front.port());
  {
    // The proxy demands a certificate of ours.
    TestClient client(Through({server}));
    const Story story = client.Get(HttpsUrl(secure)).Finish();
    EXPECT_FALSE(story.ok());
    EXPECT_EQ(story.delivery(), Delivery::kNotSent) << story.Text();
    EXPECT_EQ(story.record.failure->source, Source::kProxy) << story.Text();
  }
  TlsProfile ours = Trusting();
  ours.certificate_pem = TestTls().client.certificate_pem;
  ours.key_pem = TestTls().client.key_pem;
  server.tls = Sealed(std::move(ours));
  TestClient client(Through({server}, Protocol::kHttp1));
  // The origin asks for one too, and is not shown that of the proxy hop.
  const Story story = client.Get(HttpsUrl(secure)).Finish();
  const bool shown = story.ok() && story.head->status == 200;
  EXPECT_FALSE(shown) << story.Text();
  for (const NginxRequest& request : secure.Log(1)) EXPECT_EQ(request.client, "");
}

TEST(RealHttpsProxy, ResumesEachHopByItself_O291) {
  const RealProxy squid(Kind::kSquidOpen);
  const TlsServerProcess secure(TlsServerProcess::Kind::kNginx);
  const TlsIdentity& identity = TestTls().keys.identities.at("origin");
  const TlsFront front(identity.certificate_pem + identity.key_pem, "", squid.port());
  ASSERT_TRUE(squid.running() && secure.running() && front.running());
  TestClient client(Through({ServerAt(ProxyKind::kHttps, front.port())}, Protocol::kHttp1));
  for (std::uint64_t i = 0; i < 3; ++i) {
    const Story story = client.Get(HttpsUrl(secure)).Finish();
    ExpectServed(story, squid);
    EXPECT_EQ(story.record.connection->tls->resumed, i > 0);
    ASSERT_TRUE(client.AwaitIdle(1));
    client.transport().CloseIdleConnections("");
    ASSERT_TRUE(client.AwaitIdle(0));
  }
}

TEST(Daemon, SendsThroughTheProxyOfItsConfiguration_P3_P5) {
  const RealProxy squid(Kind::kSquid);
  const RealOrigin origin(RealOrigin::Kind::kNginx);
  ASSERT_TRUE(squid.running() && origin.running()) << squid.output() << origin.output();
  const std::string folder = testing::TempDir();
  std::ofstream(folder + "/credentials") << kProxyUser << ":" << kProxyPassword << "\n";
  std::ofstream(folder + "/spillway.yaml")
      << "proxies:\n  - name: corp\n    url: http://127.0.0.1:" << squid.port()
      << "\n    credentials: { file: credentials }\n"
      << "defaults:\n  proxy: { servers: [corp], no_proxy: [.internal.test] }\n";
  DaemonProcess daemon({.flags = {"--config=" + folder + "/spillway.yaml"}});
  ASSERT_TRUE(daemon.AwaitLine("ready")) << daemon.log();
  DaemonCaller caller(daemon.address("grpc"));
  EXPECT_EQ(caller.GetMany(origin.url(), kRealBody, 100, 4), 100U) << daemon.log();
  EXPECT_EQ(squid.Logged("GET http://127.0.0.1:", 100), 100U);
  EXPECT_EQ(daemon.log().find(kProxyPassword), std::string::npos);
  daemon.Signal(SIGTERM);
  EXPECT_EQ(daemon.Wait(), 0);
}

}  // namespace
}  // namespace spillway
