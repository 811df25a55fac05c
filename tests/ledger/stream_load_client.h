// Sends the ledger's load through a daemon over Stream: bodies of random sizes in random pieces,
// both ways.
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

// How a request of the load is streamed; by its id alone, so that a run can be played again.
struct StreamShape {
  std::string body;                  // in place of the load's
  std::uint64_t response_bytes = 1;  // asked for
  bool length_known = false;
  bool piece_in_head = false;
  std::size_t largest_piece = 1;
  std::uint64_t draw = 0;  // of the sizes of its pieces
};

StreamShape ShapeOf(const LoadRequest& load);

class StreamLoadClient : public LoadClient {
 public:
  // As DaemonLoadClient.
  StreamLoadClient(const std::string& daemon_address, std::uint16_t origin_port,
                   std::string denied_address);

  CallerEntry Send(const LoadRequest& load) override;

 private:
  const std::string origin_;
  const std::string denied_;
  std::vector<std::unique_ptr<v1::Egress::Stub>> stubs_;  // one channel each
};

}  // namespace spillway
