// Defaults of what lies above the transport: addresses, front limits, drain.
//
// What it is: together with transport/base/options.h (pool, timeouts, retries) the only place where
// a default is written down. The configuration loader, the flags, spillwayctl and
// docs/configuration.md all take theirs from here.
// Thread safety: plain values. DefaultAdminAddress reads the environment: call it at start.
// Invariants: the defaults listen on this machine only.

#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "transport/base/instant.h"

namespace spillway {

inline constexpr char kDefaultGrpcAddress[] = "127.0.0.1:50051";
inline constexpr char kDefaultHttpAddress[] = "127.0.0.1:9464";

// Where the Admin service listens when nobody says otherwise: a Unix socket that only this user can
// reach. Its folder may not exist yet; the daemon makes it with mode 0700.
inline std::string DefaultAdminAddress() {
  if (::geteuid() == 0) return "unix:/run/spillway/admin.sock";
  // Set by login managers; private to the user and gone at logout.
  if (const char* folder = std::getenv("XDG_RUNTIME_DIR"); folder != nullptr && *folder == '/') {
    return "unix:" + std::string(folder) + "/spillway/admin.sock";
  }
  return "unix:/tmp/spillway-" + std::to_string(::geteuid()) + "/admin.sock";
}

// The certificate of our own TCP listeners for gRPC.
struct FrontTlsFiles {
  std::string certificate_file;  // PEM, leaf first; "": no TLS
  std::string key_file;
  std::string client_ca_file;              // "": callers are not asked for certificates
  bool require_client_certificate = true;  // when there is a client_ca_file

  bool any() const {
    return !(certificate_file.empty() && key_file.empty() && client_ca_file.empty());
  }
  bool operator==(const FrontTlsFiles&) const = default;
};

// Each address is host:port or unix:PATH (server/listen_address.h).
struct ListenOptions {
  std::vector<std::string> grpc = {kDefaultGrpcAddress};
  std::string http = kDefaultHttpAddress;
  std::string admin = DefaultAdminAddress();
  FrontTlsFiles tls;
  bool allow_insecure_remote = false;  // addresses that other machines reach, in clear text

  bool operator==(const ListenOptions&) const = default;
};

// Limits of the gRPC side.
struct FrontLimits {
  std::uint64_t max_request_message_bytes = 64U * 1024 * 1024;
  // The most a caller may ask for with options.max_response_bytes.
  std::uint64_t max_response_bytes = 64U * 1024 * 1024;
  std::uint32_t max_active_round_trips = 10000;  // above it a call is refused at once
  std::uint32_t max_connections = 0;             // 0: a quarter of the descriptor limit
  std::uint32_t max_streams_per_connection = 1000;
  Duration max_connection_age = kForever;  // then GOAWAY, for balancers
  Duration max_connection_age_grace = std::chrono::seconds(30);
  Duration min_ping_interval = std::chrono::seconds(10);  // faster pings end the connection

  bool operator==(const FrontLimits&) const = default;
};

// How the daemon ends on SIGTERM.
struct DrainOptions {
  Duration lame_duck = Duration::zero();      // unhealthy but still serving
  Duration grace = std::chrono::seconds(20);  // for running round trips; Kubernetes kills at 30

  bool operator==(const DrainOptions&) const = default;
};

}  // namespace spillway
