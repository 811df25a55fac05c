// What a terminal gets to see, and what it is spared.

#include <string>

#include "tests/cli/spillwayctl_fixture.h"

namespace spillway {
namespace {

class TerminalTest : public SpillwayctlTest {
 protected:
  void SetUp() override {
    daemon_.response.set_status(200);
    daemon_.response.set_protocol("HTTP/1.1");
  }

  ProgramOutcome OnTerminal(const std::vector<std::string>& arguments,
                            std::vector<std::pair<std::string, std::string>> environment = {}) {
    ProgramInput input;
    input.terminal = true;
    input.environment = std::move(environment);
    return Run(arguments, input);
  }

  const std::string url_ = "http://origin.test/";
};

TEST_F(TerminalTest, TextIsShown) {
  daemon_.response.set_body("gr\xc3\xbc\xc3\x9f dich\n");
  const ProgramOutcome outcome = OnTerminal({"request", url_});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, "gr\xc3\xbc\xc3\x9f dich\r\n");
}

TEST_F(TerminalTest, ABinaryBodyIsHeldBackUnlessAskedFor) {
  daemon_.response.set_body("\x1b[2J evil");
  const ProgramOutcome guarded = OnTerminal({"request", url_});
  EXPECT_EQ(guarded.exit_code, 1);
  EXPECT_EQ(guarded.out.find('\x1b'), std::string::npos);
  EXPECT_NE(guarded.out.find("use -o FILE, or -o -"), std::string::npos);
  const ProgramOutcome forced = OnTerminal({"request", url_, "-o", "-"});
  EXPECT_EQ(forced.exit_code, 0);
  EXPECT_EQ(forced.out, "\x1b[2J evil");
}

TEST_F(TerminalTest, HeadersAreShownWithoutControls) {
  auto* header = daemon_.response.add_headers();
  header->set_name("X-Evil");
  header->set_value("a\x1b[31m\xff");
  const ProgramOutcome outcome = OnTerminal({"request", url_, "-i"});
  EXPECT_NE(outcome.out.find("X-Evil: a\\x1b[31m\\xff"), std::string::npos) << outcome.out;
  EXPECT_EQ(outcome.out.find('\x1b'), std::string::npos);
}

TEST_F(TerminalTest, ColoursNeedATerminalThatWantsThem) {
  const auto coloured = [](const ProgramOutcome& outcome) {
    return outcome.out.find("\x1b[32mSERVING\x1b[0m") != std::string::npos;
  };
  EXPECT_TRUE(coloured(OnTerminal({"health"}, {{"TERM", "xterm"}})));
  EXPECT_TRUE(coloured(OnTerminal({"health"}, {{"TERM", "xterm"}, {"NO_COLOR", ""}})));
  EXPECT_FALSE(coloured(OnTerminal({"health"}, {{"TERM", "xterm"}, {"NO_COLOR", "1"}})));
  EXPECT_FALSE(coloured(OnTerminal({"health"}, {{"TERM", "dumb"}})));
  EXPECT_FALSE(coloured(OnTerminal({"health"})));
  ProgramInput piped;
  piped.environment = {{"TERM", "xterm"}};
  EXPECT_EQ(Run({"health"}, piped).out, "SERVING\n");
}

}  // namespace
}  // namespace spillway
