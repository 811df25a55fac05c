// Named events that a test and its scripts wait for: what replaces sleeping.
//
// Thread safety: every function may be called from any thread.
// Invariants: an event once signalled stays signalled.

#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>

namespace spillway {

// How long a test waits before it calls an event missing. Reached only when a test fails.
inline constexpr std::chrono::seconds kEventPatience(20);

class Board {
 public:
  void Signal(const std::string& name);
  // False when the event did not come in time, or the board was closed.
  bool Await(const std::string& name, std::chrono::milliseconds patience = kEventPatience);
  bool Signalled(const std::string& name) const;
  // Wakes everybody; Await answers false from now on unless the event had come.
  void Close();

 private:
  mutable std::mutex mu_;
  std::condition_variable changed_;
  std::map<std::string, int> events_;
  bool closed_ = false;
};

}  // namespace spillway
