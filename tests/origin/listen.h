// Loopback sockets on free ports.
//
// Thread safety: pure functions over descriptors.

#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>

namespace spillway {

struct BoundSocket {
  int fd = -1;  // -1: could not bind
  std::uint16_t port = 0;
};

// The binary form of a numeric loopback address; its length in `size`, 0 when it is not one.
sockaddr_storage LoopbackAddress(const std::string& address, std::uint16_t port, socklen_t& size);

// A TCP socket bound to `address`; `receive_buffer` 0 keeps the system's.
BoundSocket BindLoopback(const std::string& address, std::uint16_t port, int receive_buffer = 0);

}  // namespace spillway
