// What ends a handshake, and what is told of it.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/transport/io/tls_fixture.h"

namespace spillway {
namespace {

using Status = ByteStream::Status;

TEST(TlsHandshake, AgreesOnVersionCipherAndProtocol) {
  const MemoryTlsContext server(Leaf(), {.alpn = "h2"});
  TlsStep step = StepFor(Sealed(Trusting(Root())), "a.example.com");
  step.alpn = AlpnOffer::kBoth;
  TlsPair pair(server, step);
  ASSERT_EQ(Status::kOk, pair.Handshake()) << pair.client->failure().message;
  EXPECT_EQ("TLSv1.3", pair.client->facts().version);
  EXPECT_EQ("TLS_AES_256_GCM_SHA384", pair.client->facts().cipher);
  EXPECT_FALSE(pair.client->facts().resumed);
  EXPECT_EQ("h2", pair.client->alpn());           // X4
  EXPECT_EQ("a.example.com", pair.server.sni());  // X1
}

TEST(TlsHandshake, SendsTheStepsServerNameAndChecksTheStepsVerifyName_X1) {
  const MemoryTlsContext server(Leaf("verified.example.com"));
  TlsStep step = StepFor(Sealed(Trusting(Root())), "a.example.com");
  step.sni = "sent.example.com";
  step.verify_name = "verified.example.com";
  TlsPair pair(server, step);
  ASSERT_EQ(Status::kOk, pair.Handshake()) << pair.client->failure().message;
  EXPECT_EQ("sent.example.com", pair.server.sni());

  step.sni = "";
  TlsPair without(server, step);
  ASSERT_EQ(Status::kOk, without.Handshake());
  EXPECT_EQ("", without.server.sni());
}

// --- Versions, ciphers, ALPN ---

TEST(TlsHandshake, RefusesVersionsBelowTheMinimum_O223_X11) {
  const struct {
    std::string name;
    int server_version;
    TlsVersion minimum;
    bool good;
  } rows[] = {
      {"TLS 1.0 alone", TLS1_VERSION, TlsVersion::kTls12, false},
      {"TLS 1.1 alone", TLS1_1_VERSION, TlsVersion::kTls12, false},
      {"TLS 1.2", TLS1_2_VERSION, TlsVersion::kTls12, true},
      {"TLS 1.2 where 1.3 is wanted", TLS1_2_VERSION, TlsVersion::kTls13, false},
      {"TLS 1.3", TLS1_3_VERSION, TlsVersion::kTls13, true},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const MemoryTlsContext server(
        Leaf(), {.min_version = row.server_version, .max_version = row.server_version});
    TlsProfile profile = Trusting(Root());
    profile.min_version = row.minimum;
    TlsPair pair(server, StepFor(Sealed(profile), "a.example.com"));
    EXPECT_EQ(row.good ? Status::kOk : Status::kError, pair.Handshake());
    if (!row.good) {
      EXPECT_EQ(Reason::kTlsAlertReceived, pair.client->failure().reason);
      EXPECT_EQ("the server ended TLS with the alert \"protocol version (70)\"",
                pair.client->failure().message);
    }
  }
}

TEST(TlsHandshake, OffersOnlyTheProfilesCiphers_O224) {
  TlsProfile profile = Trusting(Root());
  profile.max_version = TlsVersion::kTls12;
  profile.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256";
  const MemoryTlsContext same(Leaf());
  TlsPair good(same, StepFor(Sealed(profile), "a.example.com"));
  ASSERT_EQ(Status::kOk, good.Handshake()) << good.client->failure().message;
  EXPECT_EQ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", good.client->facts().cipher);
  EXPECT_EQ("TLSv1.2", good.client->facts().version);
  const MemoryTlsContext other(Leaf(), {.ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384"});
  TlsPair bad(other, StepFor(Sealed(profile), "a.example.com"));
  ASSERT_EQ(Status::kError, bad.Handshake());
  EXPECT_EQ(Reason::kTlsAlertReceived, bad.client->failure().reason);
}

TEST(TlsHandshake, TakesNoAnonymousCipher_O224) {
  TlsProfile profile = Trusting(Root());
  profile.max_version = TlsVersion::kTls12;
  profile.ciphers = "AECDH-AES128-SHA:ECDHE-ECDSA-AES128-GCM-SHA256";
  const MemoryTlsContext server(Leaf(), {.ciphers = "AECDH-AES128-SHA:@SECLEVEL=0"});
  TlsPair pair(server, StepFor(Sealed(profile), "a.example.com"));
  EXPECT_EQ(Status::kError, pair.Handshake());
}

TEST(TlsHandshake, TakesTheServersProtocolOnlyWhenOffered_O229_X4) {
  const struct {
    std::string name;
    AlpnOffer offer;
    std::string chosen;
    std::string failure;  // "" for none
  } rows[] = {
      {"O-229 none returned", AlpnOffer::kBoth, "", ""},
      {"O-229 h2", AlpnOffer::kBoth, "h2", ""},
      {"http/1.1", AlpnOffer::kBoth, "http/1.1", ""},
      {"O-230 h2 where http/1.1 alone was offered", AlpnOffer::kHttp1, "h2", "\"h2\""},
      {"O-230 http/1.1 where h2 alone was offered", AlpnOffer::kHttp2, "http/1.1", "\"http/1.1\""},
      {"not offered", AlpnOffer::kBoth, "spdy/3", "\"spdy/3\""},
      {"O-248 escaped", AlpnOffer::kBoth, "h2\r\n", "\"h2\\x0d\\x0a\""},
      {"O-229 255 bytes", AlpnOffer::kBoth, std::string(255, 'x'), "\"xxx"},
      {"nothing offered", AlpnOffer::kNone, "h2", ""},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const MemoryTlsContext server(Leaf(), {.alpn = row.chosen});
    TlsStep step = StepFor(Sealed(Trusting(Root())), "a.example.com");
    step.alpn = row.offer;
    TlsPair pair(server, step);
    const Status status = pair.Handshake();
    if (row.failure.empty()) {
      ASSERT_EQ(Status::kOk, status) << pair.client->failure().message;
      // A server is not asked when nothing was offered.
      EXPECT_EQ(row.offer == AlpnOffer::kNone ? "" : row.chosen, pair.client->alpn());
      continue;
    }
    ASSERT_EQ(Status::kError, status);
    const Failure failure = pair.client->failure();
    EXPECT_EQ(Reason::kTlsProtocolError, failure.reason);
    EXPECT_NE(std::string::npos, failure.message.find(row.failure)) << failure.message;
    EXPECT_LE(failure.message.size(), 140u);
  }
}

// --- Servers that do not speak TLS, or stop ---

TEST(TlsHandshake, NamesAPlainHttpAnswer_O227_X7) {
  for (const std::string answer :
       {"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\nhello"}) {
    for (const std::size_t at_a_time : {1u, 100u}) {
      const MemoryTlsContext server(Leaf());
      TlsPair pair(server, StepFor(Sealed(Trusting(Root())), "a.example.com"));
      pair.link->to_near = answer;  // before our ClientHello
      pair.link->read_at_most = at_a_time;
      Status status = Status::kWantRead;
      for (int i = 0; i < 100 && status == Status::kWantRead; ++i)
        status = pair.client->Handshake();
      ASSERT_EQ(Status::kError, status);
      EXPECT_EQ(Reason::kTlsProtocolError, pair.client->failure().reason);
      EXPECT_EQ("the server answered in plain HTTP: this port does not speak TLS",
                pair.client->failure().message);
    }
  }
}

TEST(TlsHandshake, FailsOnBytesThatAreNoTls) {
  const struct {
    std::string name;
    std::string bytes;
  } rows[] = {
      {"SSH", "SSH-2.0-OpenSSH_9.2\r\n"},
      {"O-223 SSLv2 hello", std::string("\x80\x2e\x01\x00\x02", 5) + std::string(64, '\0')},
      {"O-223 SSLv3 record", std::string("\x16\x03\x00\x00\x04\x0e\x00\x00\x00", 9)},
      {"zeros", std::string(64, '\0')},
      {"O-247 record longer than allowed",
       std::string("\x16\x03\x03\xff\xff", 5) + std::string(70'000, 'x')},
      {"O-222 certificate before hello", std::string("\x16\x03\x03\x00\x04\x0b\x00\x00\x00", 9)},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const MemoryTlsContext server(Leaf());
    TlsPair pair(server, StepFor(Sealed(Trusting(Root())), "a.example.com"));
    pair.link->to_near = row.bytes;
    ASSERT_EQ(Status::kError, pair.client->Handshake());
    EXPECT_EQ(Reason::kTlsProtocolError, pair.client->failure().reason);
    EXPECT_EQ(Delivery::kNotSent, pair.client->failure().delivery);
  }
}

TEST(TlsHandshake, SaysThatTheServerClosed_O226) {
  for (const bool with_alert : {false, true}) {
    const MemoryTlsContext server(Leaf());
    TlsPair pair(server, StepFor(Sealed(Trusting(Root())), "a.example.com"));
    ASSERT_EQ(Status::kWantRead, pair.client->Handshake());
    if (with_alert)
      pair.link->to_near = std::string("\x15\x03\x03\x00\x02\x01\x00", 7);  // close_notify
    pair.link->far_closed = true;
    ASSERT_EQ(Status::kError, pair.client->Handshake());
    EXPECT_EQ("the server closed the connection during the TLS handshake",
              pair.client->failure().message);
    EXPECT_EQ(Status::kError, pair.client->Handshake());
  }
}

TEST(TlsHandshake, SaysThatTheConnectionWasReset) {
  const MemoryTlsContext server(Leaf());
  TlsPair pair(server, StepFor(Sealed(Trusting(Root())), "a.example.com"));
  ASSERT_EQ(Status::kWantRead, pair.client->Handshake());
  pair.link->far_reset = true;
  ASSERT_EQ(Status::kError, pair.client->Handshake());
  EXPECT_EQ(Reason::kConnectionTerminated, pair.client->failure().reason);
  EXPECT_EQ("during the TLS handshake: the peer reset the connection",
            pair.client->failure().message);
  EXPECT_EQ(Phase::kTls, pair.client->failure().phase);
}

TEST(TlsHandshake, NamesAFatalAlert_O226) {
  const MemoryTlsContext server(Leaf());
  TlsPair pair(server, StepFor(Sealed(Trusting(Root())), "a.example.com"));
  pair.link->to_near = std::string("\x15\x03\x03\x00\x02\x02\x70", 7);
  ASSERT_EQ(Status::kError, pair.client->Handshake());
  EXPECT_EQ(Reason::kTlsAlertReceived, pair.client->failure().reason);
  EXPECT_EQ("the server ended TLS with the alert \"unrecognized name (112)\"",
            pair.client->failure().message);
}

TEST(TlsHandshake, GetsThroughWithOneByteAtATime_O225) {
  const MemoryTlsContext server(Leaf());
  TlsPair pair(server, StepFor(Sealed(Trusting(Root())), "a.example.com"));
  pair.link->read_at_most = 1;
  EXPECT_EQ(Status::kOk, pair.Handshake()) << pair.client->failure().message;
}

TEST(TlsHandshake, WantsToWriteWhenTheSocketIsFull) {
  const MemoryTlsContext server(Leaf());
  TlsPair pair(server, StepFor(Sealed(Trusting(Root())), "a.example.com"));
  pair.link->room = 10;
  EXPECT_EQ(Status::kWantWrite, pair.client->Handshake());
  EXPECT_EQ(Status::kOk, pair.Handshake()) << pair.client->failure().message;
}

TEST(TlsHandshake, TakesNoEndlessHandshake_O221) {
  // Hello requests are ignored during a handshake of TLS 1.2, as many as come.
  const MemoryTlsContext server(Leaf());
  TlsPair pair(server, StepFor(Sealed(Trusting(Root())), "a.example.com"));
  ASSERT_EQ(Status::kWantRead, pair.client->Handshake());
  const std::string record("\x16\x03\x03\x00\x04\x00\x00\x00\x00", 9);
  for (int i = 0; i < 100'000; ++i) pair.link->to_near += record;
  ASSERT_EQ(Status::kError, pair.client->Handshake());
  EXPECT_EQ(Reason::kTlsProtocolError, pair.client->failure().reason);
  EXPECT_LT(600'000u, pair.link->to_near.size());
}

TEST(TlsHandshake, TakesNoOversizedChain_O221) {
  CertificateSpec spec{.common_name = "leaf", .dns = {"a.example.com"}};
  for (int i = 0; i < 10'000; ++i) spec.dns.push_back("name" + std::to_string(i) + ".example.com");
  const MemoryTlsContext server(Intermediate().Issue(spec));
  TlsPair pair(server, StepFor(Sealed(Trusting(Root())), "a.example.com"));
  ASSERT_EQ(Status::kError, pair.Handshake());
  EXPECT_EQ("TLS failed: excessive message size", pair.client->failure().message);
}

TEST(TlsHandshake, FailsCleanlyOnADamagedCertificate_O222) {
  // Every byte of the server's first flight in the clear (TLS 1.2) damaged in turn.
  const MemoryTlsContext server(Leaf(), {.max_version = TLS1_2_VERSION});
  const TlsProfilePtr profile = Sealed(Trusting(Root()));
  std::size_t size = 1;
  for (std::size_t at = 0; at < size; at += 3) {
    TlsPair pair(server, StepFor(profile, "a.example.com"));
    ASSERT_EQ(Status::kWantRead, pair.client->Handshake());
    pair.server.Step();
    size = pair.link->to_near.size();
    pair.link->to_near[at] = static_cast<char>(pair.link->to_near[at] ^ 0x5a);
    pair.link->far_closed = true;
    EXPECT_EQ(Status::kError, pair.client->Handshake()) << "byte " << at;
  }
  EXPECT_LT(800u, size);
}

}  // namespace
}  // namespace spillway
