// A real server as a child process, with a folder and a port of its own.
//
// What it is: writes a configuration file, starts the program in the foreground and waits until its
// port answers. The port is one that was free a moment ago; when somebody else was quicker, another
// is tried.
// What it owns: the process and its folder, both gone in the end.
// Thread safety: none; one test's own.

#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace spillway {

class ServerProcess {
 public:
  struct Plan {
    std::string config;                  // text of the file "config"
    std::vector<std::string> arguments;  // [0] is the program
  };
  // Makes the plan for a folder and a port.
  using Planner = std::function<Plan(const std::string& folder, std::uint16_t port)>;

  explicit ServerProcess(const Planner& planner);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  bool running() const { return child_ > 0; }
  std::uint16_t port() const { return port_; }
  std::string url(const std::string& path) const;
  const std::string& folder() const { return folder_; }
  // Ends it and starts it again, same folder and port; false when it does not come.
  bool Restart();
  // To the program itself, not to its children.
  void Signal(int number) const;
  // What it wrote to standard output and error.
  std::string output() const;

 private:
  bool Start(const Planner& planner);
  bool Spawn();
  bool AwaitPort();
  void Stop();

  std::string folder_;
  std::vector<std::string> arguments_;
  std::uint16_t port_ = 0;
  pid_t child_ = -1;
};

// The lines of `file` in the server's folder that are whole.
std::vector<std::string> LinesOf(const std::string& path);

}  // namespace spillway
