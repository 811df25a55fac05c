#include "tests/origin/listen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cstring>

namespace spillway {

sockaddr_storage LoopbackAddress(const std::string& address, std::uint16_t port, socklen_t& size) {
  sockaddr_storage storage{};
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  size = 0;
  if (inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&storage, &v4, sizeof v4);
    size = sizeof v4;
  } else if (inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&storage, &v6, sizeof v6);
    size = sizeof v6;
  }
  return storage;
}

BoundSocket BindLoopback(const std::string& address, std::uint16_t port, int receive_buffer) {
  BoundSocket bound;
  socklen_t size = 0;
  sockaddr_storage storage = LoopbackAddress(address, port, size);
  if (size == 0) return bound;
  const int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return bound;
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (receive_buffer > 0) {
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  }
  if (bind(fd, reinterpret_cast<sockaddr*>(&storage), size) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    close(fd);
    return bound;
  }
  bound.fd = fd;
  if (storage.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &storage, sizeof v4);
    bound.port = ntohs(v4.sin_port);
  } else {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &storage, sizeof v6);
    bound.port = ntohs(v6.sin6_port);
  }
  return bound;
}

}  // namespace spillway
