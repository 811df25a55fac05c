// Runs a program to its end and keeps what it said.

#pragma once

#include <string>
#include <utility>
#include <vector>

namespace spillway {

struct ProgramInput {
  std::string standard_input;
  std::vector<std::pair<std::string, std::string>> environment;  // beside PATH
  bool terminal = false;         // standard output and error are one terminal of 24 rows
  std::size_t read_at_most = 0;  // then standard output is closed, as by `head`; 0: all of it
};

struct ProgramOutcome {
  int exit_code = -1;  // 128 + the signal's number when one ended it
  std::string out;     // with a terminal, both streams
  std::string err;
};

// `arguments[0]` is the program's path.
ProgramOutcome RunProgram(const std::vector<std::string>& arguments,
                          const ProgramInput& input = {});

}  // namespace spillway
