// Sends the ledger's load through a daemon over Multiplex: all callers share a few streams.
//
// What it is: whoever has a call adds it to the stream's next message, and whoever finds nobody
// writing writes what has gathered. What it owns: the streams and a thread for each that reads.
// Thread safety: Send may be called from any thread.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/ledger/load.h"

namespace spillway {

class MultiplexLoadClient : public LoadClient {
 public:
  // As DaemonLoadClient.
  MultiplexLoadClient(const std::string& daemon_address, std::uint16_t origin_port,
                      std::string denied_address);
  ~MultiplexLoadClient() override;

  CallerEntry Send(const LoadRequest& request) override;
  // Half-closes every stream; what was wrong with how one ended, or "". No Send may run.
  std::string End();

 private:
  class Stream;

  const std::string origin_;
  const std::string denied_;
  std::vector<std::unique_ptr<Stream>> streams_;
};

}  // namespace spillway
