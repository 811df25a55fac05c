// A daemon of the demonstration's own.
//
// What it owns: the process. It has a process group of its own, so that Ctrl-C reaches only the
// demonstration, which then ends it once and in order; it ends too when the demonstration is
// killed. Thread safety: one thread. Start it before any other thread exists: it forks.

#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

namespace spillway::demo {

// Where a daemon listens, as its flags say it.
struct Addresses {
  std::string grpc;
  std::string http;
  std::string admin;
};

// The addresses that `flags` name, else the daemon's defaults; those that no flag names are added
// to `flags`, so that a configuration file cannot move them.
Addresses FixAddresses(std::vector<std::string>& flags);

// Adds the flag unless `flags` hold it. Returns its value.
std::string AddFlag(std::vector<std::string>& flags, const std::string& flag,
                    const std::string& otherwise);

// From now on, in this thread and those it starts, SIGINT, SIGTERM and SIGHUP wait to be asked for.
void HoldEndSignals();
// One of them has come.
bool EndAsked();

class Daemon {
 public:
  // Ends the program with a message when the process cannot be made.
  Daemon(const std::string& program, const std::vector<std::string>& flags);
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // False once it has ended.
  bool running();
  // Waits until /readyz at `http` answers 200; false when the daemon ended, did not in time, or the
  // end was asked for.
  bool AwaitReady(const std::string& http, std::chrono::milliseconds patience);
  // Waits until the end is asked for; false when the daemon ended by itself.
  bool ServeUntilEnd();
  // Asks it to drain and waits. True when it exited with 0.
  bool Stop();

 private:
  pid_t pid_ = -1;
  int status_ = 0;
};

}  // namespace spillway::demo
