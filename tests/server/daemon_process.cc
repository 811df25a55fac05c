#include "tests/server/daemon_process.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "transport/base/check.h"

namespace spillway {
namespace {

constexpr char kDaemon[] = "server/spillway";

std::string ShortFolder() {
  std::string pattern = "/tmp/spillway-test-XXXXXX";
  SPILLWAY_CHECK(mkdtemp(pattern.data()) != nullptr);
  return pattern;
}

}  // namespace

DaemonProcess::DaemonProcess(Options options) {
  std::vector<std::string> arguments = {std::filesystem::absolute(kDaemon)};
  if (!options.own_listeners) {
    arguments.insert(arguments.end(), {"--grpc_listen=127.0.0.1:0", "--http_listen=127.0.0.1:0",
                                       "--admin_listen=unix:" + ShortFolder() + "/admin.sock"});
  }
  arguments.insert(arguments.end(), options.flags.begin(), options.flags.end());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);

  int ends[2];
  SPILLWAY_CHECK(::pipe2(ends, O_CLOEXEC) == 0);
  pid_ = ::fork();
  SPILLWAY_CHECK(pid_ >= 0);
  if (pid_ == 0) {
    ::dup2(ends[1], STDERR_FILENO);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    if (options.in_child != nullptr) options.in_child();
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  stderr_ = ends[0];
}

DaemonProcess::~DaemonProcess() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(stderr_);
}

bool DaemonProcess::ReadSome() {
  char buffer[4096];
  const ssize_t count = ::read(stderr_, buffer, sizeof buffer);
  if (count <= 0) return false;
  log_.append(buffer, static_cast<std::size_t>(count));
  return true;
}

bool DaemonProcess::AwaitLine(const std::string& text) {
  while (log_.find(text) == std::string::npos) {
    if (!ReadSome()) return false;
  }
  return true;
}

int DaemonProcess::Wait() {
  while (ReadSome()) {
  }
  int status = 0;
  SPILLWAY_CHECK(::waitpid(pid_, &status, 0) == pid_);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void DaemonProcess::Signal(int number) { ::kill(pid_, number); }

std::string DaemonProcess::address(const std::string& service) const {
  const std::string before = "listening service=" + service + " address=";
  const std::size_t at = log_.find(before);
  if (at == std::string::npos) return "";
  const std::size_t begin = at + before.size();
  return log_.substr(begin, log_.find_first_of(" \n", begin) - begin);
}

std::size_t DaemonProcess::descriptors() const {
  std::size_t count = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid_) + "/fd")) {
    static_cast<void>(entry);
    ++count;
  }
  return count;
}

}  // namespace spillway
