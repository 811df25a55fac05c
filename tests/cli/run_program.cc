#include "tests/cli/run_program.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <thread>

#include "transport/base/check.h"

namespace spillway {
namespace {

struct Pipe {
  int read_end = -1;
  int write_end = -1;
};

Pipe MakePipe() {
  std::array<int, 2> ends{};
  SPILLWAY_CHECK(::pipe2(ends.data(), O_CLOEXEC) == 0);
  return {ends[0], ends[1]};
}

Pipe MakeTerminal() {
  winsize size{24, 200, 0, 0};
  int master = -1;
  int slave = -1;
  SPILLWAY_CHECK(::openpty(&master, &slave, nullptr, nullptr, &size) == 0);
  ::fcntl(master, F_SETFD, FD_CLOEXEC);
  ::fcntl(slave, F_SETFD, FD_CLOEXEC);
  return {master, slave};
}

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const std::string& string : strings) pointers.push_back(const_cast<char*>(string.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Reads to the end, or to `at_most` bytes when that is not 0, and closes.
void Drain(int fd, std::string& into, std::size_t at_most) {
  std::array<char, 4096> block{};
  while (true) {
    const ssize_t count = ::read(fd, block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;  // a terminal says EIO when its last user is gone
    into.append(block.data(), static_cast<std::size_t>(count));
    if (at_most != 0 && into.size() >= at_most) break;
  }
  ::close(fd);
}

void Feed(int fd, const std::string& text) {
  std::size_t sent = 0;
  while (sent < text.size()) {
    const ssize_t count = ::write(fd, text.data() + sent, text.size() - sent);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    sent += static_cast<std::size_t>(count);
  }
  ::close(fd);
}

}  // namespace

ProgramOutcome RunProgram(const std::vector<std::string>& arguments, const ProgramInput& input) {
  ::signal(SIGPIPE, SIG_IGN);
  const Pipe in = MakePipe();
  const Pipe out = input.terminal ? MakeTerminal() : MakePipe();
  const Pipe err = MakePipe();
  std::vector<std::string> environment = {"PATH=/usr/bin:/bin"};
  for (const auto& [name, value] : input.environment) environment.push_back(name + "=" + value);
  const std::vector<char*> argv = Pointers(arguments);
  const std::vector<char*> envp = Pointers(environment);

  const pid_t pid = ::fork();
  SPILLWAY_CHECK(pid >= 0);
  if (pid == 0) {
    // Between fork and exec only what is safe after a fork of a threaded process.
    ::dup2(in.read_end, STDIN_FILENO);
    ::dup2(out.write_end, STDOUT_FILENO);
    ::dup2(input.terminal ? out.write_end : err.write_end, STDERR_FILENO);
    ::execve(argv[0], argv.data(), envp.data());
    ::_exit(127);
  }
  ::close(in.read_end);
  ::close(out.write_end);
  ::close(err.write_end);

  ProgramOutcome outcome;
  std::thread feeder([&] { Feed(in.write_end, input.standard_input); });
  std::thread errors([&] { Drain(err.read_end, outcome.err, 0); });
  Drain(out.read_end, outcome.out, input.read_at_most);
  errors.join();
  feeder.join();
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) SPILLWAY_CHECK(errno == EINTR);
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return outcome;
}

}  // namespace spillway
