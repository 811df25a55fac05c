// Sessions that are resumed, and those that must not be.

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/transport/io/tls_fixture.h"
#include "transport/io/clock.h"

namespace spillway {
namespace {

using Status = ByteStream::Status;

// Connects, reads the tickets, and says whether the session was an old one.
bool Resumes(const MemoryTlsContext& server, const TlsStep& step, TlsSessionCache& sessions) {
  OpenPair pair(server, step, &sessions);
  SPILLWAY_CHECK(pair.Write("x").status == Status::kOk);
  pair.server.Step();
  SPILLWAY_CHECK(pair.server.received() == "x");
  SPILLWAY_CHECK((SSL_session_reused(pair.server.ssl()) == 1) == pair.client->facts().resumed);
  return pair.client->facts().resumed;
}

TEST(TlsResumption, ResumesUnderTheSameKey_X9) {
  for (const TlsVersion version : {TlsVersion::kTls12, TlsVersion::kTls13}) {
    const MemoryTlsContext server(Leaf());
    TlsSessionCache sessions;
    EXPECT_FALSE(Resumes(server, Step(version), sessions));
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(Resumes(server, Step(version), sessions));
    EXPECT_EQ(10u, sessions.Counts().given);
  }
}

TEST(TlsResumption, KeepsFactsAndProtocolOfAResumedConnection) {
  const MemoryTlsContext server(Leaf(), {.alpn = "h2"});
  TlsSessionCache sessions;
  TlsStep step = Step();
  step.alpn = AlpnOffer::kBoth;
  Resumes(server, step, sessions);
  OpenPair pair(server, step, &sessions);
  EXPECT_EQ((TlsFacts{"TLSv1.3", "TLS_AES_256_GCM_SHA384", true}), pair.client->facts());
  EXPECT_EQ("h2", pair.client->alpn());
}

TEST(TlsResumption, DoesWithoutWhenTheServerForgot) {
  const MemoryTlsContext before(Leaf());
  const MemoryTlsContext after(Leaf());  // other ticket keys
  TlsSessionCache sessions;
  EXPECT_FALSE(Resumes(before, Step(), sessions));
  EXPECT_FALSE(Resumes(after, Step(), sessions));
  EXPECT_TRUE(Resumes(after, Step(), sessions));
}

TEST(TlsResumption, NeverCrossesADifferenceInPolicyOrPeer_O237) {
  const MemoryTlsContext server(
      Intermediate().Issue({.common_name = "leaf", .dns = {kHost, "b.example.com"}}));
  const TestCertificate other_root = TestCertificate::Root("other");
  const TestCertificate client = Root().Issue({.common_name = "client"});
  const auto with = [](const std::function<void(TlsProfile&)>& change) {
    TlsProfile profile = Trusting(Root());
    change(profile);
    return StepFor(Sealed(profile), kHost);
  };
  const auto step_with = [](const std::function<void(TlsStep&)>& change) {
    TlsStep step = Step();
    change(step);
    return step;
  };
  const struct {
    std::string name;
    TlsStep step;
  } rows[] = {
      {"more roots", with([&](auto& p) { p.roots_pem += other_root.pem(); })},
      {"system roots", with([&](auto& p) { p.system_roots = true; })},
      {"client certificate", with([&](auto& p) {
         p.certificate_pem = client.pem();
         p.key_pem = client.key_pem();
       })},
      {"insecure", with([&](auto& p) {
         p.roots_pem = "";
         p.insecure = true;
       })},
      {"groups", with([&](auto& p) { p.groups = "P-256"; })},
      {"server name", step_with([](auto& s) { s.sni = "b.example.com"; })},
      {"verify name", step_with([](auto& s) { s.verify_name = "b.example.com"; })},
      {"hop or tenant", step_with([](auto& s) { s.session_key = "proxy"; })},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    TlsSessionCache sessions;
    EXPECT_FALSE(Resumes(server, Step(), sessions));
    EXPECT_FALSE(Resumes(server, row.step, sessions));
    EXPECT_TRUE(Resumes(server, row.step, sessions));
    EXPECT_TRUE(Resumes(server, Step(), sessions));  // its own is still there
  }
}

TEST(TlsResumption, KeepsNoSessionOfAConnectionThatWasRefused_O238) {
  for (const TlsVersion version : {TlsVersion::kTls12, TlsVersion::kTls13}) {
    const MemoryTlsContext server(Leaf("b.example.com"));
    TlsSessionCache sessions;
    TlsPair pair(server, Step(version), &sessions);
    EXPECT_EQ(Status::kError, pair.Handshake());
    EXPECT_EQ(0u, sessions.Counts().stored);
  }
}

TEST(TlsResumption, ForgetsTheSessionsOfAServerThatFailsAHandshake) {
  const MemoryTlsContext server(Leaf());
  TlsSessionCache sessions;
  Resumes(server, Step(), sessions);
  TlsPair pair(server, Step(), &sessions);
  pair.link->to_near = "HTTP/1.1 400 Bad Request\r\n\r\n";
  EXPECT_EQ(Status::kError, pair.client->Handshake());
  EXPECT_EQ(0u, sessions.Counts().entries);
}

TEST(TlsResumption, KeepsAFewTicketsOfAThousand_O239) {
  const MemoryTlsContext server(Leaf(), {.tickets = 30});
  TlsSessionCache sessions;
  OpenPair pair(server, Step(), &sessions);
  EXPECT_EQ(static_cast<std::size_t>(TlsStream::kTicketsKept), sessions.Counts().entries);
}

TEST(TlsResumption, ChecksNameAndExpiryAgain_O240) {
  // A session that got under a key it does not belong to, by whatever mistake.
  const MemoryTlsContext server(Leaf());
  TlsSessionCache sessions;
  Resumes(server, Step(), sessions);
  TlsStep other = Step();
  other.verify_name = "b.example.com";
  const auto key = [](const TlsStep& step) {
    return step.profile->digest + "|13:" + step.sni + "|13:" + step.verify_name +
           "|13:" + step.session_key;
  };
  const auto now = std::chrono::system_clock::now();
  std::optional<TlsSession> session = sessions.Take(key(Step()), Now(), now);
  ASSERT_TRUE(session.has_value());
  sessions.Put(key(other), *session, Now());
  TlsPair misnamed(server, other, &sessions);
  ASSERT_EQ(Status::kError, misnamed.Handshake());
  EXPECT_EQ("certificate \"CN=leaf\" refused: hostname mismatch",
            misnamed.client->failure().message);
  EXPECT_EQ("", misnamed.server.received());

  // One whose chain has expired meanwhile: it is not offered, the handshake is a full one.
  Resumes(server, Step(), sessions);
  session = sessions.Take(key(Step()), Now(), now);
  ASSERT_TRUE(session.has_value());
  sessions.Forget(key(Step()));
  session->chain_not_after = now - std::chrono::hours(1);
  sessions.Put(key(Step()), *session, Now());
  EXPECT_FALSE(Resumes(server, Step(), sessions));
}

TEST(TlsResumption, RemembersWhenTheFirstOfTheChainExpires_O240) {
  const auto soon = std::chrono::hours(2);
  const TestCertificate brief =
      Root().Issue({.common_name = "brief", .authority = true, .ends = soon});
  const MemoryTlsContext server(brief.IssueFor(kHost));
  TlsSessionCache sessions;
  Resumes(server, Step(), sessions);
  Resumes(server, Step(), sessions);  // also by way of a resumed connection
  const auto now = std::chrono::system_clock::now();
  const TlsStep step = Step();
  const std::string key = step.profile->digest + "|13:" + step.sni + "|13:" + step.verify_name +
                          "|13:" + step.session_key;
  for (std::optional<TlsSession> session; (session = sessions.Take(key, Now(), now));) {
    EXPECT_LT(session->chain_not_after, now + soon + std::chrono::minutes(1));
    EXPECT_GT(session->chain_not_after, now + soon - std::chrono::minutes(1));
  }
  EXPECT_LE(2u, sessions.Counts().given);
}

TEST(TlsResumption, SendsNoEarlyData_O241) {
  const MemoryTlsContext server(Leaf());
  SSL_CTX_set_max_early_data(server.native(), 16'384);
  SSL_CTX_set_recv_max_early_data(server.native(), 16'384);
  SSL_CTX_set_options(server.native(), SSL_OP_NO_ANTI_REPLAY);  // tickets without a memory
  TlsSessionCache sessions;
  EXPECT_FALSE(Resumes(server, Step(), sessions));
  OpenPair pair(server, Step(), &sessions);
  EXPECT_TRUE(pair.client->facts().resumed);
  EXPECT_EQ(SSL_EARLY_DATA_NOT_SENT, SSL_get_early_data_status(pair.server.ssl()));
}

TEST(TlsResumption, IsOffWhenTheProfileSaysSo_X9) {
  TlsProfile profile = Trusting(Root());
  profile.resumption = false;
  const TlsStep step = StepFor(Sealed(profile), kHost);
  const MemoryTlsContext server(Leaf());
  TlsSessionCache sessions;
  EXPECT_FALSE(Resumes(server, step, sessions));
  EXPECT_FALSE(Resumes(server, step, sessions));
  EXPECT_EQ(0u, sessions.Counts().stored);
}

}  // namespace
}  // namespace spillway
