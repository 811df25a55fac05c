// spillwayctl with a daemon that speaks TLS.

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "tests/cli/fake_daemon.h"
#include "tests/cli/run_program.h"
#include "tests/harness/certificates.h"

namespace spillway {
namespace {

class TlsTest : public testing::Test {
 protected:
  static constexpr char kProgram[] = "cli/spillwayctl";

  static std::string Write(const std::string& name, const std::string& text) {
    const std::string path = testing::TempDir() + "tls_test_" + std::to_string(::getpid()) + name;
    std::ofstream(path) << text;
    return path;
  }

  TlsTest()
      : daemon_({.certificate = server_.chain_pem(),
                 .key = server_.key_pem(),
                 .client_ca = root_.pem()}) {}

  // `request` with these flags in front.
  ProgramOutcome Ask(std::vector<std::string> flags) {
    flags.insert(flags.begin(), {kProgram, "--address=" + daemon_.address(),
                                 "--admin-address=" + daemon_.address()});
    flags.insert(flags.end(), {"request", "http://origin.test/"});
    return RunProgram(flags);
  }

  const TestCertificate root_ = TestCertificate::Root();
  const TestCertificate server_ = root_.IssueFor("daemon.test");
  const TestCertificate client_ = root_.IssueFor("operator.test");
  const std::string ca_ = Write("ca", root_.pem());
  const std::string cert_ = Write("cert", client_.chain_pem());
  const std::string key_ = Write("key", client_.key_pem());
  FakeDaemon daemon_;
};

TEST_F(TlsTest, ReachesADaemonThatAsksForACertificate) {
  daemon_.response.set_status(200);
  const ProgramOutcome outcome =
      Ask({"--ca", ca_, "--cert", cert_, "--key", key_, "--tls-name", "daemon.test"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(daemon_.request.url(), "http://origin.test/");
}

TEST_F(TlsTest, ReachesAdminAndHealthTheSameWay) {
  for (const char* command : {"pools", "health"}) {
    const ProgramOutcome outcome = RunProgram(
        {kProgram, "--address=" + daemon_.address(), "--admin-address=" + daemon_.address(),
         command, "--ca", ca_, "--cert", cert_, "--key", key_, "--tls-name=daemon.test"});
    EXPECT_EQ(outcome.exit_code, 0) << command << outcome.err;
  }
}

TEST_F(TlsTest, DoesNotReachItOtherwise) {
  EXPECT_EQ(Ask({}).exit_code, 4) << "clear text";
  EXPECT_EQ(Ask({"--tls", "--cert", cert_, "--key", key_, "--tls-name=daemon.test"}).exit_code, 4)
      << "an authority that the system does not know";
  EXPECT_EQ(Ask({"--ca", ca_, "--tls-name=daemon.test"}).exit_code, 4) << "no certificate";
  EXPECT_EQ(Ask({"--ca", ca_, "--cert", cert_, "--key", key_}).exit_code, 4) << "another name";
  EXPECT_EQ(daemon_.request.url(), "");
}

TEST_F(TlsTest, SaysWhatIsWrongWithItsFiles) {
  const ProgramOutcome half = Ask({"--cert", cert_});
  EXPECT_EQ(half.exit_code, 1);
  EXPECT_NE(half.err.find("--cert and --key belong together"), std::string::npos) << half.err;
  const ProgramOutcome missing = Ask({"--ca", "/no/such/file"});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_NE(missing.err.find("cannot read /no/such/file: No such file"), std::string::npos);
}

}  // namespace
}  // namespace spillway
