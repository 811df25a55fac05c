// An address that a listener binds or a client dials: host:port or unix:PATH.
//
// Thread safety: plain values; pure functions.
// Invariants of an address that ParseListenAddress returned: `host` is a numeric IPv4 or IPv6
// address without brackets, or "localhost"; port 0 asks the system for a free one; `path` is
// absolute and fits a sockaddr_un.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "transport/base/failure.h"

namespace spillway {

struct ListenAddress {
  enum class Kind : std::uint8_t { kTcp, kUnix } kind = Kind::kTcp;
  std::string host;
  std::uint16_t port = 0;
  std::string path;

  bool operator==(const ListenAddress&) const = default;

  // True when only this machine can reach it: 127.0.0.0/8, ::1, localhost or a Unix socket.
  bool IsLocal() const;
  // "127.0.0.1:50051", "[::1]:50051" or "unix:/run/x.sock".
  std::string Text() const;
};

// Errors: BadRequest naming `field`, without the value.
Result<ListenAddress> ParseListenAddress(std::string_view text, std::string_view field);

}  // namespace spillway
