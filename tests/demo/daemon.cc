#include "tests/demo/daemon.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <thread>

#include "server/defaults.h"
#include "tests/demo/http_get.h"

namespace spillway::demo {
namespace {

constexpr std::chrono::milliseconds kProbeGap(20);

// The value of the last `flag` among `flags`, "" when there is none.
std::string ValueOf(const std::vector<std::string>& flags, std::string_view flag) {
  std::string value;
  for (std::size_t i = 0; i < flags.size(); ++i) {
    const std::string_view text = flags[i];
    if (text == flag && i + 1 < flags.size()) value = flags[i + 1];
    if (text.starts_with(flag) && text.substr(flag.size()).starts_with("=")) {
      value = text.substr(flag.size() + 1);
    }
  }
  return value;
}

// In the child, between fork and exec: only what is safe there.
[[noreturn]] void Become(char* const* arguments, pid_t parent) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(EXIT_FAILURE);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const int null = open("/dev/null", O_RDONLY);
  if (null >= 0) dup2(null, STDIN_FILENO);
  execv(arguments[0], arguments);
  _exit(127);
}

sigset_t EndSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  return signals;
}

}  // namespace

void HoldEndSignals() {
  sigset_t signals = EndSignals();
  sigaddset(&signals, SIGCHLD);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

bool EndAsked() {
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1 ||
         sigismember(&pending, SIGHUP) == 1;
}

std::string AddFlag(std::vector<std::string>& flags, const std::string& flag,
                    const std::string& otherwise) {
  std::string value = ValueOf(flags, flag);
  if (value.empty()) {
    value = otherwise;
    flags.insert(flags.begin(), {flag, value});
  }
  return value;
}

Addresses FixAddresses(std::vector<std::string>& flags) {
  Addresses addresses;
  addresses.grpc = AddFlag(flags, "--grpc_listen", kDefaultGrpcAddress);
  addresses.http = AddFlag(flags, "--http_listen", kDefaultHttpAddress);
  addresses.admin = AddFlag(flags, "--admin_listen", DefaultAdminAddress());
  return addresses;
}

Daemon::Daemon(const std::string& program, const std::vector<std::string>& flags) {
  if (access(program.c_str(), X_OK) != 0) {
    std::fprintf(stderr, "demo: no daemon at %s: build //server:spillway\n", program.c_str());
    std::exit(EXIT_FAILURE);
  }
  std::vector<std::string> words = flags;
  words.insert(words.begin(), program);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) Become(arguments.data(), parent);
  if (pid_ < 0) {
    std::fprintf(stderr, "demo: cannot start %s: %s\n", program.c_str(), std::strerror(errno));
    std::exit(EXIT_FAILURE);
  }
}

Daemon::~Daemon() { Stop(); }

bool Daemon::running() {
  if (pid_ < 0) return false;
  if (waitpid(pid_, &status_, WNOHANG) == pid_) pid_ = -1;
  return pid_ > 0;
}

bool Daemon::AwaitReady(const std::string& http, std::chrono::milliseconds patience) {
  const auto give_up = std::chrono::steady_clock::now() + patience;
  while (running() && std::chrono::steady_clock::now() < give_up) {
    if (HttpGet(http, "/readyz").status == 200) return true;
    if (EndAsked()) return false;
    std::this_thread::sleep_for(kProbeGap);
  }
  return false;
}

bool Daemon::ServeUntilEnd() {
  sigset_t signals = EndSignals();
  sigaddset(&signals, SIGCHLD);
  for (;;) {
    int signal = 0;
    sigwait(&signals, &signal);
    if (signal != SIGCHLD) return true;
    if (!running()) return false;
  }
}

bool Daemon::Stop() {
  if (running()) {
    kill(pid_, SIGTERM);
    pid_t ended = -1;
    do {
      ended = waitpid(pid_, &status_, 0);
    } while (ended < 0 && errno == EINTR);
    pid_ = -1;
  }
  return WIFEXITED(status_) && WEXITSTATUS(status_) == EXIT_SUCCESS;
}

}  // namespace spillway::demo
