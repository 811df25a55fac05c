// Sends the ledger's load straight over a Transport.
//
// Thread safety: Send may be called from any thread.

#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "tests/harness/test_client.h"
#include "tests/ledger/load.h"

namespace spillway {

class TransportLoadClient : public LoadClient {
 public:
  // Where a request goes: "https://host:port", without a path.
  using BaseOf = std::function<std::string(const LoadRequest&)>;
  // Hears of each end.
  using Hear = std::function<void(const LoadRequest&, const Story&)>;

  explicit TransportLoadClient(std::uint16_t port);
  TransportLoadClient(TestClient::Options options, BaseOf base, Hear hear);
  // What the ledgers' rules need of a client: timeouts, the refused address, names.
  static TestClient::Options DefaultOptions();

  CallerEntry Send(const LoadRequest& request) override;
  TestClient& client() { return client_; }

 private:
  const BaseOf base_;
  const Hear hear_;
  TestClient client_;
};

}  // namespace spillway
