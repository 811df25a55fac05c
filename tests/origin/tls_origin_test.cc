// The TLS half of the scripted origin, tried with OpenSSL's own client.

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string>

#include "tests/harness/test_tls.h"
#include "tests/origin/listen.h"
#include "tests/origin/origin.h"

namespace spillway {
namespace {

// A blocking client; keeps its session for the next one.
class OpenSslClient {
 public:
  struct Options {
    bool offer_h2 = false;
    bool certificate = false;
    int max_version = 0;
    SSL_SESSION* session = nullptr;
  };
  OpenSslClient(std::uint16_t port, const Options& options)
      : context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free) {
    socklen_t size = 0;
    const sockaddr_storage target = LoopbackAddress("127.0.0.1", port, size);
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(connect(fd_, reinterpret_cast<const sockaddr*>(&target), size), 0);
    SSL_CTX_set_security_level(context_.get(), 0);
    if (options.certificate) UseCertificate();
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), fd_);
    SSL_set_tlsext_host_name(ssl_.get(), "origin.test");
    SSL_set_max_proto_version(ssl_.get(), options.max_version);
    constexpr std::string_view kBoth = "\x02h2\x08http/1.1";
    if (options.offer_h2) {
      SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(kBoth.data()),
                          static_cast<unsigned>(kBoth.size()));
    }
    if (options.session != nullptr) SSL_set_session(ssl_.get(), options.session);
    connected_ = SSL_connect(ssl_.get()) == 1;
  }
  ~OpenSslClient() { close(fd_); }
  OpenSslClient(const OpenSslClient&) = delete;
  OpenSslClient& operator=(const OpenSslClient&) = delete;

  bool connected() const { return connected_; }
  SSL* ssl() { return ssl_.get(); }
  int fd() const { return fd_; }
  std::string Ask(std::size_t size) {
    constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
    SSL_write(ssl_.get(), kGet.data(), static_cast<int>(kGet.size()));
    return Read(size);
  }
  // Up to `size` bytes; what ended it in `error`.
  std::string Read(std::size_t size) {
    std::string out;
    std::array<char, 4096> buffer{};
    while (out.size() < size) {
      const int n = SSL_read(ssl_.get(), buffer.data(), static_cast<int>(buffer.size()));
      error = SSL_get_error(ssl_.get(), n);
      if (n <= 0) break;
      out.append(buffer.data(), static_cast<std::size_t>(n));
    }
    return out;
  }
  int error = 0;

 private:
  void UseCertificate() {
    const TlsIdentity& mine = TestTls().client;
    BIO* text = BIO_new_mem_buf(mine.certificate_pem.data(), -1);
    X509* leaf = PEM_read_bio_X509(text, nullptr, nullptr, nullptr);
    SSL_CTX_use_certificate(context_.get(), leaf);
    X509_free(leaf);
    BIO_free(text);
    text = BIO_new_mem_buf(mine.key_pem.data(), -1);
    EVP_PKEY* key = PEM_read_bio_PrivateKey(text, nullptr, nullptr, nullptr);
    SSL_CTX_use_PrivateKey(context_.get(), key);
    EVP_PKEY_free(key);
    BIO_free(text);
  }
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_{nullptr, SSL_free};
  int fd_ = -1;
  bool connected_ = false;
};

OriginOptions Https(std::string_view script, const std::string& tls = "") {
  OriginOptions options;
  options.https = true;
  options.tls = tls;
  options.tls_keys = TestTls().keys;
  options.scripts = {MustParse(script)};
  return options;
}

const std::size_t kServed = Answer(200, "served").size();

TEST(TlsOrigin, ServesInsideTlsAndTellsWhatTheClientShowed) {
  Origin origin(Https("", "alpn=http/1.1 client_ca=clients"));
  OpenSslClient client(origin.port(), {.offer_h2 = true, .certificate = true});
  ASSERT_TRUE(client.connected());
  EXPECT_EQ(client.Ask(kServed), Answer(200, "served"));
  const auto seen = origin.seen();
  EXPECT_EQ(seen[0].tls.server_name, "origin.test");
  EXPECT_EQ(seen[0].tls.alpn, "http/1.1");
  EXPECT_EQ(seen[0].tls.offered, (std::vector<std::string>{"h2", "http/1.1"}));
  EXPECT_EQ(seen[0].tls.version, "TLSv1.3");
  EXPECT_EQ(seen[0].tls.client, "caller");
  EXPECT_FALSE(seen[0].tls.resumed);
  EXPECT_EQ(seen[0].requests.size(), 1U);
}

TEST(TlsOrigin, ResumesSessionsOverConnectionsAndOrigins) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    auto origin = std::make_unique<Origin>(Https(""));
    OpenSslClient first(origin->port(), {.max_version = version});
    first.Ask(kServed);
    const std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)> session(
        SSL_get1_session(first.ssl()), SSL_SESSION_free);
    origin = std::make_unique<Origin>(Https(""));  // a restart
    OpenSslClient second(origin->port(), {.max_version = version, .session = session.get()});
    second.Ask(kServed);
    EXPECT_TRUE(origin->seen()[0].tls.resumed) << version;
    Origin forgetful(Https("", "no_resume"));
    OpenSslClient third(forgetful.port(), {.max_version = version, .session = session.get()});
    third.Ask(kServed);
    EXPECT_FALSE(forgetful.seen()[0].tls.resumed) << version;
  }
}

TEST(TlsOrigin, RefusesAClientWithoutCertificate) {
  Origin origin(Https("", "client_ca=clients max=1.2"));
  EXPECT_FALSE(OpenSslClient(origin.port(), {}).connected());
  ASSERT_TRUE(origin.log().Await([](const auto& seen) { return seen[0].closed; }));
  EXPECT_FALSE(origin.seen()[0].tls.finished);
  EXPECT_NE(origin.seen()[0].tls.error, "");
}

TEST(TlsOrigin, TellsTheAlertOfAClientThatDoesNotTrustIt) {
  Origin origin(Https("", "min=1.3"));
  EXPECT_FALSE(OpenSslClient(origin.port(), {.max_version = TLS1_2_VERSION}).connected());
}

TEST(TlsOrigin, EndsInOrderOrCutsShort) {
  Origin orderly(Https("expect_head\nsend \"abc\"\nclose_notify\nfin\n"));
  OpenSslClient first(orderly.port(), {});
  EXPECT_EQ(first.Ask(10), "abc");
  EXPECT_EQ(first.error, SSL_ERROR_ZERO_RETURN);
  Origin cut(Https("expect_head\nsend \"abc\"\nfin\n"));
  OpenSslClient second(cut.port(), {});
  EXPECT_EQ(second.Ask(10), "abc");
  EXPECT_NE(second.error, SSL_ERROR_ZERO_RETURN);
}

TEST(TlsOrigin, SendsAHandshakeInPartsOrOnlyAPart) {
  Origin slow(Https("", "each"));
  OpenSslClient patient(slow.port(), {});
  EXPECT_TRUE(patient.connected());
  EXPECT_EQ(patient.Ask(kServed), Answer(200, "served"));
  Origin cut(Https("tls cut=60\nclose\n"));
  EXPECT_FALSE(OpenSslClient(cut.port(), {}).connected());
  EXPECT_TRUE(cut.seen()[0].tls.hello);
  EXPECT_EQ(cut.seen()[0].tls.server_name, "origin.test");
}

TEST(TlsOrigin, SpeaksPlainlyWhereTlsIsExpected) {
  Origin origin(Https("plain\nexpect_bytes 5\nsend \"HTTP/1.1 400 Bad\\r\\n\\r\\n\"\nfin\n"));
  ERR_clear_error();
  EXPECT_FALSE(OpenSslClient(origin.port(), {}).connected());
}

TEST(TlsOrigin, SendsTicketsKeyUpdatesAndBytesBelowTls) {
  Origin origin(
      Https("expect_head\ntickets 3\nkey_update 20\nsend \"abc\"\nraw \"junk junk\"\nfin\n"));
  OpenSslClient client(origin.port(), {});
  EXPECT_EQ(client.Ask(10), "abc");
  EXPECT_EQ(client.error, SSL_ERROR_SSL);
}

TEST(TlsOrigin, AnswersAnyAlpnItIsToldTo) {
  Origin chosen(Https("", "alpn=h2,http/1.1"));
  OpenSslClient first(chosen.port(), {.offer_h2 = true});
  ASSERT_TRUE(first.connected());
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(first.ssl(), &name, &size);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(name), size), "h2");
  // OpenSSL's own client refuses what it did not offer.
  Origin odd(Https("", "alpn_anyway=\"spdy/3\""));
  EXPECT_FALSE(OpenSslClient(odd.port(), {.offer_h2 = true}).connected());
}

TEST(TlsOrigin, HasAllIdentitiesOfTheTests) {
  for (const auto& [name, identity] : TestTls().keys.identities) {
    Origin origin(Https("", "cert=" + name));
    OpenSslClient client(origin.port(), {});
    EXPECT_TRUE(client.connected() || name == "dsa") << name << origin.seen()[0].tls.error;
  }
}

TEST(TlsOrigin, ChoosesAnIdentityByName) {
  Origin origin(Https("", "cert=wrong_host name=origin.test:origin"));
  OpenSslClient client(origin.port(), {});
  ASSERT_TRUE(client.connected());
  X509* leaf = SSL_get1_peer_certificate(client.ssl());
  EXPECT_EQ(X509_check_host(leaf, "origin.test", 0, 0, nullptr), 1);
  X509_free(leaf);
}

}  // namespace
}  // namespace spillway
