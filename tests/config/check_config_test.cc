// The daemon's own flags for its configuration file.

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "server/config.h"
#include "tests/cli/run_program.h"

namespace spillway {
namespace {

constexpr char kDaemon[] = "server/spillway";

class CheckConfigTest : public testing::Test {
 protected:
  ~CheckConfigTest() override { std::remove(path_.c_str()); }

  const std::string& Write(const std::string& text) {
    std::ofstream(path_, std::ios::binary) << text;
    return path_;
  }

  const std::string path_ = testing::TempDir() + "check_config_test.yaml";
};

TEST_F(CheckConfigTest, AGoodFileIsPrintedWithEveryValue) {
  const std::string path = Write("drain: {grace: 7s}\n");
  for (const std::vector<std::string>& flags : {std::vector<std::string>{"--check_config=" + path},
                                                std::vector<std::string>{"--check_config", path}}) {
    std::vector<std::string> arguments = flags;
    arguments.insert(arguments.begin(), kDaemon);
    const ProgramOutcome outcome = RunProgram(arguments);
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_EQ(outcome.err, "");
    EXPECT_EQ(outcome.out, PrintEffectiveConfig(*ParseConfig("drain: {grace: 7s}\n", "same")));
  }
}

// C-067: the daemon does not start on a file that it cannot mean.
TEST_F(CheckConfigTest, ABadFileIsRefusedWithItsPlaces) {
  const std::string path = Write("drain: {grace: 7}\nlisten: {htp: x}\n");
  const std::string problems =
      path + ":1:16: drain.grace: must be a time with units, such as 250ms or 1m30s\n" + path +
      ":2:10: listen.htp: unknown key; did you mean http?\n";
  for (const char* flag : {"--check_config", "--config"}) {
    const ProgramOutcome outcome = RunProgram({kDaemon, flag, path});
    EXPECT_EQ(outcome.exit_code, 1) << flag;
    EXPECT_EQ(outcome.out, "") << flag;
    EXPECT_EQ(outcome.err, problems) << flag;
  }
}

TEST_F(CheckConfigTest, AMissingOrEmptyFileIsRefused) {
  const ProgramOutcome missing = RunProgram({kDaemon, "--config", "/no/such/file.yaml"});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_EQ(missing.err, "/no/such/file.yaml: cannot be read: No such file or directory\n");
  const ProgramOutcome empty = RunProgram({kDaemon, "--config", Write("")});
  EXPECT_EQ(empty.exit_code, 1);
  EXPECT_EQ(empty.err, path_ + ": the file is empty; {} stands for all defaults\n");
}

}  // namespace
}  // namespace spillway
