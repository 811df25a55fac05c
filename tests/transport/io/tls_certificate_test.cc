// Which certificates of a server are refused, and what is told of it.

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "tests/transport/io/tls_fixture.h"

namespace spillway {
namespace {

using Status = ByteStream::Status;
using std::chrono::hours;

struct CertificateCase {
  std::string name;  // begins with the catalogue id
  std::function<TestCertificate()> make;
  std::string why;  // part of the message; "" when the handshake succeeds
  std::string host = "a.example.com";
  HostKind kind = HostKind::kName;
};

CertificateSpec For(const std::string& host) { return {.common_name = "leaf", .dns = {host}}; }

TestCertificate With(const std::function<void(CertificateSpec&)>& change,
                     const std::string& host = "a.example.com") {
  CertificateSpec spec = For(host);
  change(spec);
  return Intermediate().Issue(spec);
}

// An intermediate that `change` made wrong, and a good leaf below it.
TestCertificate Below(const std::function<void(CertificateSpec&)>& change) {
  CertificateSpec spec{.common_name = "odd intermediate", .authority = true};
  change(spec);
  return Root().Issue(spec).IssueFor("a.example.com");
}

std::vector<CertificateCase> TrustCases() {
  return {
      {"good", [] { return Leaf(); }, ""},
      {"O-208 unknown CA",
       [] { return TestCertificate::Root("other root").IssueFor("a.example.com"); },
       "unable to get local issuer certificate"},
      {"O-208 self-signed leaf", [] { return TestCertificate::SelfSigned(For("a.example.com")); },
       "self-signed certificate"},
      {"O-210 expired",
       [] { return With([](auto& s) { s.begins = -hours(2), s.ends = -hours(1); }); },
       "certificate has expired"},
      {"O-210 not yet valid", [] { return With([](auto& s) { s.begins = hours(1); }); },
       "certificate is not yet valid"},
      {"O-210 far future", [] { return With([](auto& s) { s.begins = hours(24 * 365 * 50); }); },
       "certificate is not yet valid"},
      {"O-210 expired intermediate",
       [] { return Below([](auto& s) { s.begins = -hours(2), s.ends = -hours(1); }); },
       "certificate has expired"},
      {"O-219 no serverAuth",
       [] { return With([](auto& s) { s.extended_key_usage = "clientAuth"; }); },
       "unsuitable certificate purpose"},
      {"O-219 intermediate is no CA", [] { return Below([](auto& s) { s.authority = false; }); },
       "invalid CA certificate"},
      {"O-219 path length exceeded",
       [] {
         return Root()
             .Issue({.common_name = "short", .authority = true, .path_length = 0})
             .Issue({.common_name = "too deep", .authority = true})
             .IssueFor("a.example.com");
       },
       "path length constraint exceeded"},
      {"O-219 name constraint violated",
       [] { return Below([](auto& s) { s.name_constraints = "permitted;DNS:example.org"; }); },
       "permitted subtree violation"},
      {"O-220 RSA-1024", [] { return With([](auto& s) { s.key = TestKey::kRsa1024; }); },
       "EE certificate key too weak"},
      {"O-220 SHA-1", [] { return With([](auto& s) { s.hash = "SHA1"; }); },
       "CA signature digest algorithm too weak"},
      {"O-220 MD5",
       [] {
         CertificateSpec spec = For("a.example.com");
         spec.hash = "MD5";
         return Root()
             .Issue({.common_name = "rsa", .authority = true, .key = TestKey::kRsa2048})
             .Issue(spec);
       },
       "CA signature digest algorithm too weak"},
      {"O-220 weak intermediate", [] { return Below([](auto& s) { s.key = TestKey::kRsa1024; }); },
       "CA certificate key too weak"},
      {"O-221 chain too deep",
       [] {
         TestCertificate issuer = Root();
         for (int i = 0; i < 12; ++i) {
           issuer = issuer.Issue({.common_name = "deep", .authority = true});
         }
         return issuer.IssueFor("a.example.com");
       },
       "unable to get local issuer certificate"},
  };
}

std::vector<CertificateCase> NameCases() {
  const std::string mismatch = "ostname mismatch";
  const std::string ip_mismatch = "IP address mismatch";
  const auto named = [](const std::string& san) { return [san] { return Leaf(san); }; };
  const auto raw = [](const std::string& dns) {
    return [dns] { return Intermediate().Issue({.common_name = "leaf", .dns = {dns}}); };
  };
  const auto subject_only = [](const std::string& name) {
    return [name] { return Intermediate().Issue({.common_name = name}); };
  };
  const auto v4 = HostKind::kIpv4;
  const auto v6 = HostKind::kIpv6;
  return {
      {"O-211 wrong host", named("b.example.com"), mismatch},
      {"O-211 SAN present but only the CN matches",
       [] {
         return Intermediate().Issue({.common_name = "a.example.com", .dns = {"b.example.com"}});
       },
       mismatch},
      {"O-212 no SAN, CN matches", subject_only("a.example.com"), mismatch},
      {"O-213 wildcard", named("*.example.com"), ""},
      {"O-213 wildcard for two labels", named("*.example.com"), mismatch, "a.b.example.com"},
      {"O-213 wildcard for none", named("*.example.com"), mismatch, "example.com"},
      {"O-214 partial wildcard", named("f*.example.com"), mismatch, "foo.example.com"},
      {"O-214 star alone", named("*"), mismatch, "localhost"},
      {"O-214 star of a top level", named("*.com"), mismatch, "example.com"},
      {"O-214 wildcard in the second label", named("a.*.com"), mismatch},
      {"O-214 wildcard for an A-label", named("*.example.com"), mismatch,
       "xn--bcher-kva.example.com"},
      {"O-214 A-label written out", named("xn--bcher-kva.example.com"), "",
       "xn--bcher-kva.example.com"},
      {"O-215 address SAN", named("10.0.0.1"), "", "10.0.0.1", v4},
      {"O-215 address as dNSName", raw("10.0.0.1"), ip_mismatch, "10.0.0.1", v4},
      {"O-215 address as CN", subject_only("10.0.0.1"), ip_mismatch, "10.0.0.1", v4},
      {"O-216 IPv6 SAN", named("2001:db8::1"), "", "2001:db8::1", v6},
      {"O-216 other IPv6", named("2001:db8::2"), ip_mismatch, "2001:db8::1", v6},
      {"O-216 mapped address is not the IPv4 one", named("::ffff:10.0.0.1"), ip_mismatch,
       "10.0.0.1", v4},
      {"O-216 nor the other way", named("10.0.0.1"), ip_mismatch, "::ffff:a00:1", v6},
      {"O-217 NUL behind the name", raw(std::string("a.example.com\0.evil.example", 27)), mismatch},
      {"O-217 NUL at the end", raw(std::string("a.example.com\0", 14)), mismatch},
      {"O-218 mixed case in the SAN", raw("A.Example.COM"), ""},
  };
}

void Check(const CertificateCase& row) {
  SCOPED_TRACE(row.name);
  const MemoryTlsContext server(row.make());
  TlsPair pair(server, StepFor(Sealed(Trusting(Root())), row.host, row.kind));
  const Status status = pair.Handshake();
  if (row.why.empty()) {
    EXPECT_EQ(Status::kOk, status) << pair.client->failure().message;
    return;
  }
  ASSERT_EQ(Status::kError, status);
  EXPECT_EQ(Status::kError, pair.client->Handshake());
  const Failure failure = pair.client->failure();
  EXPECT_EQ(Reason::kTlsCertificateError, failure.reason) << failure.message;
  EXPECT_EQ(Source::kTls, failure.source);
  EXPECT_EQ(Phase::kTls, failure.phase);
  EXPECT_EQ(Delivery::kNotSent, failure.delivery);
  EXPECT_NE(std::string::npos, failure.message.find(row.why)) << failure.message;
  EXPECT_LE(failure.message.size(), kMaxFailureMessage);
  EXPECT_EQ("", pair.server.received());  // X2: nothing of a request
  EXPECT_FALSE(pair.server.open());
}

TEST(TlsCertificate, RefusesChainsThatDoNotVerify) {
  for (const CertificateCase& row : TrustCases()) Check(row);
}

TEST(TlsCertificate, RefusesCertificatesForOtherNames) {
  for (const CertificateCase& row : NameCases()) Check(row);
}

TEST(TlsCertificate, FetchesNoMissingIntermediate_O209) {
  const MemoryTlsContext server(Leaf(), {.send_issuers = false});
  TlsPair pair(server, StepFor(Sealed(Trusting(Root())), "a.example.com"));
  ASSERT_EQ(Status::kError, pair.Handshake());
  EXPECT_EQ(Reason::kTlsCertificateError, pair.client->failure().reason);
}

TEST(TlsCertificate, RefusesASelfSignedRootSentAlong_O208) {
  // The server's chain is complete and consistent; only nobody trusts its root.
  const TestCertificate other = TestCertificate::Root("other root");
  const MemoryTlsContext server(other.IssueFor("a.example.com"));
  SSL_CTX_add1_chain_cert(server.native(), other.certificate());
  TlsPair pair(server, StepFor(Sealed(Trusting(Root())), "a.example.com"));
  ASSERT_EQ(Status::kError, pair.Handshake());
  EXPECT_EQ("certificate \"CN=other root\" refused: self-signed certificate in certificate chain",
            pair.client->failure().message);
}

TEST(TlsCertificate, TrustsWhatStandsAmongTheRootsThoughNotSelfSigned) {
  const MemoryTlsContext server(Leaf());
  TlsPair pair(server, StepFor(Sealed(Trusting(Intermediate())), "a.example.com"));
  EXPECT_EQ(Status::kOk, pair.Handshake()) << pair.client->failure().message;
}

TEST(TlsCertificate, ConnectsToAnybodyWhenInsecure_X2) {
  TlsProfile profile;
  profile.insecure = true;
  const MemoryTlsContext server(TestCertificate::SelfSigned(For("other.example.com")));
  TlsPair pair(server, StepFor(Sealed(profile), "a.example.com"));
  EXPECT_EQ(Status::kOk, pair.Handshake());
}

TEST(TlsCertificate, EscapesTheSubjectAndCutsIt_O248) {
  CertificateSpec spec = For("b.example.com");
  spec.common_name = "evil\r\nlog line";
  const MemoryTlsContext server(Intermediate().Issue(spec));
  TlsPair pair(server, StepFor(Sealed(Trusting(Root())), "a.example.com"));
  ASSERT_EQ(Status::kError, pair.Handshake());
  const std::string message = pair.client->failure().message;
  EXPECT_EQ(std::string::npos, message.find_first_of("\r\n")) << message;
  EXPECT_NE(std::string::npos, message.find("evil")) << message;
}

// --- Pins ---

SpkiPin PinOf(const TestCertificate& certificate) {
  const std::string digest = certificate.spki_sha256();
  SpkiPin pin{};
  std::copy(digest.begin(), digest.end(), pin.begin());
  return pin;
}

TEST(TlsCertificate, WantsOnePinSomewhereInTheVerifiedChain) {
  const TestCertificate leaf = Leaf();
  const TestCertificate stranger = TestCertificate::Root("stranger");
  const MemoryTlsContext server(leaf);
  const struct {
    std::string name;
    std::vector<SpkiPin> pins;
    bool good;
  } rows[] = {
      {"leaf", {PinOf(leaf)}, true},      {"intermediate", {PinOf(Intermediate())}, true},
      {"root", {PinOf(Root())}, true},    {"one of two", {PinOf(stranger), PinOf(leaf)}, true},
      {"none", {PinOf(stranger)}, false},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    TlsProfile profile = Trusting(Root());
    profile.pins = row.pins;
    TlsPair pair(server, StepFor(Sealed(profile), "a.example.com"));
    EXPECT_EQ(row.good ? Status::kOk : Status::kError, pair.Handshake());
    if (!row.good) {
      EXPECT_EQ("certificate \"CN=leaf\" refused: no certificate of the chain has a pinned key",
                pair.client->failure().message);
    }
  }
}

TEST(TlsCertificate, CountsNoPinOfACertificateThatIsOnlySentAlong) {
  // A server that knows a pinned certificate, but not its key, cannot use it.
  const TestCertificate pinned = TestCertificate::Root("pinned");
  const MemoryTlsContext server(Leaf());
  SSL_CTX_add1_chain_cert(server.native(), pinned.certificate());
  TlsProfile profile = Trusting(Root());
  profile.pins = {PinOf(pinned)};
  TlsPair pair(server, StepFor(Sealed(profile), "a.example.com"));
  EXPECT_EQ(Status::kError, pair.Handshake());
}

}  // namespace
}  // namespace spillway
