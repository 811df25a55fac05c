#include "transport/io/tls_peer_check.h"

#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <memory>
#include <optional>
#include <string_view>

#include "transport/base/ip_address.h"
#include "transport/io/tls_name_check.h"
#include "transport/io/tls_text.h"

namespace spillway {
namespace {

constexpr std::string_view kWrongName = "hostname mismatch";
constexpr std::string_view kExpired = "certificate has expired";

int CheckIndex() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

void Refuse(TlsPeerCheck& check, std::string_view why, const X509* certificate) {
  check.refusal = why;
  check.subject = SubjectOf(certificate);
}

bool HasPin(const X509* certificate, const std::vector<SpkiPin>& pins) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (size <= 0) return false;
  SpkiPin digest{};
  SHA256(der, static_cast<std::size_t>(size), digest.data());
  OPENSSL_free(der);
  return std::find(pins.begin(), pins.end(), digest) != pins.end();
}

bool ChainHasPin(STACK_OF(X509) * chain, const std::vector<SpkiPin>& pins) {
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    if (HasPin(sk_X509_value(chain, i), pins)) return true;
  }
  return false;
}

// What OpenSSL does not check, on a chain that it has verified.
int CheckVerified(X509_STORE_CTX* context, TlsPeerCheck& check) {
  const X509* leaf = X509_STORE_CTX_get0_cert(context);
  if (!CertificateIsFor(NamesOf(leaf), check.verify_name, check.verify_kind)) {
    X509_STORE_CTX_set_error(context, X509_V_ERR_HOSTNAME_MISMATCH);
    Refuse(check, kWrongName, leaf);
    return 0;
  }
  STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context);
  if (!check.pins->empty() && !ChainHasPin(chain, *check.pins)) {
    X509_STORE_CTX_set_error(context, X509_V_ERR_APPLICATION_VERIFICATION);
    Refuse(check, "no certificate of the chain has a pinned key", leaf);
    return 0;
  }
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    check.chain_not_after = std::min(check.chain_not_after, NotAfterOf(sk_X509_value(chain, i)));
  }
  check.passed = true;
  // Or the connection would keep the chain, parsed, for as long as it lives.
  X509_STORE_CTX_set0_verified_chain(context, nullptr);
  return 1;
}

// OpenSSL's whole verification of the peer goes through here.
int VerifyPeer(X509_STORE_CTX* context, void*) {
  const void* ssl = X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx());
  auto* check =
      static_cast<TlsPeerCheck*>(SSL_get_ex_data(static_cast<const SSL*>(ssl), CheckIndex()));
  if (check == nullptr) {
    X509_STORE_CTX_set_error(context, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
  }
  if (check->insecure) {
    check->passed = true;
    return 1;
  }
  if (X509_verify_cert(context) == 1) return CheckVerified(context, *check);
  const int error = X509_STORE_CTX_get_error(context);
  const X509* at_fault = X509_STORE_CTX_get_current_cert(context);
  Refuse(*check, X509_verify_cert_error_string(error),
         at_fault == nullptr ? X509_STORE_CTX_get0_cert(context) : at_fault);
  return 0;
}

}  // namespace

void InstallPeerCheck(SSL_CTX* context) {
  SSL_CTX_set_cert_verify_callback(context, VerifyPeer, nullptr);
}

bool AttachPeerCheck(SSL* ssl, TlsPeerCheck* check) {
  if (SSL_set_ex_data(ssl, CheckIndex(), check) != 1) return false;
  if (check == nullptr || check->insecure) return true;
  X509_VERIFY_PARAM* parameters = SSL_get0_param(ssl);
  X509_VERIFY_PARAM_set_hostflags(
      parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  const std::string& name = check->verify_name;
  if (check->verify_kind == HostKind::kName) {
    return !name.empty() && X509_VERIFY_PARAM_set1_host(parameters, name.data(), name.size()) == 1;
  }
  const std::optional<IpAddress> address = IpAddress::Parse(name);
  if (!address) return false;
  const std::size_t size = address->family == IpAddress::Family::kIpv4 ? 4 : 16;
  return X509_VERIFY_PARAM_set1_ip(parameters, address->bytes.data(), size) == 1;
}

void CheckResumedPeer(const X509* certificate, TlsPeerCheck& check) {
  if (!check.insecure) {
    if (certificate == nullptr) {
      check.refusal = "the resumed session has no certificate";
      return;
    }
    if (!CertificateIsFor(NamesOf(certificate), check.verify_name, check.verify_kind)) {
      return Refuse(check, kWrongName, certificate);
    }
    if (std::min(check.chain_not_after, NotAfterOf(certificate)) <=
        std::chrono::system_clock::now()) {
      return Refuse(check, kExpired, certificate);
    }
  }
  check.passed = true;
}

Failure CertificateFailure(const TlsPeerCheck& check) {
  Failure failure{Reason::kTlsCertificateError, Source::kTls, Phase::kTls, Delivery::kNotSent};
  failure.message = "certificate ";
  if (!check.subject.empty()) failure.message += "\"" + check.subject + "\" ";
  failure.message += "refused: ";
  failure.message += check.refusal.empty() ? "the server sent none" : check.refusal;
  return failure;
}

}  // namespace spillway
