// Sends requests through a running daemon over gRPC.
//
// Thread safety: Send may be called from any thread.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "spillway/v1/egress.grpc.pb.h"

namespace spillway {

class DaemonCaller {
 public:
  explicit DaemonCaller(const std::string& address);
  // The number of GETs of `url`, of `requests` by `callers` at a time, that gave 200 and `body`.
  std::uint64_t GetMany(const std::string& url, const std::string& body, std::uint64_t requests,
                        std::uint32_t callers);

 private:
  std::vector<std::unique_ptr<v1::Egress::Stub>> stubs_;  // one channel each
};

}  // namespace spillway
