// The daemon as a child process, as an operator sees it: flags, signals, stderr, exit status.
//
// What it owns: the process and the reading end of its stderr; a folder for its sockets.
// Thread safety: none; one test's own.

#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace spillway {

class DaemonProcess {
 public:
  struct Options {
    std::vector<std::string> flags = {};
    bool own_listeners = false;           // flags say all of them; else free ports and a socket
    std::function<void()> in_child = {};  // between fork and exec
  };

  explicit DaemonProcess(Options options);
  ~DaemonProcess();  // SIGKILL when it still runs
  DaemonProcess(const DaemonProcess&) = delete;
  DaemonProcess& operator=(const DaemonProcess&) = delete;

  // Reads stderr until a line holds `text`; false when it ends before. Everything read is in log().
  bool AwaitLine(const std::string& text);
  // Reads the rest of stderr and waits. The exit status, or 128 + the signal that ended it.
  int Wait();
  void Signal(int number);

  const std::string& log() const { return log_; }
  // Address of a listener, from the log: "grpc", "http", "admin".
  std::string address(const std::string& service) const;
  pid_t pid() const { return pid_; }
  // Descriptors it has open.
  std::size_t descriptors() const;

 private:
  bool ReadSome();

  pid_t pid_ = -1;
  int stderr_ = -1;
  std::string log_;
};

}  // namespace spillway
