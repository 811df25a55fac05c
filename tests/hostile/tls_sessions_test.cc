// Whose TLS sessions are offered to whom (O-207, O-237 to O-241), as the origin sees it.

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "tests/harness/test_client.h"
#include "tests/harness/test_tls.h"
#include "tests/origin/origin.h"
#include "transport/io/tls_profile_check.h"

namespace spillway {
namespace {

OriginOptions TlsOrigin(const std::string& tls = "") {
  OriginOptions options;
  options.https = true;
  options.tls = tls;
  options.tls_keys = TestTls().keys;
  return options;
}

struct Choice {
  TlsProfile tls;
  Protocol protocol = Protocol::kHttp1;
  std::string host = "origin.test";
  std::string tenant;

  Choice() {
    tls.system_roots = false;
    tls.roots_pem = TestTls().roots_pem;
  }
};

Destination DestinationOf(const Choice& choice) {
  Destination destination;
  destination.protocol = choice.protocol;
  destination.tls = SealTlsProfile(choice.tls).value();
  destination.pool.backoff_initial = milliseconds(1);
  return destination;
}

TestClient::Options Options(const Choice& choice) {
  TestClient::Options options;
  options.limits.loops = 1;
  options.destination = DestinationOf(choice);
  options.lookup = [](const std::string&, std::vector<std::string>& addresses) {
    addresses = {"127.0.0.1"};
    return 0;
  };
  return options;
}

std::string UrlOf(const Origin& origin, const std::string& host) {
  return "https://" + host + ":" + std::to_string(origin.port()) + "/x";
}

// A second request on a new connection, after a first under `first`; whether it resumed.
bool Resumes(const Choice& first, const Choice& second, const std::string& tls = "") {
  Origin origin(TlsOrigin(tls));
  TestClient client(Options(first));
  EXPECT_TRUE(client.Get(UrlOf(origin, first.host)).Finish().ok());
  client.transport().SetPolicy(PolicyWith(DestinationOf(second)));
  client.transport().CloseIdleConnections("");
  EXPECT_TRUE(client.AwaitIdle(0));
  const Story story = client.Get(UrlOf(origin, second.host)).Finish();
  EXPECT_TRUE(story.ok()) << story.Text();
  const auto seen = origin.seen();
  EXPECT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen.back().tls.resumed, story.record.connection->tls->resumed);
  return seen.back().tls.resumed;
}

TEST(TlsSessions, ResumeBetweenEqualChoices) {
  EXPECT_TRUE(Resumes(Choice(), Choice()));
  EXPECT_TRUE(Resumes(Choice(), Choice(), "max=1.2"));
  Choice named;
  named.tls.name = "another name";  // the content counts
  EXPECT_TRUE(Resumes(Choice(), named));
}

// O-237: one thing differs at a time.
TEST(TlsSessions, AreNotOfferedWhereAnythingDiffers) {
  struct Change {
    const char* what;
    std::function<void(Choice&)> change;
  };
  const Change changes[] = {
      {"roots", [](Choice& c) { c.tls.roots_pem += TestTls().other_roots_pem; }},
      {"verify mode",
       [](Choice& c) {
         c.tls.insecure = true;
         c.tls.roots_pem.clear();
       }},
      {"client certificate",
       [](Choice& c) {
         c.tls.certificate_pem = TestTls().client.certificate_pem;
         c.tls.key_pem = TestTls().client.key_pem;
       }},
      {"server name", [](Choice& c) { c.tls.sni = "other.test"; }},
      {"verified name", [](Choice& c) { c.tls.verify_name = "other.test"; }},
      {"host", [](Choice& c) { c.host = "other.test"; }},
      {"versions", [](Choice& c) { c.tls.max_version = TlsVersion::kTls12; }},
      {"protocol", [](Choice& c) { c.protocol = Protocol::kAuto; }},
      {"resumption off", [](Choice& c) { c.tls.resumption = false; }},
  };
  for (const Change& change : changes) {
    Choice other;
    change.change(other);
    EXPECT_FALSE(Resumes(Choice(), other)) << change.what;
    EXPECT_FALSE(Resumes(other, Choice())) << change.what;
  }
}

TEST(TlsSessions, AreNotOfferedUnderAnotherClientCertificate) {
  Choice first;
  first.tls.certificate_pem = TestTls().client.certificate_pem;
  first.tls.key_pem = TestTls().client.key_pem;
  Choice second = first;
  second.tls.certificate_pem = TestTls().second_client.certificate_pem;
  second.tls.key_pem = TestTls().second_client.key_pem;
  EXPECT_TRUE(Resumes(first, first, "client_ca=clients"));
  EXPECT_FALSE(Resumes(first, second, "client_ca=clients"));
}

// O-238: a ticket of a server whose certificate was refused is never kept.
TEST(TlsSessions, AreNotKeptFromAServerThatFailedTheCheck) {
  OriginOptions options = TlsOrigin();
  options.scripts = {MustParse("tls cert=expired\n"), MustParse("tls cert=expired max=1.2\n")};
  Origin origin(std::move(options));
  TestClient client(Options(Choice()));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(client.Get(UrlOf(origin, "origin.test")).Finish().reason(),
              Reason::kTlsCertificateError);
    ASSERT_TRUE(client.AwaitNoBackoff());
  }
  const Story story = client.Get(UrlOf(origin, "origin.test")).Finish();
  ASSERT_TRUE(story.ok()) << story.Text();
  EXPECT_FALSE(origin.seen().back().tls.resumed);
}

// O-240: who takes over an address and the ticket key is still asked for a certificate that is
// good for the name, unless the session says that it was the same server.
TEST(TlsSessions, DoNotLetAnImpostorWithoutTheTicketKeyIn) {
  auto origin = std::make_unique<Origin>(TlsOrigin());
  TestClient client(Options(Choice()));
  ASSERT_TRUE(client.Get(UrlOf(*origin, "origin.test")).Finish().ok());
  const std::uint16_t port = origin->port();
  origin.reset();
  ASSERT_TRUE(client.AwaitIdle(0));
  OriginOptions impostor = TlsOrigin("cert=unknown_ca");
  impostor.port = port;
  impostor.tls_keys.ticket_key = std::string(80, 'x');
  Origin other(std::move(impostor));
  ASSERT_TRUE(other.listening());
  const Story story = client.Get(UrlOf(other, "origin.test")).Finish();
  EXPECT_EQ(story.reason(), Reason::kTlsCertificateError) << story.Text();
  EXPECT_EQ(other.log().request_count(), 0U);
}

// X10: a handshake whose request went away ends in the pool, for the next one.
TEST(TlsSessions, AreMadeForTheNextRequestWhenTheFirstWentAway) {
  OriginOptions options = TlsOrigin();
  options.scripts = {MustParse("wait_for go\ntls\n")};
  Origin origin(std::move(options));
  TestClient client(Options(Choice()));
  const Call gone = client.Get(UrlOf(origin, "origin.test"));
  ASSERT_TRUE(origin.log().Await([](const auto& seen) { return seen.size() == 1; }));
  gone.handle->Cancel();
  EXPECT_EQ(gone.Finish().reason(), Reason::kCancelled);
  origin.board().Signal("go");
  ASSERT_TRUE(client.AwaitIdle(1));
  const Story story = client.Get(UrlOf(origin, "origin.test")).Finish();
  ASSERT_TRUE(story.ok()) << story.Text();
  // X3: what the handshake agreed on is told with the response.
  ASSERT_TRUE(story.record.connection->tls.has_value());
  EXPECT_EQ(story.record.connection->tls->version, origin.seen()[0].tls.version);
  // X8: and how long it took.
  EXPECT_GT(story.record.connection->securing, Duration::zero());
  EXPECT_EQ(origin.log().connection_count(), 1U);
}

// O-207: a certificate that is good for another host as well makes nobody share its connection.
TEST(TlsSessions, DoNotLetHostsShareAConnection) {
  for (const Protocol protocol : {Protocol::kHttp1, Protocol::kHttp2}) {
    Origin origin(TlsOrigin("alpn=h2,http/1.1"));
    Choice choice;
    choice.protocol = protocol;
    TestClient client(Options(choice));
    for (int round = 0; round < 3; ++round) {
      for (const char* host : {"origin.test", "other.test"}) {
        EXPECT_TRUE(client.Get(UrlOf(origin, host)).Finish().ok());
      }
    }
    const auto seen = origin.seen();
    ASSERT_EQ(seen.size(), 2U);
    EXPECT_NE(seen[0].tls.server_name, seen[1].tls.server_name);
    for (const SeenConnection& connection : seen) EXPECT_EQ(connection.request_count, 3U);
  }
}

}  // namespace
}  // namespace spillway
