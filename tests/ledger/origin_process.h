// The origin's process: started, killed without warning, started again on the same ports.
//
// What it owns: the child process and the file that is its ledger.
// Thread safety: Kill and Restart from one thread at a time; port and Events from any.

#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/ledger/entry.h"

namespace spillway {

class OriginProcess {
 public:
  OriginProcess(std::uint64_t seed, std::uint64_t faults_per_million);
  ~OriginProcess();
  OriginProcess(const OriginProcess&) = delete;
  OriginProcess& operator=(const OriginProcess&) = delete;

  bool running() const { return child_ > 0; }
  std::uint16_t port() const { return port_; }
  // HTTP/2 in clear text.
  std::uint16_t http2_port() const { return http2_port_; }
  // kill -9; returns when it is gone.
  void Kill();
  // On the ports it had. False when it did not come up.
  bool Restart();
  // Everything its ledger holds; a line cut by a sudden death is left out.
  std::vector<OriginEvent> Events() const;

 private:
  bool Spawn();

  const std::uint64_t seed_;
  const std::uint64_t faults_per_million_;
  std::string ledger_;
  pid_t child_ = -1;
  int input_ = -1;  // its standard input: closing it ends it
  std::uint16_t port_ = 0;
  std::uint16_t http2_port_ = 0;
};

}  // namespace spillway
