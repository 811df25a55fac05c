// Where metrics and logs attach to the transport.
//
// What it is: two interfaces. TransportObserver hears what belongs to no pool key and hands out one
// KeyObserver per pool key when its pool is created, so that labels are chosen once and no event
// looks anything up.
// Thread safety: every function may be called from any thread, concurrently, and must not block,
// throw or call back into the transport.

#pragma once

#include <memory>

#include "transport/records.h"

namespace spillway {

// Default implementations do nothing.
class KeyObserver {
 public:
  virtual ~KeyObserver() = default;
  virtual void OnRoundTripStarted(std::string_view /*method*/) {}
  // Every started round trip ends here, exactly once.
  virtual void OnRoundTrip(const RoundTripRecord&) {}
  virtual void OnAttempt(const AttemptRecord&) {}
  virtual void OnAcquired(AcquireSource, Duration /*waited*/) {}
  virtual void OnNotAcquired(AcquireOutcome, Duration /*waited*/) {}
  virtual void OnRejected(Rejection) {}
  virtual void OnRetry(Reason /*of the failed attempt*/) {}
  virtual void OnRetrySuppressed(RetrySuppressed) {}
  virtual void OnStaleReuse(StaleResult) {}
  virtual void OnDial(const DialRecord&) {}
  virtual void OnDialUnused() {}
  // A waiter came for which a dial was wanted and not made.
  virtual void OnDialThrottled(DialThrottle) {}
  virtual void OnConnectionClosed(const ConnectionRecord&) {}
};

class TransportObserver {
 public:
  virtual ~TransportObserver() = default;
  // `destination` is the policy entry's name; empty for the fallback, then key.host and key.port
  // identify it.
  virtual std::shared_ptr<KeyObserver> ForKey(const PoolKey& key, const std::string& destination) {
    static_cast<void>(key);
    static_cast<void>(destination);
    return std::make_shared<KeyObserver>();
  }
  virtual void OnDnsLookup(Reason /*kNone when ok*/, Duration) {}
  virtual void OnLoopLag(std::uint32_t /*loop*/, Duration) {}
};

}  // namespace spillway
