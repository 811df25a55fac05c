// An observer that counts, for tests that check what the transport reports about itself.
//
// Thread safety: every function may be called from any thread.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "transport/observer.h"

namespace spillway {

struct ObserverCounts {
  std::uint64_t started = 0;
  std::uint64_t ended = 0;
  std::uint64_t ended_ok = 0;
  std::uint64_t attempts = 0;
  std::map<std::string, std::uint64_t> failed;      // round trips, by reason
  std::map<std::string, std::uint64_t> acquired;    // by source
  std::map<std::string, std::uint64_t> rejected;    // by rejection
  std::map<std::string, std::uint64_t> retries;     // by reason of the failed attempt
  std::map<std::string, std::uint64_t> suppressed;  // retries not made
  std::map<std::string, std::uint64_t> stale;       // by result
  std::map<std::string, std::uint64_t> dials;       // by error, "" for good ones
  std::map<std::string, std::uint64_t> throttled;   // dials put off, by what held them back
  std::map<std::string, std::uint64_t> closed;      // connections, by reason
  std::map<std::string, std::uint64_t> lookups;     // by error
  std::uint64_t keys = 0;
  std::uint64_t handshakes = 0;  // TLS with origins
  std::uint64_t resumed = 0;     // of these

  std::uint64_t DialsOk() const;
  std::uint64_t ClosedTotal() const;
};

class CountingObserver : public TransportObserver {
 public:
  CountingObserver();
  ~CountingObserver() override;
  std::shared_ptr<KeyObserver> ForKey(const PoolKey& key, const std::string& destination) override;
  void OnDnsLookup(Reason error, Duration took) override;

  ObserverCounts counts() const;

 private:
  struct Shared;
  class Key;
  const std::shared_ptr<Shared> shared_;
};

}  // namespace spillway
