// The files of the front's certificate: what is refused, and what a replacement does.

#include "server/front_certificates.h"

#include <gtest/gtest.h>

#include "tests/server/tls_files.h"

namespace spillway {
namespace {

using Outcome = FrontCertificates::Outcome;

struct BadFiles {
  const char* name;
  std::function<void(TlsFiles&, FrontTlsFiles&)> spoil;
  const char* field;
  const char* why;
};

TEST(FrontCertificate, NamesTheFileThatCannotBeUsed) {
  const TestCertificate other = TestCertificate::Root("other").IssueFor(kFrontName);
  const BadFiles rows[] = {
      {"no certificate", [](TlsFiles&, FrontTlsFiles& f) { f.certificate_file.clear(); },
       "listen.tls.certificate_file", "is missing"},
      {"no key", [](TlsFiles&, FrontTlsFiles& f) { f.key_file.clear(); }, "listen.tls.key_file",
       "is missing"},
      {"no such file", [](TlsFiles&, FrontTlsFiles& f) { f.certificate_file = "/no/such"; },
       "listen.tls.certificate_file", "/no/such: cannot be read: No such file"},
      {"a folder", [](TlsFiles&, FrontTlsFiles& f) { f.key_file = "/tmp"; }, "listen.tls.key_file",
       "not a regular file"},
      {"no PEM", [](TlsFiles& t, FrontTlsFiles&) { t.Write(t.files().certificate_file, "x"); },
       "listen.tls.certificate_file", "tls.crt: "},
      {"empty", [](TlsFiles& t, FrontTlsFiles&) { t.Write(t.files().certificate_file, ""); },
       "listen.tls.certificate_file", "is empty"},
      {"half a key",
       [](TlsFiles& t, FrontTlsFiles&) { t.Write(t.files().key_file, "-----BEGIN PRIVATE KEY-"); },
       "listen.tls.key_file", "tls.key: "},
      {"key of another",
       [&other](TlsFiles& t, FrontTlsFiles&) { t.Write(t.files().key_file, other.key_pem()); },
       "listen.tls.key_file", "tls.crt"},
      {"expired",
       [](TlsFiles& t, FrontTlsFiles&) {
         t.Replace(t.root().Issue({.common_name = kFrontName,
                                   .dns = {kFrontName},
                                   .begins = -std::chrono::hours(2),
                                   .ends = -std::chrono::hours(1)}));
       },
       "listen.tls.certificate_file", "has expired"},
      {"client CA that is none",
       [](TlsFiles& t, FrontTlsFiles& f) { f.client_ca_file = t.files().key_file; },
       "listen.tls.client_ca_file", "tls.key: "},
  };
  for (const BadFiles& row : rows) {
    TlsFiles tls;
    FrontTlsFiles files = tls.files();
    row.spoil(tls, files);
    const Result<FrontCertificate> read = ReadFrontCertificate(files);
    ASSERT_FALSE(read.has_value()) << row.name;
    EXPECT_EQ(read.error().field, row.field) << row.name;
    EXPECT_NE(read.error().message.find(row.why), std::string::npos)
        << row.name << ": " << read.error().message;
    EXPECT_EQ(read.error().message.find("BEGIN"), std::string::npos) << row.name;
  }
}

TEST(FrontCertificate, IsReplacedWhenBothFilesFitAndNotBefore) {  // X-029, KG14
  TlsFiles tls;
  const std::shared_ptr<FrontCertificates> certificates = tls.Load();
  const auto first = certificates->current();
  EXPECT_EQ(certificates->Refresh(), Outcome::kUnchanged);

  const TestCertificate next = tls.root().IssueFor(kFrontName);
  tls.Write(tls.files().certificate_file, next.chain_pem());
  EXPECT_EQ(certificates->Refresh(), Outcome::kRefused);
  EXPECT_FALSE(certificates->stale()) << "the other half may be on its way";
  EXPECT_EQ(certificates->Refresh(), Outcome::kRefused);
  EXPECT_TRUE(certificates->stale());
  EXPECT_EQ(certificates->current(), first);
  EXPECT_EQ(certificates->generation(), 1u);

  tls.Write(tls.files().key_file, next.key_pem());
  EXPECT_EQ(certificates->Refresh(), Outcome::kReplaced);
  EXPECT_FALSE(certificates->stale());
  EXPECT_EQ(certificates->current()->certificate_pem, next.chain_pem());
  EXPECT_EQ(certificates->generation(), 2u);
}

TEST(FrontCertificate, FollowsSymlinksThatAreTurnedOver) {  // as Kubernetes does
  TlsFiles tls;
  const TestCertificate next = tls.root().IssueFor(kFrontName);
  FrontTlsFiles files;
  files.certificate_file = tls.path("data/crt");
  files.key_file = tls.path("data/key");
  for (const auto& [name, certificate] :
       {std::pair{"v1", tls.root().IssueFor(kFrontName)}, std::pair{"v2", next}}) {
    std::filesystem::create_directory(tls.path(name));
    tls.Write(tls.path(name) + "/crt", certificate.chain_pem());
    tls.Write(tls.path(name) + "/key", certificate.key_pem());
  }
  std::filesystem::create_directory_symlink("v1", tls.path("data"));
  const auto certificates = FrontCertificates::Load(files);
  ASSERT_TRUE(certificates.has_value());
  std::filesystem::create_directory_symlink("v2", tls.path("new"));
  std::filesystem::rename(tls.path("new"), tls.path("data"));
  EXPECT_EQ((*certificates)->Refresh(), Outcome::kReplaced);
  EXPECT_EQ((*certificates)->current()->certificate_pem, next.chain_pem());
}

}  // namespace
}  // namespace spillway
