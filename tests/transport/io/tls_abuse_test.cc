// What a server does after the handshake that it should not, and how it refuses us.

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "tests/transport/io/tls_fixture.h"

namespace spillway {
namespace {

using Status = ByteStream::Status;

// --- What a server must not do ---

TEST(TlsAbuse, RefusesToRenegotiate_O234) {
  OpenPair pair(Server(), Step(TlsVersion::kTls12));
  SSL_renegotiate(pair.server.ssl());
  SSL_do_handshake(pair.server.ssl());
  pair.server.Flush();
  EXPECT_EQ("", pair.ReadAll());
  ASSERT_EQ(Status::kError, pair.end);
  EXPECT_EQ("the server asked to renegotiate", pair.client->failure().message);
  EXPECT_EQ(Reason::kTlsProtocolError, pair.client->failure().reason);
}

TEST(TlsAbuse, RefusesToAuthenticateAfterTheHandshake_O235) {
  const TestCertificate mine = Root().Issue({.common_name = "client"});
  TlsProfile profile = Trusting(Root());
  profile.certificate_pem = mine.pem();
  profile.key_pem = mine.key_pem();
  OpenPair pair(Server(), StepFor(Sealed(profile), kHost));
  SSL_set_verify(pair.server.ssl(), SSL_VERIFY_PEER, nullptr);
  // Our hello did not offer it, so an honest server cannot even ask.
  EXPECT_EQ(0, SSL_verify_client_post_handshake(pair.server.ssl()));
  pair.server.Send("goes on");
  EXPECT_EQ("goes on", pair.ReadAll());
}

TEST(TlsAbuse, EndsAFloodOfTickets_O236) {
  OpenPair pair(Server());
  for (int i = 0; i < 1000; ++i) {
    SSL_new_session_ticket(pair.server.ssl());
    SSL_do_handshake(pair.server.ssl());
  }
  pair.server.Flush();
  EXPECT_EQ("", pair.ReadAll());
  ASSERT_EQ(Status::kError, pair.end);
  EXPECT_EQ("the server sent too many tickets or key updates", pair.client->failure().message);
}

TEST(TlsAbuse, EndsAFloodOfKeyUpdates_O236) {
  for (const bool through_quiet : {false, true}) {
    OpenPair pair(Server());
    for (int i = 0; i < 100; ++i) {
      SSL_key_update(pair.server.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED);
      SSL_do_handshake(pair.server.ssl());
    }
    pair.server.Flush();
    if (through_quiet) {
      EXPECT_FALSE(pair.client->Quiet());
    }
    EXPECT_EQ("", pair.ReadAll());
    EXPECT_EQ(Status::kError, pair.end);
  }
}

TEST(TlsAbuse, AllowsAKeyUpdateNowAndThen_O236) {
  OpenPair pair(Server());
  std::size_t read = 0;
  for (std::uint64_t i = 0; i < TlsStream::kPostHandshakeMessages + 8; ++i) {
    SSL_key_update(pair.server.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED);
    for (int k = 0; k < 32; ++k) pair.server.Send(std::string(16'384, 'x'));
    read += pair.ReadAll().size();
    ASSERT_EQ(Status::kWantRead, pair.end) << i;
  }
  EXPECT_EQ((TlsStream::kPostHandshakeMessages + 8) * 32 * 16'384, read);
}

// OpenSSL writes no empty records: this makes them, with the keys of a TLS 1.3 server that has not
// sent anything yet.
class EmptyRecords {
 public:
  explicit EmptyRecords(const std::string& secret)
      : key_(Expand(secret, "key", 32)), iv_(Expand(secret, "iv", 12)) {}

  std::string Next() {
    std::string nonce = iv_;
    for (int i = 0; i < 8; ++i) {
      nonce[11 - static_cast<std::size_t>(i)] ^= static_cast<char>(sequence_ >> (8 * i));
    }
    ++sequence_;
    const std::string header("\x17\x03\x03\x00\x11", 5);
    std::string sealed(17, '\0');
    int size = 0;
    EVP_CIPHER_CTX* cipher = EVP_CIPHER_CTX_new();
    EVP_EncryptInit_ex(cipher, EVP_aes_256_gcm(), nullptr, Bytes(key_), Bytes(nonce));
    EVP_EncryptUpdate(cipher, nullptr, &size, Bytes(header), 5);
    const unsigned char application_data = 0x17;  // and nothing before it
    auto* out = reinterpret_cast<unsigned char*>(sealed.data());
    EVP_EncryptUpdate(cipher, out, &size, &application_data, 1);
    EVP_EncryptFinal_ex(cipher, out + 1, &size);
    EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, 16, out + 1);
    EVP_CIPHER_CTX_free(cipher);
    return header + sealed;
  }

 private:
  static const unsigned char* Bytes(const std::string& text) {
    return reinterpret_cast<const unsigned char*>(text.data());
  }

  // RFC 8446 7.1, HKDF-Expand-Label with an empty context; one block of SHA-384 is enough.
  static std::string Expand(const std::string& secret, const std::string& label, std::size_t size) {
    const std::string full = "tls13 " + label;
    std::string info{'\0', static_cast<char>(size), static_cast<char>(full.size())};
    info += full + std::string("\0\x01", 2);
    std::string out(48, '\0');
    HMAC(EVP_sha384(), secret.data(), static_cast<int>(secret.size()), Bytes(info), info.size(),
         reinterpret_cast<unsigned char*>(out.data()), nullptr);
    return out.substr(0, size);
  }

  const std::string key_;
  const std::string iv_;
  std::uint64_t sequence_ = 0;
};

std::string& KeyLog() {
  static std::string log;
  return log;
}

TEST(TlsAbuse, EndsAFloodOfEmptyRecords_O247) {
  const MemoryTlsContext server(Leaf(), {.tickets = 0});
  SSL_CTX_set_keylog_callback(server.native(), [](const SSL*, const char* line) {
    if (std::string_view(line).starts_with("SERVER_TRAFFIC_SECRET_0")) KeyLog() = line;
  });
  OpenPair pair(server);
  ASSERT_EQ("TLS_AES_256_GCM_SHA384", pair.client->facts().cipher);
  const std::string hex = KeyLog().substr(KeyLog().rfind(' ') + 1);
  std::string secret;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    secret += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  EmptyRecords records(secret);
  for (int i = 0; i < 10; ++i) pair.link->to_near += records.Next();
  EXPECT_EQ("", pair.ReadAll());
  EXPECT_EQ(Status::kWantRead, pair.end) << pair.client->failure().message;  // a few do no harm
  for (int i = 0; i < 100'000; ++i) pair.link->to_near += records.Next();
  EXPECT_EQ("", pair.ReadAll());
  EXPECT_EQ(Status::kError, pair.end);
  EXPECT_EQ(Reason::kTlsProtocolError, pair.client->failure().reason);
  EXPECT_EQ("TLS failed: record too small", pair.client->failure().message);
  EXPECT_LT(500'000u, pair.link->to_near.size());
}

// --- Client certificates ---

TEST(TlsAbuse, SaysThatTheServerWantsACertificate_O242) {
  const MemoryTlsContext server(Leaf(), {.client_root_pem = Root().pem()});
  const MemoryTlsContext server12(Leaf(),
                                  {.max_version = TLS1_2_VERSION, .client_root_pem = Root().pem()});
  const std::string hint = "; it asked for a client certificate and the profile has none";
  TlsPair old(server12, Step());
  ASSERT_EQ(Status::kError, old.Handshake());
  EXPECT_EQ("the server ended TLS with the alert \"handshake failure (40)\"" + hint,
            old.client->failure().message);
  // On TLS 1.3 the handshake is over for us before the server has looked.
  for (const bool write_first : {false, true}) {
    TlsPair pair(server, Step());
    ASSERT_EQ(Status::kOk, pair.Handshake());
    if (write_first) {
      pair.link->far_reset = true;
      ASSERT_EQ(Status::kError, pair.Write("GET / HTTP/1.1\r\n\r\n").status);
    } else {
      EXPECT_EQ("", pair.ReadAll());
      ASSERT_EQ(Status::kError, pair.end);
    }
    EXPECT_EQ(Reason::kTlsAlertReceived, pair.client->failure().reason);
    EXPECT_EQ("the server ended TLS with the alert \"certificate required (116)\"" + hint,
              pair.client->failure().message);
  }
}

TEST(TlsAbuse, SaysThatTheServerRefusedOurCertificate_O242) {
  const MemoryTlsContext server(Leaf(), {.client_root_pem = Root().pem()});
  const TestCertificate stranger =
      TestCertificate::Root("stranger").Issue({.common_name = "client"});
  TlsProfile profile = Trusting(Root());
  profile.certificate_pem = stranger.pem();
  profile.key_pem = stranger.key_pem();
  TlsPair pair(server, StepFor(Sealed(profile), kHost));
  ASSERT_EQ(Status::kOk, pair.Handshake());
  EXPECT_EQ("", pair.ReadAll());
  ASSERT_EQ(Status::kError, pair.end);
  EXPECT_EQ(
      "the server ended TLS with the alert \"unknown CA (48)\"; it had asked for our client "
      "certificate",
      pair.client->failure().message);
}

TEST(TlsAbuse, ShowsOurCertificateWithItsIntermediates) {
  const MemoryTlsContext server(Leaf(), {.client_root_pem = Root().pem()});
  const TestCertificate mine = Intermediate().Issue({.common_name = "client"});
  TlsProfile profile = Trusting(Root());
  profile.certificate_pem = mine.chain_pem();
  profile.key_pem = mine.key_pem();
  TlsPair pair(server, StepFor(Sealed(profile), kHost));
  ASSERT_EQ(Status::kOk, pair.Handshake());
  ASSERT_EQ(Status::kOk, pair.Write("hello").status);
  pair.server.Step();
  EXPECT_EQ("hello", pair.server.received());
}

}  // namespace
}  // namespace spillway
