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

// What every command knows.
struct CommonOptions {
  std::string address;        // host:port or unix:PATH of Egress
  std::string admin_address;  // the same of Admin
  bool json = false;
  std::optional<Duration> timeout;
};

// What is wrong with an address, "" when nothing is.
std::string CheckAddress(const std::string& address);

// Connects lazily. `address` passed CheckAddress.
std::shared_ptr<grpc::Channel> Connect(const std::string& address);

// Sets the deadline of a call: --timeout, else `otherwise`; none when both are unset.
void SetDeadline(grpc::ClientContext& context, const CommonOptions& options,
                 std::optional<Duration> otherwise);

// How long calls to Admin and health may take when nobody says otherwise.
inline constexpr Duration kControlTimeout = std::chrono::seconds(10);

}  // namespace spillway::cli
