// Certificates of a front and of its callers, in files.
//
// Thread safety: none; one test's own.

#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "server/front_certificates.h"
#include "tests/harness/certificates.h"
#include "transport/base/check.h"

namespace spillway {

inline constexpr char kFrontName[] = "front.test";

// A folder with a certificate for kFrontName, and what callers need to trust it.
class TlsFiles {
 public:
  TlsFiles() {
    std::string pattern = "/tmp/spillway-test-XXXXXX";
    SPILLWAY_CHECK(mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
    files_.certificate_file = folder_ + "/tls.crt";
    files_.key_file = folder_ + "/tls.key";
    Replace(root_.IssueFor(kFrontName));
  }
  ~TlsFiles() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  TlsFiles(const TlsFiles&) = delete;
  TlsFiles& operator=(const TlsFiles&) = delete;

  void Replace(const TestCertificate& certificate) {
    Write(files_.certificate_file, certificate.chain_pem());
    Write(files_.key_file, certificate.key_pem());
  }
  // From now on callers are asked for a certificate of `authority`.
  void AskCallers(const TestCertificate& authority, bool require = true) {
    files_.client_ca_file = folder_ + "/clients.crt";
    files_.require_client_certificate = require;
    Write(files_.client_ca_file, authority.pem());
  }
  static void Write(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::trunc) << text;
  }

  const TestCertificate& root() const { return root_; }
  const FrontTlsFiles& files() const { return files_; }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  std::shared_ptr<FrontCertificates> Load() const {
    Result<std::shared_ptr<FrontCertificates>> loaded = FrontCertificates::Load(files_);
    SPILLWAY_CHECK(loaded.has_value());
    return *loaded;
  }

 private:
  std::string folder_;
  FrontTlsFiles files_;
  TestCertificate root_ = TestCertificate::Root("front root");
};

}  // namespace spillway
