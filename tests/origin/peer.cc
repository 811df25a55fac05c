#include "tests/origin/peer.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <utility>

namespace spillway {
namespace {

constexpr short kHungUp = POLLHUP | POLLERR | POLLRDHUP;

// The address as /proc/net/tcp and tcp6 spell it: words of the binary form, in host order.
std::string ProcAddress(const sockaddr_storage& address) {
  std::array<std::uint32_t, 4> words{};
  std::size_t count = 1;
  in_port_t port = 0;
  if (address.ss_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address, sizeof in);
    words[0] = in.sin_addr.s_addr;
    port = in.sin_port;
  } else {
    sockaddr_in6 in{};
    std::memcpy(&in, &address, sizeof in);
    std::memcpy(words.data(), &in.sin6_addr, sizeof in.sin6_addr);
    count = 4;
    port = in.sin6_port;
  }
  std::string text;
  std::array<char, 16> buffer{};
  for (std::size_t i = 0; i < count; ++i) {
    std::snprintf(buffer.data(), buffer.size(), "%08X", words.at(i));
    text += buffer.data();
  }
  std::snprintf(buffer.data(), buffer.size(), ":%04X", ntohs(port));
  return text + buffer.data();
}

}  // namespace

std::int64_t UnreadAtOtherEnd(int fd) {
  sockaddr_storage ours{};
  sockaddr_storage theirs{};
  socklen_t ours_size = sizeof ours;
  socklen_t theirs_size = sizeof theirs;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&ours), &ours_size) != 0 ||
      getpeername(fd, reinterpret_cast<sockaddr*>(&theirs), &theirs_size) != 0) {
    return -1;
  }
  // A line of the table: "sl local remote state tx:rx ...". The other end's local is our remote.
  const std::string ends = ProcAddress(theirs) + " " + ProcAddress(ours) + " ";
  std::ifstream table(ours.ss_family == AF_INET ? "/proc/net/tcp" : "/proc/net/tcp6");
  for (std::string line; std::getline(table, line);) {
    const std::size_t at = line.find(ends);
    if (at == std::string::npos) continue;
    unsigned state = 0;
    unsigned tx = 0;
    unsigned rx = 0;
    const char* rest = line.c_str() + at + ends.size();
    if (std::sscanf(rest, "%x %x:%x", &state, &tx, &rx) == 3) return rx;
  }
  return -1;
}

Peer::Peer(int fd, int stop_fd) : fd_(fd), stop_fd_(stop_fd) {
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Peer::~Peer() { Close(); }

Peer::Got Peer::Receive(std::string& into, int wait_ms) {
  if (fd_ < 0) return Got::kReset;
  std::array<char, 16 * 1024> buffer{};
  for (;;) {
    const ssize_t n = recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n > 0) {
      into.append(buffer.data(), static_cast<std::size_t>(n));
      return Got::kBytes;
    }
    if (n == 0) return Got::kFin;
    if (errno != EAGAIN && errno != EINTR) return Got::kReset;
    std::array<pollfd, 2> waits = {pollfd{fd_, POLLIN, 0}, pollfd{stop_fd_, POLLIN, 0}};
    const int ready = poll(waits.data(), waits.size(), wait_ms);
    if (waits[1].revents != 0) return Got::kStopped;
    if (ready == 0) return Got::kNothing;
  }
}

Peer::Got Peer::AwaitHangUp(std::int64_t wait_us) {
  if (fd_ < 0) return Got::kFin;
  std::array<pollfd, 2> waits = {pollfd{fd_, POLLRDHUP, 0}, pollfd{stop_fd_, POLLIN, 0}};
  const timespec wait{wait_us / 1000000, (wait_us % 1000000) * 1000};
  for (;;) {
    const int ready = ppoll(waits.data(), waits.size(), wait_us < 0 ? nullptr : &wait, nullptr);
    if (waits[1].revents != 0) return Got::kStopped;
    if ((waits[0].revents & kHungUp) != 0) return Got::kFin;
    if (ready == 0) return Got::kNothing;
  }
}

bool Peer::Release() {
  const std::optional<std::string> bytes = std::exchange(held_, std::nullopt);
  return !bytes.has_value() || Send(*bytes);
}

bool Peer::Send(std::string_view bytes, bool urgent) {
  if (held_.has_value()) {
    held_->append(bytes);
    return true;
  }
  while (!bytes.empty()) {
    if (fd_ < 0) return false;
    const int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (urgent ? MSG_OOB : 0);
    const ssize_t n = send(fd_, bytes.data(), bytes.size(), flags);
    if (n > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
      continue;
    }
    if (errno != EAGAIN && errno != EINTR) return false;
    std::array<pollfd, 2> waits = {pollfd{fd_, POLLOUT, 0}, pollfd{stop_fd_, POLLIN, 0}};
    poll(waits.data(), waits.size(), -1);
    if (waits[1].revents != 0) return false;
  }
  return true;
}

bool Peer::AwaitTaken() {
  // Acknowledged bytes have arrived for sure, but the acknowledgement may be held back for 40 ms.
  // Bytes that left are in the other end's queue a moment later: a few looks in a row tell.
  constexpr int kLooks = 4;
  for (int empty = 0;;) {
    if (fd_ < 0) return false;
    int unsent = 0;
    int unacknowledged = 0;
    ioctl(fd_, SIOCOUTQNSD, &unsent);
    ioctl(fd_, SIOCOUTQ, &unacknowledged);
    if (unsent == 0) {
      const std::int64_t unread = UnreadAtOtherEnd(fd_);
      if (unread < 0) return false;
      empty = unread == 0 ? empty + 1 : 0;
      if (unread == 0 && (unacknowledged == 0 || empty == kLooks)) return true;
    }
    std::array<pollfd, 2> waits = {pollfd{fd_, POLLRDHUP, 0}, pollfd{stop_fd_, POLLIN, 0}};
    const timespec pause{0, 50000};  // between looks; the wait ends by what is seen
    ppoll(waits.data(), waits.size(), &pause, nullptr);
    if (waits[1].revents != 0 || (waits[0].revents & kHungUp) != 0) return false;
  }
}

std::uint64_t Peer::DataSegments() const {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (getsockopt(fd_, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return 0;
  return info.tcpi_data_segs_in;
}

void Peer::ShutdownSend() {
  if (fd_ >= 0) shutdown(fd_, SHUT_WR);
}

void Peer::ShutdownReceive() {
  if (fd_ >= 0) shutdown(fd_, SHUT_RD);
}

void Peer::Close() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

void Peer::Reset() {
  if (fd_ < 0) return;
  const linger now{1, 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  Close();
}

}  // namespace spillway
