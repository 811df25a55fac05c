// The real spillwayctl against a fake daemon.

#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/cli/fake_daemon.h"
#include "tests/cli/run_program.h"

namespace spillway {

class SpillwayctlTest : public testing::Test {
 protected:
  static constexpr char kProgram[] = "cli/spillwayctl";

  // spillwayctl ARGUMENTS with both addresses at the fake daemon.
  ProgramOutcome Run(std::vector<std::string> arguments, const ProgramInput& input = {}) {
    arguments.insert(arguments.begin(), {kProgram, "--address=" + daemon_.address(),
                                         "--admin-address", daemon_.unix_address()});
    return RunProgram(arguments, input);
  }

  FakeDaemon daemon_;
};

}  // namespace spillway
