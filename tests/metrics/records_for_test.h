// Records with the fields that metrics look at, for tests.

#pragma once

#include <memory>
#include <optional>
#include <string>

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

}  // namespace spillway
