#include "tests/ledger/origin_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "tests/origin/text.h"

namespace spillway {
namespace {

// Where Bazel puts the program: in a test's folder, or when run by hand from the work tree.
constexpr std::array<const char*, 2> kProgram = {"tests/ledger/ledger_origin",
                                                 "bazel-bin/tests/ledger/ledger_origin"};

std::string TemporaryFile() {
  const char* folder = std::getenv("TEST_TMPDIR");
  std::string name = std::string(folder != nullptr ? folder : "/tmp") + "/ledger.XXXXXX";
  const int fd = mkostemp(name.data(), O_CLOEXEC);
  if (fd >= 0) close(fd);
  return name;
}

}  // namespace

OriginProcess::OriginProcess(std::uint64_t seed, std::uint64_t faults_per_million)
    : seed_(seed), faults_per_million_(faults_per_million), ledger_(TemporaryFile()) {
  Spawn();
}

OriginProcess::~OriginProcess() {
  if (running()) Kill();
  unlink(ledger_.c_str());
}

bool OriginProcess::Spawn() {
  std::string program;
  for (const char* candidate : kProgram) {
    if (program.empty() && access(candidate, X_OK) == 0) program = candidate;
  }
  std::array<int, 2> input{};
  std::array<int, 2> output{};
  if (program.empty() || pipe2(input.data(), O_CLOEXEC) != 0 ||
      pipe2(output.data(), O_CLOEXEC) != 0) {
    return false;
  }
  std::array<std::string, 6> words = {program,
                                      ledger_,
                                      std::to_string(port_),
                                      std::to_string(http2_port_),
                                      std::to_string(seed_),
                                      std::to_string(faults_per_million_)};
  std::array<char*, 7> arguments{};
  for (std::size_t i = 0; i < words.size(); ++i) arguments[i] = words[i].data();
  posix_spawn_file_actions_t files{};
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, input[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&files, output[1], STDOUT_FILENO);
  const int failed =
      posix_spawn(&child_, program.c_str(), &files, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  close(input[0]);
  close(output[1]);
  input_ = input[1];
  if (failed != 0) child_ = -1;
  std::string line;
  char c = 0;
  while (child_ > 0 && read(output[0], &c, 1) == 1 && c != '\n') line += c;
  close(output[0]);
  const auto words_told = SplitWords(line);
  if (!words_told.has_value() || words_told->size() != 2) return false;
  port_ = static_cast<std::uint16_t>(ReadNumber((*words_told)[0]).value_or(0));
  http2_port_ = static_cast<std::uint16_t>(ReadNumber((*words_told)[1]).value_or(0));
  return true;
}

void OriginProcess::Kill() {
  kill(child_, SIGKILL);
  waitpid(child_, nullptr, 0);
  child_ = -1;
  close(input_);
}

bool OriginProcess::Restart() { return Spawn(); }

std::vector<OriginEvent> OriginProcess::Events() const {
  std::vector<OriginEvent> events;
  std::ifstream file(ledger_);
  for (std::string line; std::getline(file, line);) {
    if (auto event = ReadLine(line); event.has_value()) events.push_back(std::move(*event));
  }
  return events;
}

}  // namespace spillway
