#include "tests/harness/certificates.h"

#include <openssl/asn1.h>
#include <openssl/dsa.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include <array>
#include <ctime>
#include <utility>

#include "transport/base/check.h"

namespace spillway {
namespace {

std::shared_ptr<EVP_PKEY> MakeDsaKey() {
  EVP_PKEY* parameters = nullptr;
  EVP_PKEY* key = nullptr;
  std::shared_ptr<EVP_PKEY_CTX> making(EVP_PKEY_CTX_new_id(EVP_PKEY_DSA, nullptr),
                                       EVP_PKEY_CTX_free);
  SPILLWAY_CHECK(EVP_PKEY_paramgen_init(making.get()) == 1);
  SPILLWAY_CHECK(EVP_PKEY_CTX_set_dsa_paramgen_bits(making.get(), 2048) == 1);
  SPILLWAY_CHECK(EVP_PKEY_paramgen(making.get(), &parameters) == 1);
  making.reset(EVP_PKEY_CTX_new(parameters, nullptr), EVP_PKEY_CTX_free);
  SPILLWAY_CHECK(EVP_PKEY_keygen_init(making.get()) == 1);
  SPILLWAY_CHECK(EVP_PKEY_keygen(making.get(), &key) == 1);
  EVP_PKEY_free(parameters);
  return {key, EVP_PKEY_free};
}

std::shared_ptr<EVP_PKEY> MakeKey(TestKey kind) {
  EVP_PKEY* key = nullptr;
  switch (kind) {
    case TestKey::kEcP256:
      key = EVP_EC_gen("P-256");
      break;
    case TestKey::kRsa1024:
      key = EVP_RSA_gen(1024);
      break;
    case TestKey::kRsa2048:
      key = EVP_RSA_gen(2048);
      break;
    case TestKey::kEd25519:
      key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
      break;
    case TestKey::kDsa2048:
      return MakeDsaKey();
  }
  SPILLWAY_CHECK(key != nullptr);
  return {key, EVP_PKEY_free};
}

void AddName(GENERAL_NAMES* names, int type, const std::string& bytes) {
  GENERAL_NAME* name = GENERAL_NAME_new();
  ASN1_STRING* text = ASN1_IA5STRING_new();
  SPILLWAY_CHECK(ASN1_STRING_set(text, bytes.data(), static_cast<int>(bytes.size())) == 1);
  GENERAL_NAME_set0_value(name, type, text);
  SPILLWAY_CHECK(sk_GENERAL_NAME_push(names, name) > 0);
}

void AddAlternativeNames(X509* certificate, const CertificateSpec& spec) {
  if (spec.dns.empty() && spec.ips.empty() && spec.uris.empty()) return;
  GENERAL_NAMES* names = sk_GENERAL_NAME_new_null();
  for (const std::string& dns : spec.dns) AddName(names, GEN_DNS, dns);
  for (const std::string& uri : spec.uris) AddName(names, GEN_URI, uri);
  for (const std::string& ip : spec.ips) {
    GENERAL_NAME* name = GENERAL_NAME_new();
    ASN1_OCTET_STRING* address = a2i_IPADDRESS(ip.c_str());
    SPILLWAY_CHECK(address != nullptr);
    GENERAL_NAME_set0_value(name, GEN_IPADD, address);
    SPILLWAY_CHECK(sk_GENERAL_NAME_push(names, name) > 0);
  }
  SPILLWAY_CHECK(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, 0) == 1);
  GENERAL_NAMES_free(names);
}

void AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  SPILLWAY_CHECK(extension != nullptr);
  SPILLWAY_CHECK(X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

void AddExtensions(X509* certificate, X509* issuer, const CertificateSpec& spec) {
  if (spec.authority) {
    std::string constraints = "critical,CA:TRUE";
    if (spec.path_length >= 0) constraints += ",pathlen:" + std::to_string(spec.path_length);
    AddExtension(certificate, issuer, NID_basic_constraints, constraints);
    AddExtension(certificate, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
  } else {
    AddExtension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE");
    if (!spec.extended_key_usage.empty()) {
      AddExtension(certificate, issuer, NID_ext_key_usage, spec.extended_key_usage);
    }
  }
  if (!spec.name_constraints.empty()) {
    AddExtension(certificate, issuer, NID_name_constraints, "critical," + spec.name_constraints);
  }
  AddExtension(certificate, issuer, NID_subject_key_identifier, "hash");
  AddAlternativeNames(certificate, spec);
}

void SetSerial(X509* certificate) {
  BIGNUM* number = BN_new();
  SPILLWAY_CHECK(BN_rand(number, 120, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1);
  SPILLWAY_CHECK(BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nullptr);
  BN_free(number);
}

// Ed25519 signs without a hash of its own choice.
const EVP_MD* HashFor(EVP_PKEY* key, const std::string& name) {
  return EVP_PKEY_is_a(key, "ED25519") ? nullptr : EVP_get_digestbyname(name.c_str());
}

// `issuer` and `issuer_key` are null for a self-signed one.
std::shared_ptr<X509> Make(const CertificateSpec& spec, EVP_PKEY* key, X509* issuer,
                           EVP_PKEY* issuer_key) {
  std::shared_ptr<X509> made(X509_new(), X509_free);
  X509* certificate = made.get();
  SPILLWAY_CHECK(X509_set_version(certificate, X509_VERSION_3) == 1);
  SetSerial(certificate);
  X509_gmtime_adj(X509_getm_notBefore(certificate), static_cast<long>(spec.begins.count()));
  X509_gmtime_adj(X509_getm_notAfter(certificate), static_cast<long>(spec.ends.count()));
  SPILLWAY_CHECK(X509_set_pubkey(certificate, key) == 1);
  if (!spec.common_name.empty()) {
    SPILLWAY_CHECK(X509_NAME_add_entry_by_NID(
                       X509_get_subject_name(certificate), NID_commonName, MBSTRING_UTF8,
                       reinterpret_cast<const unsigned char*>(spec.common_name.data()),
                       static_cast<int>(spec.common_name.size()), -1, 0) == 1);
  }
  if (issuer == nullptr) issuer = certificate;
  SPILLWAY_CHECK(X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1);
  AddExtensions(certificate, issuer, spec);
  EVP_PKEY* signer = issuer_key == nullptr ? key : issuer_key;
  SPILLWAY_CHECK(X509_sign(certificate, signer, HashFor(signer, spec.hash)) > 0);
  return made;
}

template <typename Write>
std::string Pem(Write write) {
  BIO* out = BIO_new(BIO_s_mem());
  SPILLWAY_CHECK(write(out) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out, &text);
  std::string pem(text, static_cast<std::size_t>(size));
  BIO_free(out);
  return pem;
}

std::string PemOf(X509* certificate) {
  return Pem([certificate](BIO* out) { return PEM_write_bio_X509(out, certificate); });
}

}  // namespace

TestCertificate TestCertificate::Root(const std::string& common_name) {
  return SelfSigned(
      {.common_name = common_name, .authority = true, .ends = std::chrono::hours(48)});
}

TestCertificate TestCertificate::SelfSigned(const CertificateSpec& spec) {
  TestCertificate made;
  made.key_ = MakeKey(spec.key);
  made.certificate_ = Make(spec, made.key_.get(), nullptr, nullptr);
  return made;
}

TestCertificate TestCertificate::Issue(const CertificateSpec& spec) const {
  TestCertificate made;
  made.key_ = MakeKey(spec.key);
  made.certificate_ = Make(spec, made.key_.get(), certificate_.get(), key_.get());
  if (X509_self_signed(certificate_.get(), 0) != 1) {
    made.issuers_ = issuers_;
    made.issuers_.insert(made.issuers_.begin(), certificate_);
  }
  return made;
}

TestCertificate TestCertificate::IssueFor(const std::string& host) const {
  ASN1_OCTET_STRING* address = a2i_IPADDRESS(host.c_str());
  const bool is_address = address != nullptr;
  ASN1_OCTET_STRING_free(address);
  if (is_address) return Issue({.common_name = "leaf", .ips = {host}});
  return Issue({.common_name = "leaf", .dns = {host}});
}

std::string TestCertificate::pem() const { return PemOf(certificate_.get()); }

std::string TestCertificate::key_pem() const {
  return Pem([this](BIO* out) {
    return PEM_write_bio_PrivateKey(out, key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

std::string TestCertificate::chain_pem() const {
  std::string chain = pem();
  for (const std::shared_ptr<X509>& issuer : issuers_) chain += PemOf(issuer.get());
  return chain;
}

std::string TestCertificate::spki_sha256() const {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate_.get()), &der);
  SPILLWAY_CHECK(size > 0);
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(der, static_cast<std::size_t>(size), digest.data());
  OPENSSL_free(der);
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace spillway
