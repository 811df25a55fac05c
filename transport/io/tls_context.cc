#include "transport/io/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <optional>
#include <utility>

#include "transport/io/system_roots.h"
#include "transport/io/tls_peer_check.h"
#include "transport/io/tls_pem.h"

namespace spillway {
namespace {

// Chains longer than this prove nothing but patience (O-221).
constexpr int kMaxChainDepth = 10;
constexpr long kMaxChainBytes = 100L * 1024;
constexpr int kSecurityLevel = 2;  // 112 bits: no RSA-1024, no SHA-1, no MD5 (O-220)

using Problem = std::optional<Failure>;

int NativeVersion(TlsVersion version) {
  return version == TlsVersion::kTls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

int OnNewSession(SSL* ssl, SSL_SESSION* session) {
  auto* sink = static_cast<TlsSessionSink*>(SSL_get_app_data(ssl));
  if (sink != nullptr) sink->OnNewSession(session);
  return 0;  // nobody keeps a reference
}

void SetConstants(SSL_CTX* context) {
  SSL_CTX_set_security_level(context, kSecurityLevel);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_clear_options(context, SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_AUTO_RETRY);
  // One system call takes a whole record, or several small ones, instead of two a record.
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_max_cert_list(context, kMaxChainBytes);
  SSL_CTX_set_verify_depth(context, kMaxChainDepth);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, OnNewSession);
}

Problem SetVersions(SSL_CTX* context, const TlsProfile& profile) {
  if (profile.max_version < profile.min_version) {
    return BadRequest("min_version", "is above max_version");
  }
  SSL_CTX_set_min_proto_version(context, NativeVersion(profile.min_version));
  SSL_CTX_set_max_proto_version(context, NativeVersion(profile.max_version));
  return std::nullopt;
}

Problem SetLists(SSL_CTX* context, const TlsProfile& profile) {
  if (!profile.ciphers.empty() && SSL_CTX_set_cipher_list(context, profile.ciphers.c_str()) != 1) {
    return BadRequest("ciphers", "names no cipher that can be used");
  }
  if (!profile.cipher_suites.empty() &&
      SSL_CTX_set_ciphersuites(context, profile.cipher_suites.c_str()) != 1) {
    return BadRequest("cipher_suites", "names a suite that is not known");
  }
  if (!profile.groups.empty() && SSL_CTX_set1_groups_list(context, profile.groups.c_str()) != 1) {
    return BadRequest("groups", "names a group that is not known");
  }
  // A list may have spoken of levels.
  SSL_CTX_set_security_level(context, kSecurityLevel);
  return std::nullopt;
}

Problem SetRoots(SSL_CTX* context, const TlsProfile& profile) {
  if (profile.insecure) {
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
    return std::nullopt;
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  // What stands among the roots is trusted, self-signed or not, as in Go and curl.
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
  std::shared_ptr<const SystemRoots> system;
  if (profile.system_roots) system = ReadSystemRoots();
  if (profile.roots_pem.empty()) {
    if (system == nullptr) return BadRequest("roots", "there are none");
    SSL_CTX_set1_cert_store(context, system->store.get());
    return std::nullopt;
  }
  const Result<std::vector<X509Ptr>> further = ParseCertificates(profile.roots_pem, "roots");
  if (!further) return further.error();
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  for (const X509Ptr& root : *further) X509_STORE_add_cert(store, root.get());
  if (system != nullptr) {
    for (const X509Ptr& root : system->certificates) X509_STORE_add_cert(store, root.get());
  }
  return std::nullopt;
}

Problem SetCertificate(SSL_CTX* context, const TlsProfile& profile) {
  if (profile.certificate_pem.empty() && profile.key_pem.empty()) return std::nullopt;
  if (profile.certificate_pem.empty()) return BadRequest("certificate", "missing beside the key");
  if (profile.key_pem.empty()) return BadRequest("key", "missing beside the certificate");
  const Result<std::vector<X509Ptr>> chain =
      ParseCertificates(profile.certificate_pem, "certificate");
  if (!chain) return chain.error();
  const Result<KeyPtr> key = ParsePrivateKey(profile.key_pem, "key");
  if (!key) return key.error();
  if (X509_check_private_key(chain->front().get(), key->get()) != 1) {
    return BadRequest("key", "does not fit the certificate");
  }
  if (SSL_CTX_use_certificate(context, chain->front().get()) != 1) {
    return BadRequest("certificate", "is too weak, in key or signature, for TLS");
  }
  for (std::size_t i = 1; i < chain->size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, (*chain)[i].get()) != 1) {
      return BadRequest("certificate", "an intermediate is too weak, in key or signature, for TLS");
    }
  }
  if (SSL_CTX_use_PrivateKey(context, key->get()) != 1) {
    return BadRequest("key", "cannot be used for TLS");
  }
  return std::nullopt;
}

}  // namespace

TlsContext::TlsContext(const TlsProfile& profile)
    : context_(SSL_CTX_new(TLS_client_method())),
      digest_(profile.digest),
      pins_(profile.pins),
      has_certificate_(!profile.certificate_pem.empty()),
      resumption_(profile.resumption),
      insecure_(profile.insecure) {}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

Result<std::shared_ptr<const TlsContext>> TlsContext::Create(const TlsProfile& profile) {
  ERR_clear_error();
  std::shared_ptr<TlsContext> made(new TlsContext(profile));
  SSL_CTX* context = made->native();
  if (context == nullptr) {
    return Failure{.message = "no memory for a TLS context"};
  }
  SetConstants(context);
  InstallPeerCheck(context);
  for (const auto& step : {SetVersions, SetLists, SetRoots, SetCertificate}) {
    Problem problem = step(context, profile);
    ERR_clear_error();
    if (problem) return std::move(*problem);
  }
  return std::shared_ptr<const TlsContext>(std::move(made));
}

}  // namespace spillway
