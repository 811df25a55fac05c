// The transport against servers from Debian over TLS, HTTP/1.1 and HTTP/2: they must agree about
// protocol, identity, sessions and connections.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/harness/test_client.h"
#include "tests/harness/test_tls.h"
#include "tests/integration/real_origins.h"
#include "tests/integration/tls_servers.h"
#include "transport/io/tls_profile_check.h"

namespace spillway {
namespace {

using Kind = TlsServerProcess::Kind;

TlsProfile TrustingProfile() {
  TlsProfile tls;
  tls.system_roots = false;
  tls.roots_pem = TestTls().roots_pem;
  return tls;
}

TestClient::Options Client(Protocol protocol, TlsProfile tls = TrustingProfile()) {
  TestClient::Options options;
  options.limits.loops = 2;
  options.destination.protocol = protocol;
  options.destination.tls = SealTlsProfile(std::move(tls)).value();
  options.lookup = [](const std::string&, std::vector<std::string>& addresses) {
    addresses = {"127.0.0.1"};
    return 0;
  };
  return options;
}

// Good answers among `requests` by `callers` at once; `at` hears the number of each before it goes.
std::uint64_t GetMany(
    TestClient& client, const std::string& url, std::uint64_t requests, std::uint32_t callers,
    const std::function<void(std::uint64_t)>& at = [](std::uint64_t) {}) {
  std::atomic<std::uint64_t> next = 0;
  std::atomic<std::uint64_t> good = 0;
  std::vector<std::thread> threads;
  for (std::uint32_t i = 0; i < callers; ++i) {
    threads.emplace_back([&] {
      for (std::uint64_t n = next.fetch_add(1); n < requests; n = next.fetch_add(1)) {
        at(n);
        const Story story = client.Get(url).Finish();
        const bool right = story.ok() && story.head->status == 200 && story.body == kRealBody;
        EXPECT_TRUE(right) << story.Text();
        good += right ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return good;
}

std::size_t Connections(const std::vector<NginxRequest>& log) {
  std::set<std::string> connections;
  for (const NginxRequest& request : log) connections.insert(request.connection);
  return connections.size();
}

struct Row {
  const char* name;
  Kind kind;
  Protocol protocol;
  const char* spoken;
};

class RealTlsOrigin : public testing::TestWithParam<Row> {};

// X1, H1, C-070: everybody's requests on few connections, in the protocol that policy says.
TEST_P(RealTlsOrigin, SixtyFourCallersShareAFewConnections) {
  constexpr std::uint64_t kRequests = 5000;
  constexpr std::uint32_t kCallers = 64;
  const TlsServerProcess origin(GetParam().kind);
  ASSERT_TRUE(origin.running()) << origin.output();
  TestClient client(Client(GetParam().protocol));
  const Story first = client.Get(origin.url()).Finish();
  ASSERT_TRUE(first.ok()) << first.Text() << origin.output();
  EXPECT_EQ(first.record.connection->protocol, GetParam().spoken);
  ASSERT_TRUE(first.record.connection->tls.has_value());
  EXPECT_EQ(first.record.connection->tls->version, "TLSv1.3");
  EXPECT_EQ(GetMany(client, origin.url(), kRequests, kCallers), kRequests);
  const ObserverCounts counts = client.counts();
  // A server that runs out of threads closes one that it keeps: Apache, now and then.
  EXPECT_LE(counts.DialsOk(), kCallers + 8) << "connections dialled";
  EXPECT_EQ(counts.handshakes, counts.DialsOk());
  // Nobody waits for a connection twice: all the others were reused.
  const auto fresh = counts.acquired.find("new");
  EXPECT_LE(fresh == counts.acquired.end() ? 0 : fresh->second, kCallers + 8);
}

INSTANTIATE_TEST_SUITE_P(
    Debian, RealTlsOrigin,
    testing::Values(Row{"nginx_h1", Kind::kNginx, Protocol::kHttp1, "HTTP/1.1"},
                    Row{"nginx_h2", Kind::kNginx, Protocol::kAuto, "HTTP/2"},
                    Row{"apache_h1", Kind::kApache, Protocol::kHttp1, "HTTP/1.1"},
                    Row{"apache_h2", Kind::kApache, Protocol::kHttp2, "HTTP/2"},
                    Row{"nghttpd_h2", Kind::kNghttpd, Protocol::kAuto, "HTTP/2"},
                    Row{"caddy_h1", Kind::kCaddy, Protocol::kHttp1, "HTTP/1.1"},
                    Row{"caddy_h2", Kind::kCaddy, Protocol::kAuto, "HTTP/2"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(RealNginx, CountsTheConnectionsThatWeCount) {
  for (const Protocol protocol : {Protocol::kHttp1, Protocol::kHttp2}) {
    const TlsServerProcess origin(Kind::kNginx);
    ASSERT_TRUE(origin.running()) << origin.output();
    TestClient client(Client(protocol));
    EXPECT_EQ(GetMany(client, origin.url(), 2000, 64), 2000U);
    const auto log = origin.Log(2000);
    EXPECT_EQ(log.size(), 2000U);
    EXPECT_LE(Connections(log), client.counts().DialsOk());
    for (const NginxRequest& request : log) {
      EXPECT_EQ(request.protocol, protocol == Protocol::kHttp1 ? "HTTP/1.1" : "HTTP/2.0");
      EXPECT_EQ(request.name, "origin.test");
    }
    // One HTTP/2 connection takes a hundred streams; the pool opens another at fifty.
    EXPECT_LE(Connections(log), protocol == Protocol::kHttp2 ? 4U : 64U);
  }
}

// O-242: the certificate of the policy's profile is the one that nginx sees.
TEST(RealNginx, KnowsItsCallersByTheirCertificates) {
  const TlsServerProcess origin(Kind::kNginxClients);
  ASSERT_TRUE(origin.running()) << origin.output();
  TlsProfile with_certificate = TrustingProfile();
  with_certificate.certificate_pem = TestTls().client.certificate_pem;
  with_certificate.key_pem = TestTls().client.key_pem;
  TestClient known(Client(Protocol::kAuto, with_certificate));
  EXPECT_EQ(GetMany(known, origin.url(), 100, 8), 100U);
  for (const NginxRequest& request : origin.Log(100)) EXPECT_EQ(request.client, "CN=caller");
  // nginx lets the handshake pass and answers 400.
  TestClient unknown(Client(Protocol::kAuto));
  const Story story = unknown.Get(origin.url()).Finish();
  ASSERT_TRUE(story.ok()) << story.Text();
  EXPECT_EQ(story.head->status, 400U);
}

// O-208: not one byte for an origin that our roots do not know.
TEST(RealNginx, GetsNothingFromCallersThatTrustSomebodyElse) {
  const TlsServerProcess origin(Kind::kNginx);
  ASSERT_TRUE(origin.running()) << origin.output();
  TlsProfile other;
  other.system_roots = false;
  other.roots_pem = TestTls().other_roots_pem;
  TestClient client(Client(Protocol::kAuto, other));
  const Story story = client.Get(origin.url()).Finish();
  EXPECT_EQ(story.reason(), Reason::kTlsCertificateError) << story.Text();
  EXPECT_EQ(story.delivery(), Delivery::kNotSent);
  EXPECT_EQ(story.record.failure->source, Source::kTls);
  EXPECT_TRUE(origin.Log(0).empty());
}

// O-207: two names at one address are two connections, each with the certificate for its name.
TEST(RealNginx, IsTwoOriginsWhenItHasTwoNames) {
  const TlsServerProcess origin(Kind::kNginxNames);
  ASSERT_TRUE(origin.running()) << origin.output();
  TestClient client(Client(Protocol::kAuto));
  for (int round = 0; round < 3; ++round) {
    for (const std::string host : {"origin", "other"}) {
      const Story story = client.Get(origin.url(host + ".test")).Finish();
      ASSERT_TRUE(story.ok()) << story.Text();
      EXPECT_EQ(story.body, host);
    }
  }
  EXPECT_EQ(client.counts().DialsOk(), 2U);
  for (const NginxRequest& request : origin.Log(6)) EXPECT_FALSE(request.name.empty());
}

// X9: sessions survive a restart of an origin that keeps its ticket key.
TEST(RealNginx, ResumesSessionsAfterARestart) {
  for (const Protocol protocol : {Protocol::kHttp1, Protocol::kHttp2}) {
    TlsServerProcess origin(Kind::kNginx);
    ASSERT_TRUE(origin.running()) << origin.output();
    TestClient client(Client(protocol));
    // More at once than afterwards: a TLS 1.3 ticket is good for one handshake.
    EXPECT_EQ(GetMany(client, origin.url(), 200, 32), 200U);
    // The first connections may have served all, while others are still in their handshakes.
    ASSERT_TRUE(client.AwaitLevel(&HostPoolSnapshot::connecting, 0));
    const ObserverCounts before = client.counts();
    ASSERT_TRUE(origin.Restart()) << origin.output();
    ASSERT_TRUE(client.AwaitIdle(0));
    // A dial that met the origin dead holds back the next for a moment.
    ASSERT_TRUE(client.AwaitNoBackoff());
    EXPECT_EQ(GetMany(client, origin.url(), 200, 4), 200U);
    const ObserverCounts after = client.counts();
    EXPECT_GT(after.handshakes, before.handshakes);
    EXPECT_EQ(after.resumed - before.resumed, after.handshakes - before.handshakes)
        << "every handshake after the restart resumes";
    const auto log = origin.Log(400);
    const auto resumed =
        std::count_if(log.begin() + 200, log.end(), [](const auto& one) { return one.resumed; });
    EXPECT_EQ(resumed, 200);
  }
}

// H7, O-144: nginx says GOAWAY, or closes what is idle, and nobody notices.
TEST(RealNginx, ReloadsUnderLoadWithoutALostRequest) {
  constexpr std::uint64_t kRequests = 12000;
  constexpr std::uint64_t kReloads = 4;
  for (const Protocol protocol : {Protocol::kHttp1, Protocol::kHttp2}) {
    const TlsServerProcess origin(Kind::kNginx);
    ASSERT_TRUE(origin.running()) << origin.output();
    TestClient::Options options = Client(protocol);
    // HTTP/1.1 cannot tell what a closed connection had taken: each of the callers may need a retry
    // at once.
    options.destination.retry.budget_burst = 64;
    TestClient client(std::move(options));
    const auto reload = [&](std::uint64_t n) {
      if (n % (kRequests / (kReloads + 1)) == 1 && n > 1) origin.Reload();
    };
    EXPECT_EQ(GetMany(client, origin.url(), kRequests, 32, reload), kRequests);
    if (protocol != Protocol::kHttp2) continue;
    const ObserverCounts counts = client.counts();
    EXPECT_GE(counts.closed.count("goaway"), 1U) << "no GOAWAY was ever seen";
  }
}

}  // namespace
}  // namespace spillway
