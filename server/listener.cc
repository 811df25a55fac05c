#include "server/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace spillway {
namespace {

constexpr int kBacklog = 4096;  // the kernel lowers it to its own limit

union SocketAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
  sockaddr_un local;
};

Failure CannotListen(const ListenAddress& address, std::string_view flag, std::string_view why) {
  return {.reason = Reason::kInternalError,
          .source = Source::kService,
          .phase = Phase::kNone,
          .delivery = Delivery::kNotSent,
          .message = "cannot listen on " + address.Text() + " (" + std::string(flag) +
                     "): " + std::string(why),
          .field = std::string(flag),
          .response_status = 0};
}

std::string ErrnoText(int error) {
  char buffer[128];
  return strerror_r(error, buffer, sizeof buffer);
}

std::string BindProblem(int error) {
  switch (error) {
    case EADDRINUSE:
      return "another process already listens there; stop it or choose another address";
    case EACCES:
      return "permission denied";
    default:
      return ErrnoText(error);
  }
}

// `localhost` is the IPv4 loopback address, whatever a hosts file says.
socklen_t FillTcp(const ListenAddress& address, SocketAddress& out) {
  std::memset(&out, 0, sizeof out);
  const std::string host = address.host == "localhost" ? "127.0.0.1" : address.host;
  if (inet_pton(AF_INET, host.c_str(), &out.v4.sin_addr) == 1) {
    out.v4.sin_family = AF_INET;
    out.v4.sin_port = htons(address.port);
    return sizeof out.v4;
  }
  inet_pton(AF_INET6, host.c_str(), &out.v6.sin6_addr);
  out.v6.sin6_family = AF_INET6;
  out.v6.sin6_port = htons(address.port);
  return sizeof out.v6;
}

socklen_t FillUnix(const std::string& path, SocketAddress& out) {
  std::memset(&out, 0, sizeof out);
  out.local.sun_family = AF_UNIX;
  std::memcpy(out.local.sun_path, path.data(), path.size());
  return sizeof out.local;
}

// A folder that others may write to without the sticky bit, or that belongs to another user than us
// and root, lets them put a socket of their own in place of ours.
bool IsTrusted(const std::string& folder) {
  struct stat info {};
  if (folder.empty() || ::stat(folder.c_str(), &info) != 0) return true;  // bind says what is wrong
  const bool shared = (info.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (info.st_mode & S_ISVTX) == 0;
  return !shared && (info.st_uid == ::geteuid() || info.st_uid == 0);
}

// Makes way for a socket file at `path`. Returns why that is not possible, or "".
std::string ClearPath(const std::string& path) {
  const std::string folder = path.substr(0, path.rfind('/'));
  if (!folder.empty() && ::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return "cannot make the folder: " + ErrnoText(errno);
  }
  if (!IsTrusted(folder)) return "another user could replace the socket in its folder";
  struct stat file {};
  if (::lstat(path.c_str(), &file) != 0) return errno == ENOENT ? "" : ErrnoText(errno);
  if (!S_ISSOCK(file.st_mode)) return "a file that is not a socket is in the way";
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return ErrnoText(errno);
  SocketAddress address;
  const socklen_t length = FillUnix(path, address);
  const bool refused = ::connect(probe, &address.any, length) != 0 && errno == ECONNREFUSED;
  ::close(probe);
  if (!refused) return BindProblem(EADDRINUSE);
  return ::unlink(path.c_str()) == 0 ? "" : "cannot remove the stale socket: " + ErrnoText(errno);
}

std::uint16_t BoundPort(int fd) {
  SocketAddress address;
  socklen_t length = sizeof address;
  if (::getsockname(fd, &address.any, &length) != 0) return 0;
  return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

}  // namespace

Result<Listener> Listener::Open(const ListenAddress& address, std::string_view flag,
                                mode_t unix_mode) {
  const bool is_unix = address.kind == ListenAddress::Kind::kUnix;
  if (is_unix) {
    if (const std::string why = ClearPath(address.path); !why.empty()) {
      return CannotListen(address, flag, why);
    }
  }
  SocketAddress to;
  const socklen_t length = is_unix ? FillUnix(address.path, to) : FillTcp(address, to);
  Listener listener(::socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
                    address);
  if (listener.fd_ < 0) return CannotListen(address, flag, ErrnoText(errno));
  const int on = 1;
  if (!is_unix) ::setsockopt(listener.fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(listener.fd_, &to.any, length) != 0) {
    return CannotListen(address, flag, BindProblem(errno));
  }
  if (is_unix) {
    // Nobody can connect before listen(), so the mode is right from the first connection on.
    struct stat file {};
    if (::chmod(address.path.c_str(), unix_mode) != 0 ||
        ::lstat(address.path.c_str(), &file) != 0) {
      return CannotListen(address, flag, ErrnoText(errno));
    }
    listener.file_ = file.st_ino;
  }
  if (::listen(listener.fd_, kBacklog) != 0) {
    return CannotListen(address, flag, BindProblem(errno));
  }
  if (!is_unix) listener.address_.port = BoundPort(listener.fd_);
  return listener;
}

Listener::Listener(Listener&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      address_(std::move(other.address_)),
      file_(std::exchange(other.file_, 0)) {}

Listener& Listener::operator=(Listener&& other) noexcept {
  if (this == &other) return *this;
  Close();
  fd_ = std::exchange(other.fd_, -1);
  address_ = std::move(other.address_);
  file_ = std::exchange(other.file_, 0);
  return *this;
}

void Listener::Close() {
  if (file_ != 0) {
    struct stat file {};
    const bool ours = ::lstat(address_.path.c_str(), &file) == 0 && file.st_ino == file_;
    if (ours) ::unlink(address_.path.c_str());
    file_ = 0;
  }
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

}  // namespace spillway
