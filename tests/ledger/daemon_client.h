// Sends the ledger's load through a daemon over gRPC.
//
// Thread safety: Send may be called from any thread.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "spillway/v1/egress.grpc.pb.h"
#include "tests/ledger/load.h"

namespace spillway {

class DaemonLoadClient : public LoadClient {
 public:
  // `origin_port` is where the load goes; `denied_address` an address that the daemon refuses.
  DaemonLoadClient(const std::string& daemon_address, std::uint16_t origin_port,
                   std::string denied_address);

  CallerEntry Send(const LoadRequest& request) override;

 private:
  const std::string origin_;
  const std::string denied_;
  std::vector<std::unique_ptr<v1::Egress::Stub>> stubs_;  // one channel each
};

}  // namespace spillway
