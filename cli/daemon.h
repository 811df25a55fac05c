// The way to the daemon: an address, a channel, a call's deadline.
//
// Thread safety: pure functions but for making channels.

#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <memory>
#include <optional>
#include <string>

#include "transport/base/instant.h"

namespace spillway::cli {

// TLS with a daemon at host:port; Unix sockets have none.
struct TlsOptions {
  bool use = false;
  // Files, and what LoadTls read from them.
  std::string ca_file;  // "": the system's roots
  std::string certificate_file;
  std::string key_file;
  std::string name;  // expected of the daemon's certificate instead of the address's host
  std::string ca_pem;
  std::string certificate_pem;
  std::string key_pem;
};

// What every command knows.
struct CommonOptions {
  std::string address;        // host:port or unix:PATH of Egress
  std::string admin_address;  // the same of Admin
  TlsOptions tls;
  bool json = false;
  std::optional<Duration> timeout;
};

// What is wrong with an address, "" when nothing is.
std::string CheckAddress(const std::string& address);

// Reads the files that `tls` names; any of them asks for TLS. Returns what is wrong, "" when
// nothing is.
std::string LoadTls(TlsOptions& tls);

// Connects lazily. `address` is one of `options` and passed CheckAddress.
std::shared_ptr<grpc::Channel> Connect(const CommonOptions& options, const std::string& address);

// Sets the deadline of a call: --timeout, else `otherwise`; none when both are unset.
void SetDeadline(grpc::ClientContext& context, const CommonOptions& options,
                 std::optional<Duration> otherwise);

// How long calls to Admin and health may take when nobody says otherwise.
inline constexpr Duration kControlTimeout = std::chrono::seconds(10);

}  // namespace spillway::cli
