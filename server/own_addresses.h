// Refuses to dial our own listeners, so that a request can never loop through ourselves (O-271).
//
// Thread safety: immutable after construction.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/listen_address.h"

struct sockaddr;

namespace spillway {

class OwnAddresses {
 public:
  // As bound: with real ports. Unix sockets cannot be dialled and are left out.
  explicit OwnAddresses(const std::vector<ListenAddress>& listeners);

  // Would connect() to `address` reach one of the listeners? Sees through IPv4-mapped addresses and
  // the unspecified address, which the kernel takes for loopback;
  // a listener on every address is reached by every address that an interface has now.
  bool Contains(const sockaddr* address, unsigned length) const;

 private:
  struct Endpoint {
    std::string address;  // 4 or 16 bytes
    std::uint16_t port = 0;
  };
  // A listener on every address of this machine.
  struct Everywhere {
    std::uint16_t port = 0;
    bool v6 = false;
  };
  std::vector<Endpoint> endpoints_;
  std::vector<Everywhere> everywhere_;
};

}  // namespace spillway
