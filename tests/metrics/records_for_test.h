// Records with the fields that metrics look at, for tests.

#pragma once

#include <memory>
#include <optional>
#include <string>

#include "transport/observer.h"
#include "transport/records.h"

namespace spillway {

inline PoolKey KeyOf(const std::string& host, std::uint16_t port = 80,
                     const std::string& destination = "") {
  PoolKey key;
  key.scheme = "http";
  key.host = host;
  key.port = port;
  key.destination = destination;
  return key;
}

inline RoundTripRecord RoundTripOf(const std::string& method, std::uint32_t status, Duration total,
                                   std::optional<Reason> error = std::nullopt) {
  RoundTripRecord record;
  record.method = method;
  record.status = status;
  record.timings.total = total;
  if (error.has_value()) {
    record.failure = Failure{};
    record.failure->reason = *error;
  }
  if (status != 0) {
    auto connection = std::make_shared<ConnectionInfo>();
    connection->protocol = "HTTP/1.1";
    record.connection = connection;
  }
  return record;
}

inline PoolSnapshot SnapshotOf(const PoolKey& key, const HostPoolSnapshot& state) {
  PoolSnapshot pool;
  pool.key = key;
  pool.destination = key.destination;
  pool.state = state;
  return pool;
}

// What a pool key tells about a small day's work.
inline void FeedEverything(KeyObserver& key) {
  key.OnRoundTripStarted("GET");
  key.OnRoundTripStarted("POST");
  key.OnRoundTripStarted("PURGE");
  key.OnAcquired(AcquireSource::kNew, std::chrono::milliseconds(3));
  key.OnAcquired(AcquireSource::kIdle, Duration::zero());
  key.OnAcquired(AcquireSource::kIdle, Duration::zero());
  key.OnNotAcquired(AcquireOutcome::kRejected, Duration::zero());
  key.OnRejected(Rejection::kQueueFull);
  key.OnDial({DialPurpose::kDemand, Reason::kNone, std::chrono::milliseconds(2),
              std::chrono::milliseconds(1), true, true});
  key.OnDial({DialPurpose::kProbe,
              Reason::kConnectionRefused,
              std::chrono::milliseconds(2),
              {},
              true,
              false});
  DialRecord secured;
  secured.tls = TlsFacts{"TLSv1.3", "TLS_AES_128_GCM_SHA256", true};
  key.OnDial(secured);
  key.OnDialUnused();
  key.OnDialThrottled(DialThrottle::kBackoff);
  key.OnAttempt({});
  AttemptRecord replay;
  replay.kind = AttemptKind::kReplay;
  replay.error = Reason::kConnectionTerminated;
  key.OnAttempt(replay);
  key.OnRetry(Reason::kConnectionTerminated);
  key.OnRetry(Reason::kNone);
  key.OnRetrySuppressed(RetrySuppressed::kNotIdempotent);
  key.OnStaleReuse(StaleResult::kReplayed);
  key.OnConnectionClosed({CloseReason::kPeerFin, 7, std::chrono::seconds(40)});
  RoundTripRecord ok = RoundTripOf("GET", 200, std::chrono::milliseconds(20));
  ok.bytes_sent = 100;
  ok.bytes_received = 2000;
  key.OnRoundTrip(ok);
  key.OnRoundTrip(
      RoundTripOf("POST", 0, std::chrono::milliseconds(700), Reason::kPoolQueueTimeout));
}

}  // namespace spillway
