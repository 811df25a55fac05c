// Certificates made at test time: authorities, intermediates, and leaves with anything wrong.
//
// What it is: TestCertificate is a certificate with its key and its issuers. Root() and
// SelfSigned() begin a chain, Issue() goes on. Thread safety: immutable once made; any thread.
// Invariants: making one aborts the test program rather than give something else than asked for.

#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace spillway {

enum class TestKey { kEcP256, kRsa1024, kRsa2048, kEd25519, kDsa2048 };

struct CertificateSpec {
  std::string common_name;                                   // "": an empty subject
  std::vector<std::string> dns = {};                         // dNSName SANs, any bytes
  std::vector<std::string> ips = {};                         // iPAddress SANs, as text
  std::vector<std::string> uris = {};                        // uniformResourceIdentifier SANs
  bool authority = false;                                    // CA:TRUE and keyCertSign
  int path_length = -1;                                      // of an authority; -1: any
  std::string extended_key_usage = "serverAuth,clientAuth";  // OpenSSL's syntax; "" for none
  std::string name_constraints = {};  // OpenSSL's syntax: "permitted;DNS:example.com"
  std::chrono::seconds begins = -std::chrono::hours(1);  // from now
  std::chrono::seconds ends = std::chrono::hours(24);
  TestKey key = TestKey::kEcP256;
  std::string hash = "SHA256";  // of the signature by the issuer
};

class TestCertificate {
 public:
  static TestCertificate Root(const std::string& common_name = "test root");
  static TestCertificate SelfSigned(const CertificateSpec& spec);
  TestCertificate Issue(const CertificateSpec& spec) const;
  // A leaf for one DNS name, or address literal.
  TestCertificate IssueFor(const std::string& host) const;

  std::string pem() const;      // the certificate alone
  std::string key_pem() const;  // PKCS#8, not encrypted
  // The certificate and its issuers, leaf first, without a self-signed one: what a server sends.
  std::string chain_pem() const;
  std::string spki_sha256() const;  // the 32 bytes that a pin has

  X509* certificate() const { return certificate_.get(); }
  EVP_PKEY* key() const { return key_.get(); }
  // What a server sends beside its certificate.
  const std::vector<std::shared_ptr<X509>>& issuers() const { return issuers_; }

 private:
  TestCertificate() = default;

  std::shared_ptr<X509> certificate_;
  std::shared_ptr<EVP_PKEY> key_;
  std::vector<std::shared_ptr<X509>> issuers_;
};

}  // namespace spillway
