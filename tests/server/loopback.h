// Plain sockets to and on the loopback address.

#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <string>

namespace spillway {

inline sockaddr_in LoopbackAddress(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

// The port of "127.0.0.1:port".
inline std::uint16_t PortOf(const std::string& address) {
  return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
}

// A connection, or -1.
inline int DialLoopback(std::uint16_t port) {
  const sockaddr_in address = LoopbackAddress(port);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    return fd;
  }
  ::close(fd);
  return -1;
}

// A port that is taken as long as this lives. With kListen connections to it are made and nothing
// is ever answered; with kRefuse they are refused.
class HeldPort {
 public:
  enum class Manner { kListen, kRefuse };

  explicit HeldPort(Manner manner) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = LoopbackAddress(0);
    socklen_t length = sizeof address;
    const bool ok = ::bind(fd_, reinterpret_cast<sockaddr*>(&address), length) == 0 &&
                    (manner == Manner::kRefuse || ::listen(fd_, 16) == 0) &&
                    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length) == 0;
    if (ok) port_ = ntohs(address.sin_port);
  }
  ~HeldPort() { ::close(fd_); }
  HeldPort(const HeldPort&) = delete;
  HeldPort& operator=(const HeldPort&) = delete;
  std::uint16_t port() const { return port_; }
  int fd() const { return fd_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  std::string url() const { return "http://" + address() + "/"; }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

}  // namespace spillway
