// The command line itself: help, mistakes, forms of flags.

#include <fstream>
#include <sstream>
#include <string>

#include "tests/cli/spillwayctl_fixture.h"

namespace spillway {
namespace {

constexpr char kProgramPath[] = "cli/spillwayctl";

TEST(Usage, HelpListsCommandsAndExitCodes) {
  const ProgramOutcome outcome = RunProgram({kProgramPath, "--help"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.err, "");
  for (const char* word : {"request", "pools", "close-idle", "drain", "health", "--address",
                           "--admin-address", "--json", "--timeout", "Exit codes:"}) {
    EXPECT_NE(outcome.out.find(word), std::string::npos) << word;
  }
}

TEST(Usage, VersionNamesTheBuild) {
  const ProgramOutcome outcome = RunProgram({kProgramPath, "--version"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_TRUE(outcome.out.starts_with("spillwayctl ")) << outcome.out;
}

TEST(Usage, MistakesEndWithOneAndSayWhat) {
  const struct {
    std::vector<std::string> arguments;
    const char* message;
  } rows[] = {
      {{}, "A subcommand is required"},
      {{"reqest", "http://a.test/"}, "there is no command or flag reqest;"},
      {{"request"}, "url is required"},
      {{"request", "http://a.test/", "--bogus"}, "--bogus"},
      {{"request", "http://a.test/", "http://b.test/"}, "http://b.test/"},
      {{"--address=nonsense", "health"}, "--address: must be host:port or unix:PATH"},
      {{"--address", "unix:relative", "health"}, "--address: unix: needs an absolute path"},
      {{"--address", "dns:///a:1,b:2", "health"}, "--address: must be host:port or unix:PATH"},
      {{"--timeout=soon", "health"}, "--timeout: must be a time"},
      {{"--timeout=0s", "health"}, "--timeout: must be a time"},
      {{"request", "http://a.test/", "--max-response-bytes=lots"}, "must be a size"},
      {{"request", "http://a.test/", "-d", "a", "--data-raw", "b"}, "excludes"},
      {{"request", "http://a.test/", "--idempotent", "--not-idempotent"}, "excludes"},
      {{"request", "http://a.test/", "-H", "no colon"}, "a header is written as 'Name: value'"},
      {{"request", "http://a.test/", "-H", ": no name"}, "a header is written as 'Name: value'"},
      {{"request", "http://\xff/"}, "the URL is not text"},
      {{"pools", "--interval=1s"}, "--interval requires --watch"},
  };
  for (const auto& row : rows) {
    std::vector<std::string> arguments = row.arguments;
    arguments.insert(arguments.begin(), kProgramPath);
    const ProgramOutcome outcome = RunProgram(arguments);
    EXPECT_EQ(outcome.exit_code, 1) << row.message;
    EXPECT_EQ(outcome.out, "") << row.message;
    EXPECT_NE(outcome.err.find(row.message), std::string::npos) << outcome.err;
  }
}

TEST_F(SpillwayctlTest, CommonFlagsStandBeforeOrBehindTheCommandInBothForms) {
  const std::string& address = daemon_.address();
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--address=" + address, "health"},
        std::vector<std::string>{"--address", address, "health"},
        std::vector<std::string>{"health", "--address=" + address},
        std::vector<std::string>{"health", "--address", address}}) {
    std::vector<std::string> all = arguments;
    all.insert(all.begin(), kProgramPath);
    EXPECT_EQ(RunProgram(all).out, "SERVING\n");
  }
}

// docs/errors.md and --help give the same list.
TEST(Usage, TheDocumentationListsTheSameExitCodes) {
  std::ifstream file("docs/errors.md");
  std::stringstream text;
  text << file.rdbuf();
  const std::string document = text.str();
  std::istringstream help(RunProgram({kProgramPath, "--help"}).out);
  std::string line;
  while (std::getline(help, line) && line != "Exit codes:") {
  }
  int count = 0;
  while (std::getline(help, line) && line.starts_with("  ")) {
    const std::string code = line.substr(2, 1);
    const std::string row = "| " + code + " | " + line.substr(5) + " |\n";
    EXPECT_NE(document.find(row), std::string::npos) << row;
    ++count;
  }
  EXPECT_EQ(count, 7);
}

}  // namespace
}  // namespace spillway
