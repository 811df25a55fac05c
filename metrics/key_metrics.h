// What happens in one pool key, counted.
//
// What it is: the KeyObserver that Metrics hands out. It knows its destination's slot from the
// start, so an event is a pointer load and a few relaxed adds; no lookup by text, no formatting.
// Thread safety: every function may be called from any thread; none blocks. Construction and
// destruction take the guard's mutex for a moment.

#pragma once

#include <memory>

#include "metrics/destination_guard.h"
#include "transport/observer.h"

namespace spillway {

class KeyMetrics final : public KeyObserver {
 public:
  // `destination` is the policy entry's name, empty for the fallback.
  KeyMetrics(std::shared_ptr<DestinationGuard> guard, const PoolKey& key,
             const std::string& destination);
  ~KeyMetrics() override;
  KeyMetrics(const KeyMetrics&) = delete;
  KeyMetrics& operator=(const KeyMetrics&) = delete;

  void OnRoundTripStarted(std::string_view method) override;
  void OnRoundTrip(const RoundTripRecord& record) override;
  void OnAttempt(const AttemptRecord& record) override;
  void OnAcquired(AcquireSource source, Duration waited) override;
  void OnNotAcquired(AcquireOutcome outcome, Duration waited) override;
  void OnRejected(Rejection rejection) override;
  void OnRetry(Reason reason) override;
  void OnRetrySuppressed(RetrySuppressed why) override;
  void OnStaleReuse(StaleResult result) override;
  void OnDial(const DialRecord& record) override;
  void OnDialUnused() override;
  void OnDialThrottled(DialThrottle throttle) override;
  void OnConnectionClosed(const ConnectionRecord& record) override;

 private:
  void Count(std::size_t cell, std::uint64_t amount = 1) {
    slot_->series().counters.Add(cell, amount);
  }

  // The guard outlives the slot, which points into it.
  const std::shared_ptr<DestinationGuard> guard_;
  const std::shared_ptr<DestinationSlot> slot_;
  const bool counted_as_user_;
  const std::size_t version_;  // index into kProtocolVersions, of the key's connections
};

}  // namespace spillway
