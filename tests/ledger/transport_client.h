// Sends the ledger's load straight over a Transport.
//
// Thread safety: Send may be called from any thread.

#pragma once

#include <cstdint>

#include "tests/harness/test_client.h"
#include "tests/ledger/load.h"

namespace spillway {

class TransportLoadClient : public LoadClient {
 public:
  explicit TransportLoadClient(std::uint16_t port);

  CallerEntry Send(const LoadRequest& request) override;
  TestClient& client() { return client_; }

 private:
  const std::uint16_t port_;
  TestClient client_;
};

}  // namespace spillway
