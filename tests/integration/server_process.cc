#include "tests/integration/server_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/origin/listen.h"

namespace spillway {
namespace {

constexpr int kTries = 5;
constexpr std::chrono::seconds kPatience(30);

std::string TemporaryFolder() {
  const char* base = std::getenv("TEST_TMPDIR");
  std::string name = std::string(base != nullptr ? base : "/tmp") + "/server.XXXXXX";
  return mkdtemp(name.data()) != nullptr ? name : "";
}

std::uint16_t FreePort() {
  const BoundSocket bound = BindLoopback("127.0.0.1", 0);
  if (bound.fd >= 0) close(bound.fd);
  return bound.port;
}

bool Answers(std::uint16_t port) {
  socklen_t size = 0;
  const sockaddr_storage target = LoopbackAddress("127.0.0.1", port, size);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool connected =
      fd >= 0 && connect(fd, reinterpret_cast<const sockaddr*>(&target), size) == 0;
  if (fd >= 0) close(fd);
  return connected;
}

}  // namespace

ServerProcess::ServerProcess(const Planner& planner) : folder_(TemporaryFolder()) {
  for (int i = 0; i < kTries && !running(); ++i) {
    if (!Start(planner)) Stop();
  }
}

ServerProcess::~ServerProcess() {
  Stop();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

bool ServerProcess::Start(const Planner& planner) {
  port_ = FreePort();
  Plan plan = planner(folder_, port_);
  std::ofstream(folder_ + "/config") << plan.config;
  arguments_ = std::move(plan.arguments);
  return Spawn();
}

bool ServerProcess::Restart() {
  Stop();
  // Children that were killed with it may hold the port for a moment longer.
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (Answers(port_) && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
  return Spawn();
}

void ServerProcess::Signal(int number) const {
  if (child_ > 0) kill(child_, number);
}

bool ServerProcess::Spawn() {
  std::vector<char*> words;
  for (std::string& word : arguments_) words.push_back(word.data());
  words.push_back(nullptr);
  const std::string log = folder_ + "/output";
  posix_spawn_file_actions_t files{};
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
  // A group of its own: servers with children end as one.
  posix_spawnattr_t attributes{};
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  const int failed = posix_spawnp(&child_, words[0], &files, &attributes, words.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0) child_ = -1;
  return failed == 0 && AwaitPort();
}

bool ServerProcess::AwaitPort() {
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < give_up) {
    if (Answers(port_)) return true;
    if (waitpid(child_, nullptr, WNOHANG) == child_) {
      child_ = -1;
      return false;
    }
    std::this_thread::yield();
  }
  return false;
}

void ServerProcess::Stop() {
  if (child_ <= 0) return;
  kill(-child_, SIGKILL);  // it has nothing to save
  waitpid(child_, nullptr, 0);
  child_ = -1;
}

std::string ServerProcess::url(const std::string& path) const {
  return "http://127.0.0.1:" + std::to_string(port_) + path;
}

std::string ServerProcess::output() const {
  std::ostringstream text;
  text << std::ifstream(folder_ + "/output").rdbuf();
  return text.str();
}

std::vector<std::string> LinesOf(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  std::istringstream whole(text.str().substr(0, text.str().rfind('\n') + 1));
  std::vector<std::string> lines;
  for (std::string line; std::getline(whole, line);) lines.push_back(line);
  return lines;
}

}  // namespace spillway
