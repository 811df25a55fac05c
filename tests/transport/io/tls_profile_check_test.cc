#include "transport/io/tls_profile_check.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "tests/harness/certificates.h"
#include "transport/io/digest.h"

namespace spillway {
namespace {

const TestCertificate& Root() {
  static const TestCertificate root = TestCertificate::Root();
  return root;
}

const TestCertificate& Client() {
  static const TestCertificate client =
      Root().Issue({.common_name = "client", .ends = std::chrono::hours(5)});
  return client;
}

TlsProfile Good() {
  TlsProfile profile;
  profile.roots_pem = Root().pem();
  profile.certificate_pem = Client().pem();
  profile.key_pem = Client().key_pem();
  return profile;
}

std::string EncryptedKey() {
  BIO* out = BIO_new(BIO_s_mem());
  std::string phrase = "secret";
  PEM_write_bio_PKCS8PrivateKey(out, Client().key(), EVP_aes_128_cbc(), phrase.data(),
                                static_cast<int>(phrase.size()), nullptr, nullptr);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out, &text);
  std::string pem(text, static_cast<std::size_t>(size));
  BIO_free(out);
  return pem;
}

using Change = std::function<void(TlsProfile&)>;

TEST(SealTlsProfile, TakesWhatCanBeMeant) {
  const std::vector<std::pair<std::string, Change>> rows = {
      {"all of it", [](TlsProfile&) {}},
      {"nothing at all", [](TlsProfile& p) { p = TlsProfile{}; }},
      {"several roots with words between them",
       [](TlsProfile& p) { p.roots_pem = "# ours\n" + Root().pem() + "\n# too\n" + Root().pem(); }},
      {"own roots alone", [](TlsProfile& p) { p.system_roots = false; }},
      {"certificate with intermediates", [](TlsProfile& p) { p.certificate_pem += Root().pem(); }},
      {"ciphers of old", [](TlsProfile& p) { p.ciphers = "ECDHE+AESGCM:!aNULL:!RC4:@STRENGTH"; }},
      {"one suite", [](TlsProfile& p) { p.cipher_suites = "TLS_AES_128_GCM_SHA256"; }},
      {"groups", [](TlsProfile& p) { p.groups = "X25519:P-256"; }},
      {"TLS 1.3 alone", [](TlsProfile& p) { p.min_version = TlsVersion::kTls13; }},
      {"pins",
       [](TlsProfile& p) {
         p.pins = {SpkiPin{1}, SpkiPin{2}};
       }},
      {"names", [](TlsProfile& p) { p.sni = "a.example.com", p.verify_name = "10.0.0.1"; }},
      {"insecure",
       [](TlsProfile& p) {
         p.roots_pem = "";
         p.insecure = true;
       }},
  };
  for (const auto& [name, change] : rows) {
    TlsProfile profile = Good();
    change(profile);
    const Result<TlsProfilePtr> sealed = SealTlsProfile(profile);
    EXPECT_TRUE(sealed.has_value()) << name << ": " << sealed.error().message;
    if (sealed) {
      EXPECT_EQ(64u, (*sealed)->digest.size());
    }
  }
}

TEST(SealTlsProfile, NamesTheMemberThatCannotBeMeant) {
  const struct {
    std::string name;
    std::string field;
    std::string why;
    Change change;
  } rows[] = {
      {"KG13 garbage roots", "roots", "holds no PEM certificate",
       [](TlsProfile& p) { p.roots_pem = "garbage"; }},
      {"KG13 blank roots", "roots", "holds no PEM certificate",
       [](TlsProfile& p) { p.roots_pem = "\n"; }},
      {"KG13 no roots at all", "roots", "there are none",
       [](TlsProfile& p) { p.roots_pem = "", p.system_roots = false; }},
      {"half-written roots", "roots", "PEM block 2 is cut short or damaged",
       [](TlsProfile& p) { p.roots_pem += p.roots_pem.substr(0, 200); }},
      {"damaged root", "roots", "certificate 1 cannot be decoded",
       [](TlsProfile& p) {
         p.roots_pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
       }},
      {"a key among the roots", "roots", "holds something else than certificates",
       [](TlsProfile& p) { p.roots_pem += p.key_pem; }},
      {"garbage certificate", "certificate", "holds no PEM certificate",
       [](TlsProfile& p) { p.certificate_pem = "garbage"; }},
      {"certificate alone", "key", "missing", [](TlsProfile& p) { p.key_pem = ""; }},
      {"key alone", "certificate", "missing", [](TlsProfile& p) { p.certificate_pem = ""; }},
      {"O-243 key of another", "key", "does not fit the certificate",
       [](TlsProfile& p) { p.key_pem = Root().key_pem(); }},
      {"garbage key", "key", "no PEM private key", [](TlsProfile& p) { p.key_pem = "garbage"; }},
      {"half a key", "key", "no PEM private key",
       [](TlsProfile& p) { p.key_pem.resize(p.key_pem.size() / 2); }},
      {"locked key", "key", "locked by a passphrase",
       [](TlsProfile& p) { p.key_pem = EncryptedKey(); }},
      {"O-220 weak certificate of ours", "certificate", "too weak",
       [](TlsProfile& p) {
         const TestCertificate weak = Root().Issue({.common_name = "w", .key = TestKey::kRsa1024});
         p.certificate_pem = weak.pem();
         p.key_pem = weak.key_pem();
       }},
      {"versions crossed", "min_version", "above",
       [](TlsProfile& p) {
         p.min_version = TlsVersion::kTls13;
         p.max_version = TlsVersion::kTls12;
       }},
      {"unknown cipher", "ciphers", "entry 2",
       [](TlsProfile& p) { p.ciphers = "ECDHE+AESGCM:ECDHE+AESGMC"; }},
      {"level lowered", "ciphers", "entry 2",
       [](TlsProfile& p) { p.ciphers = "DEFAULT:@SECLEVEL=0"; }},
      {"NUL in the ciphers", "ciphers", "NUL",
       [](TlsProfile& p) { p.ciphers = std::string("DEFAULT\0", 8); }},
      {"separators alone", "ciphers", "names nothing", [](TlsProfile& p) { p.ciphers = "::"; }},
      {"unknown suite", "cipher_suites", "entry 1",
       [](TlsProfile& p) { p.cipher_suites = "TLS_AES_512"; }},
      {"suites parted by commas", "cipher_suites", "entry 1",
       [](TlsProfile& p) { p.cipher_suites = "TLS_AES_128_GCM_SHA256,TLS_AES_256_GCM_SHA384"; }},
      {"unknown group", "groups", "entry 2", [](TlsProfile& p) { p.groups = "P-256:P-255"; }},
      {"zero pin", "pins", "all zero", [](TlsProfile& p) { p.pins = {SpkiPin{}}; }},
      {"pin twice", "pins", "twice",
       [](TlsProfile& p) {
         p.pins = {SpkiPin{1}, SpkiPin{1}};
       }},
      {"too many pins", "pins", "64", [](TlsProfile& p) { p.pins.resize(65); }},
      {"insecure with pins", "insecure", "pins",
       [](TlsProfile& p) { p.insecure = true, p.pins = {SpkiPin{1}}; }},
      {"KG13 insecure with roots", "insecure", "roots", [](TlsProfile& p) { p.insecure = true; }},
      {"insecure with verify_name", "insecure", "verify_name",
       [](TlsProfile& p) { p.insecure = true, p.roots_pem = "", p.verify_name = "a.example"; }},
      {"address as server name", "sni", "address", [](TlsProfile& p) { p.sni = "10.0.0.1"; }},
      {"pattern as server name", "sni", "pattern", [](TlsProfile& p) { p.sni = "*.example.com"; }},
      {"odd name", "verify_name", "", [](TlsProfile& p) { p.verify_name = "a b"; }},
      {"network", "verify_name", "", [](TlsProfile& p) { p.verify_name = "10.0.0.0/8"; }},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    TlsProfile profile = Good();
    row.change(profile);
    const Result<TlsProfilePtr> sealed = SealTlsProfile(profile);
    ASSERT_FALSE(sealed.has_value());
    EXPECT_EQ(row.field, sealed.error().field);
    EXPECT_NE(std::string::npos, sealed.error().message.find(row.why)) << sealed.error().message;
    EXPECT_EQ(Source::kCaller, sealed.error().source);
  }
}

TEST(SealTlsProfile, DigestsContentsAndNothingElse_KG9_O245) {
  const TlsProfilePtr good = *SealTlsProfile(Good());
  TlsProfile renamed = Good();
  renamed.name = "another name";
  EXPECT_EQ(good->digest, (*SealTlsProfile(renamed))->digest);
  EXPECT_EQ(Sha256Hex(Client().pem()), good->certificate_digest);
  EXPECT_EQ(Sha256Hex(Client().key_pem()), good->key_digest);
  const TestCertificate other = Root().Issue({.common_name = "client"});
  const std::vector<std::pair<std::string, Change>> rows = {
      {"system roots", [](TlsProfile& p) { p.system_roots = false; }},
      {"roots", [](TlsProfile& p) { p.roots_pem += TestCertificate::Root("more").pem(); }},
      {"certificate and key",
       [&](TlsProfile& p) { p.certificate_pem = other.pem(), p.key_pem = other.key_pem(); }},
      {"sni", [](TlsProfile& p) { p.sni = "a.example.com"; }},
      {"verify_name", [](TlsProfile& p) { p.verify_name = "a.example.com"; }},
      {"min_version", [](TlsProfile& p) { p.min_version = TlsVersion::kTls13; }},
      {"max_version", [](TlsProfile& p) { p.max_version = TlsVersion::kTls12; }},
      {"ciphers", [](TlsProfile& p) { p.ciphers = "ECDHE+AESGCM"; }},
      {"cipher_suites", [](TlsProfile& p) { p.cipher_suites = "TLS_AES_128_GCM_SHA256"; }},
      {"groups", [](TlsProfile& p) { p.groups = "P-256"; }},
      {"pins", [](TlsProfile& p) { p.pins = {SpkiPin{1}}; }},
      {"resumption", [](TlsProfile& p) { p.resumption = false; }},
      {"insecure", [](TlsProfile& p) { p.insecure = true, p.roots_pem = ""; }},
  };
  std::vector<std::string> digests = {good->digest};
  for (const auto& [name, change] : rows) {
    TlsProfile profile = Good();
    change(profile);
    const std::string digest = (*SealTlsProfile(profile))->digest;
    EXPECT_EQ(0, std::count(digests.begin(), digests.end(), digest)) << name;
    digests.push_back(digest);
  }
}

TEST(SealTlsProfile, CallsPinsInAnotherOrderTheSame) {
  TlsProfile one;
  one.pins = {SpkiPin{1}, SpkiPin{2}};
  TlsProfile two;
  two.pins = {SpkiPin{2}, SpkiPin{1}};
  EXPECT_EQ((*SealTlsProfile(one))->digest, (*SealTlsProfile(two))->digest);
}

TEST(SealTlsProfile, NoticesThatTheSystemsRootsChanged) {
  const std::string path = testing::TempDir() + "/bundle.pem";
  ASSERT_EQ(0, ::setenv("SSL_CERT_FILE", path.c_str(), 1));
  std::ofstream(path) << Root().pem();
  const std::string before = (*SealTlsProfile({}))->digest;
  EXPECT_EQ(before, (*SealTlsProfile({}))->digest);
  std::ofstream(path) << TestCertificate::Root("other").pem();
  EXPECT_NE(before, (*SealTlsProfile({}))->digest);
  ASSERT_EQ(0, ::unsetenv("SSL_CERT_FILE"));
}

TEST(DefaultTlsProfile, TrustsTheSystem) {
  const TlsProfilePtr& profile = DefaultTlsProfile();
  EXPECT_TRUE(profile->system_roots);
  EXPECT_EQ("", profile->name);
  EXPECT_EQ(64u, profile->digest.size());
  EXPECT_EQ(profile, DefaultTlsProfile());
}

TEST(CertificateFacts, TellSubjectAndEnd) {
  TlsProfile profile = Good();
  profile.certificate_pem += Root().pem();
  const std::vector<CertificateFact> facts = ClientCertificateFacts(profile);
  ASSERT_EQ(2u, facts.size());
  EXPECT_EQ("CN=client", facts[0].subject);
  const auto left = facts[0].not_after - std::chrono::system_clock::now();
  EXPECT_LT(left, std::chrono::hours(5) + std::chrono::seconds(1));
  EXPECT_GT(left, std::chrono::hours(4));
  EXPECT_EQ("CN=test root", facts[1].subject);
  EXPECT_EQ("CN=test root", RootCertificateFacts(profile).at(0).subject);
  EXPECT_TRUE(ClientCertificateFacts({}).empty());
}

TEST(CertificateFacts, KnowNoEndThatTheClockCannotHold) {
  TlsProfile profile;
  profile.roots_pem = TestCertificate::SelfSigned(
                          {.common_name = "for ever", .ends = std::chrono::hours(24 * 365 * 400)})
                          .pem();
  EXPECT_EQ(std::chrono::system_clock::time_point::max(),
            RootCertificateFacts(profile).at(0).not_after);
}

TEST(Sha256Hex, IsThatOfTheStandard) {
  EXPECT_EQ("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", Sha256Hex("abc"));
}

}  // namespace
}  // namespace spillway
