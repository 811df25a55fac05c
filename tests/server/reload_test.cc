// Reloads of the real daemon: signal, call and changed files, and what a bad file does.

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "spillway/v1/admin.grpc.pb.h"
#include "tests/harness/certificates.h"
#include "tests/server/daemon_process.h"
#include "tests/server/front_fixture.h"

namespace spillway {
namespace {

constexpr char kConfig[] = R"(
tls_profiles:
  - {name: partner, certificate: {certificate_file: tls.crt, key_file: tls.key}}
destinations:
  - {name: partner, matches: [{host: "*.partner.test"}], tls_profile: partner,
     addresses: {static: [192.0.2.1]}}
)";

class ReloadTest : public testing::Test {
 protected:
  ReloadTest() {
    std::string pattern = "/tmp/spillway-reload-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    WritePair("one");
    Write("spillway.yaml", kConfig);
  }
  ~ReloadTest() override {
    daemon_.reset();
    std::filesystem::remove_all(folder_);
  }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(Path(name), std::ios::binary) << text;
  }
  // Certificate and key for a subject.
  void WritePair(const std::string& subject, const std::string& folder = ".") const {
    static const TestCertificate root = TestCertificate::Root();
    const TestCertificate leaf = root.Issue({.common_name = subject + ".test"});
    Write(folder + "/tls.crt", leaf.pem());
    Write(folder + "/tls.key", leaf.key_pem());
  }

  void Start() {
    daemon_ = std::make_unique<DaemonProcess>(
        DaemonProcess::Options{.flags = {"--config=" + Path("spillway.yaml")}});
    ASSERT_TRUE(daemon_->AwaitLine("ready")) << daemon_->log();
    stub_ = v1::Admin::NewStub(Connect(daemon_->address("admin")));
  }

  v1::GetConfigResponse InForce() const {
    grpc::ClientContext context;
    v1::GetConfigResponse response;
    const grpc::Status status = stub_->GetConfig(&context, {}, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  v1::ExplainResponse Explained(const std::string& url) const {
    grpc::ClientContext context;
    v1::HttpRequest request;
    request.set_url(url);
    v1::ExplainResponse response;
    const grpc::Status status = stub_->Explain(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  std::string Subject() const {
    return Explained("https://a.partner.test/").tls().certificate_subject();
  }
  grpc::Status Reload(v1::ReloadResponse* response) const {
    grpc::ClientContext context;
    return stub_->Reload(&context, {}, response);
  }
  bool Await(const std::string& line) { return daemon_->AwaitLine(line); }

  std::string folder_;
  std::unique_ptr<DaemonProcess> daemon_;
  std::unique_ptr<v1::Admin::Stub> stub_;
};

TEST_F(ReloadTest, SighupPutsTheNextVersionIntoForce) {
  Start();
  EXPECT_EQ(InForce().policy_version(), 1U);
  EXPECT_EQ(Explained("https://b.test/").destination(), "");
  Write("spillway.yaml", std::string(kConfig) +
                             "  - {name: b, matches: [{host: b.test}],"
                             " addresses: {static: [192.0.2.9]}}\n");
  daemon_->Signal(SIGHUP);
  ASSERT_TRUE(Await("change=\"destinations added: b\"")) << daemon_->log();
  EXPECT_NE(daemon_->log().find("new policy trigger=signal version=2"), std::string::npos)
      << daemon_->log();
  while (InForce().policy_version() != 2) {
  }
  const v1::ExplainResponse explained = Explained("https://b.test/");
  EXPECT_EQ(explained.destination(), "b");
  EXPECT_EQ(explained.rule(), "b.test");
  EXPECT_EQ(explained.policy_version(), 2U);
  ASSERT_EQ(explained.addresses_size(), 1);
  EXPECT_EQ(explained.addresses(0).address(), "192.0.2.9");
  EXPECT_EQ(explained.address_source(), "static");
}

// C-067, X-026: the caller learns the place, the log says it once, and the old policy serves.
TEST_F(ReloadTest, ABadFileIsRefusedAndTheOldPolicyServes) {
  Start();
  Write("spillway.yaml", std::string(kConfig) + "unmatched: sekret\n");
  v1::ReloadResponse response;
  const grpc::Status status = Reload(&response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_NE(status.error_message().find("spillway.yaml:7:12: unmatched: must be allow or refuse"),
            std::string::npos)
      << status.error_message();
  EXPECT_EQ(InForce().policy_version(), 1U);
  EXPECT_EQ(Explained("https://a.partner.test/").destination(), "partner");
  Write("spillway.yaml", std::string(kConfig) + "unmatched: refuse\n");
  ASSERT_TRUE(Reload(&response).ok());
  EXPECT_EQ(response.policy_version(), 2U);
  ASSERT_EQ(response.changes_size(), 1);
  EXPECT_EQ(response.changes(0), "changed: unmatched");
  EXPECT_EQ(Explained("https://b.test/").refusal().reason(), Label(Reason::kHttpRequestDenied));
  EXPECT_EQ(daemon_->log().find("sekret"), std::string::npos);
}

// KG14, KG15, O-243: as Kubernetes mounts a secret; one rename turns both files over.
TEST_F(ReloadTest, AFlippedSymlinkIsANewIdentity) {
  for (const std::string version : {"v1", "v2"}) {
    std::filesystem::create_directory(Path(version));
    WritePair(version, version);
  }
  std::filesystem::create_symlink("v1", Path("..data"));
  for (const std::string name : {"tls.crt", "tls.key"}) {
    std::filesystem::remove(Path(name));
    std::filesystem::create_symlink("..data/" + name, Path(name));
  }
  Start();
  EXPECT_NE(Subject().find("v1.test"), std::string::npos) << Subject();
  std::filesystem::create_symlink("v2", Path("..new"));
  std::filesystem::rename(Path("..new"), Path("..data"));
  ASSERT_TRUE(Await("change=\"TLS profiles changed: partner\"")) << daemon_->log();
  EXPECT_NE(daemon_->log().find("trigger=\"file change\" version=2"), std::string::npos)
      << daemon_->log();
  while (InForce().policy_version() != 2) {
  }
  EXPECT_NE(Subject().find("v2.test"), std::string::npos) << Subject();
}

// X-029, O-243: swapped one after the other, with a long pause between.
TEST_F(ReloadTest, AMismatchedPairKeepsTheOldOneUntilBothAreThere) {
  Start();
  std::filesystem::create_directory(Path("next"));
  WritePair("two", "next");
  std::filesystem::rename(Path("next/tls.crt"), Path("tls.crt"));
  ASSERT_TRUE(Await("configuration problem")) << daemon_->log();
  ASSERT_TRUE(Await("tls_profiles[0].certificate.key_file")) << daemon_->log();
  EXPECT_EQ(InForce().policy_version(), 1U);
  EXPECT_NE(Subject().find("one.test"), std::string::npos) << Subject();
  std::filesystem::rename(Path("next/tls.key"), Path("tls.key"));
  ASSERT_TRUE(Await("version=2")) << daemon_->log();
  while (InForce().policy_version() != 2) {
  }
  EXPECT_NE(Subject().find("two.test"), std::string::npos) << Subject();
  EXPECT_EQ(daemon_->log().find("PRIVATE"), std::string::npos);
}

// X-029, KG16: a file that is only half there is not taken for the whole.
TEST_F(ReloadTest, AHalfWrittenFileKeepsTheOldPolicy) {
  Start();
  const std::string whole = std::string(kConfig) + "unmatched: refuse\n";
  Write("spillway.yaml", whole.substr(0, whole.size() - 9));
  ASSERT_TRUE(Await("configuration refused")) << daemon_->log();
  EXPECT_EQ(InForce().policy_version(), 1U);
  Write("spillway.yaml", whole);
  ASSERT_TRUE(Await("version=2")) << daemon_->log();
}

TEST_F(ReloadTest, SettingsThatNeedARestartAreNamed) {
  Start();
  Write("spillway.yaml", std::string(kConfig) + "process: {loops: 3}\n");
  v1::ReloadResponse response;
  ASSERT_TRUE(Reload(&response).ok());
  ASSERT_EQ(response.needs_restart_size(), 1);
  EXPECT_EQ(response.needs_restart(0), "process");
  EXPECT_EQ(response.policy_version(), 1U);
  EXPECT_EQ(InForce().yaml().find("loops: 3"), std::string::npos);
  ASSERT_TRUE(Await("changed settings that need a restart")) << daemon_->log();
}

TEST_F(ReloadTest, WithoutAFileThereIsNothingToReload) {
  daemon_ = std::make_unique<DaemonProcess>(DaemonProcess::Options{});
  ASSERT_TRUE(daemon_->AwaitLine("ready"));
  stub_ = v1::Admin::NewStub(Connect(daemon_->address("admin")));
  v1::ReloadResponse response;
  EXPECT_EQ(Reload(&response).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  daemon_->Signal(SIGHUP);
  ASSERT_TRUE(Await("nothing to reload")) << daemon_->log();
  daemon_->Signal(SIGTERM);
  EXPECT_EQ(daemon_->Wait(), 0);
}

}  // namespace
}  // namespace spillway
