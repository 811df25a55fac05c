#include "tests/harness/memory_tls_server.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <array>
#include <utility>

#include "transport/base/check.h"

namespace spillway {
namespace {

void DemandClientCertificate(SSL_CTX* context, const std::string& root_pem) {
  BIO* text = BIO_new_mem_buf(root_pem.data(), static_cast<int>(root_pem.size()));
  X509* root = PEM_read_bio_X509(text, nullptr, nullptr, nullptr);
  SPILLWAY_CHECK(root != nullptr);
  X509_STORE_add_cert(SSL_CTX_get_cert_store(context), root);
  X509_free(root);
  BIO_free(text);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
}

}  // namespace

MemoryTlsContext::MemoryTlsContext(const TestCertificate& certificate, const MemoryTlsSpec& spec)
    : context_(SSL_CTX_new(TLS_server_method()), SSL_CTX_free), alpn_(spec.alpn) {
  SSL_CTX* context = context_.get();
  SSL_CTX_set_security_level(context, 0);
  SSL_CTX_set_min_proto_version(context, spec.min_version);
  SSL_CTX_set_max_proto_version(context, spec.max_version);
  // Level 0 makes Debian's OpenSSL offer SHA-1 again, as old servers do.
  SPILLWAY_CHECK(SSL_CTX_set_cipher_list(
                     context, spec.ciphers.empty() ? "ALL:@SECLEVEL=0" : spec.ciphers.c_str()) ==
                 1);
  SPILLWAY_CHECK(SSL_CTX_use_certificate(context, certificate.certificate()) == 1);
  SPILLWAY_CHECK(SSL_CTX_use_PrivateKey(context, certificate.key()) == 1);
  for (const std::shared_ptr<X509>& issuer : certificate.issuers()) {
    if (spec.send_issuers) SSL_CTX_add1_chain_cert(context, issuer.get());
  }
  SSL_CTX_set_mode(context, SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_num_tickets(context, static_cast<std::size_t>(spec.tickets));
  SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>("test"), 4);
  if (!alpn_.empty()) SSL_CTX_set_alpn_select_cb(context, ChooseAlpn, &alpn_);
  if (!spec.client_root_pem.empty()) DemandClientCertificate(context, spec.client_root_pem);
}

int MemoryTlsContext::ChooseAlpn(SSL*, const unsigned char** out, unsigned char* out_size,
                                 const unsigned char*, unsigned, void* self) {
  const auto& alpn = *static_cast<const std::string*>(self);
  *out = reinterpret_cast<const unsigned char*>(alpn.data());
  *out_size = static_cast<unsigned char>(alpn.size());
  return SSL_TLSEXT_ERR_OK;
}

MemoryTlsServer::MemoryTlsServer(const MemoryTlsContext& context, std::shared_ptr<MemoryLink> link)
    : link_(std::move(link)), ssl_(SSL_new(context.native()), SSL_free) {
  SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_accept_state(ssl_.get());
}

void MemoryTlsServer::Step() {
  if (!link_->to_far.empty()) {
    BIO_write(SSL_get_rbio(ssl_.get()), link_->to_far.data(),
              static_cast<int>(link_->to_far.size()));
    link_->to_far.clear();
  }
  ERR_clear_error();
  if (!open_ && !failed_) {
    const int result = SSL_accept(ssl_.get());
    open_ = result == 1;
    failed_ = !open_ && SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_READ;
    if (const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name)) sni_ = name;
  }
  if (open_) {
    std::array<char, 16 * 1024> buffer;
    int got = 0;
    while ((got = SSL_read(ssl_.get(), buffer.data(), buffer.size())) > 0) {
      received_.append(buffer.data(), static_cast<std::size_t>(got));
    }
    const int error = SSL_get_error(ssl_.get(), got);
    failed_ = error == SSL_ERROR_SSL || error == SSL_ERROR_SYSCALL;
  }
  ERR_clear_error();
  Flush();
}

void MemoryTlsServer::Send(const std::string& text) {
  SPILLWAY_CHECK(SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())) > 0);
  Flush();
}

void MemoryTlsServer::CloseNotify() {
  SSL_shutdown(ssl_.get());
  Flush();
}

void MemoryTlsServer::Flush() {
  std::array<char, 16 * 1024> buffer;
  int got = 0;
  while ((got = BIO_read(SSL_get_wbio(ssl_.get()), buffer.data(), buffer.size())) > 0) {
    link_->to_near.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace spillway
