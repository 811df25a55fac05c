// A transport with what a test needs round it.
//
// What it owns: the transport, an observer that counts.
// Thread safety: as Transport; Start may be called from several threads.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/harness/collecting_sink.h"
#include "tests/harness/counting_observer.h"
#include "transport/transport.h"

namespace spillway {

// A round trip that was started.
struct Call {
  std::shared_ptr<CollectingSink> sink;
  std::shared_ptr<RoundTripHandle> handle;

  // Waits for the end. A story without an end means that it did not come.
  Story Finish() const;
};

// A policy with this fallback and nothing else.
std::shared_ptr<const Policy> PolicyWith(Destination fallback);

class TestClient {
 public:
  struct Options {
    Destination destination;
    ProcessLimits limits;
    std::function<bool(const ::sockaddr* address, unsigned length)> address_allowed;
    std::function<int(const std::string& host, std::vector<std::string>& addresses)> lookup;
  };

  TestClient();
  explicit TestClient(Options options);
  ~TestClient();
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  Call Start(Request request, CollectingSink::Options sink = {});
  Call Get(const std::string& url);
  Call Post(const std::string& url, std::string body);
  Transport& transport() { return *transport_; }
  ObserverCounts counts() const { return observer_->counts(); }

  // Sum over all keys.
  std::uint64_t Level(std::uint32_t HostPoolSnapshot::*level) const;
  // Waits until the sum over all keys is `wanted`; false when it never is.
  bool AwaitLevel(std::uint32_t HostPoolSnapshot::*level, std::uint64_t wanted) const;
  // Waits until no failed dial holds back another.
  bool AwaitNoBackoff() const;
  bool AwaitIdle(std::uint64_t wanted) const { return AwaitLevel(&HostPoolSnapshot::idle, wanted); }

 private:
  const std::shared_ptr<CountingObserver> observer_;
  std::unique_ptr<Transport> transport_;
};

}  // namespace spillway
