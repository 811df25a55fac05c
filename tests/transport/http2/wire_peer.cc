#include "tests/transport/http2/wire_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "transport/base/check.h"

namespace spillway {
namespace {

constexpr int kPatienceMs = 20'000;
constexpr int kSmallBufferBytes = 4096;

void MakeSmall(int fd) {
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kSmallBufferBytes, sizeof(kSmallBufferBytes));
  ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSmallBufferBytes, sizeof(kSmallBufferBytes));
}

}  // namespace

WirePeer::WirePeer(int& other, bool small_buffers) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (small_buffers) MakeSmall(listener);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof(address);
  SPILLWAY_CHECK(::bind(listener, generic, size) == 0 && ::listen(listener, 1) == 0);
  SPILLWAY_CHECK(::getsockname(listener, generic, &size) == 0);
  other = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (small_buffers) MakeSmall(other);
  SPILLWAY_CHECK(::connect(other, generic, size) == 0);
  fd_ = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  SPILLWAY_CHECK(fd_ >= 0);
  ::close(listener);
}

WirePeer::~WirePeer() {
  if (fd_ >= 0) ::close(fd_);
}

void WirePeer::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;  // the other side is gone; what the test waits for will tell
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void WirePeer::SendPreface(
    std::initializer_list<std::pair<std::uint16_t, std::uint32_t>> settings) {
  Send(h2::Settings(settings) + h2::SettingsAck());
}

bool WirePeer::Await(std::string_view line) {
  return AwaitThat([line](const h2::SeenFrame& frame) { return h2::Describe(frame) == line; });
}

bool WirePeer::AwaitThat(const std::function<bool(const h2::SeenFrame&)>& wanted) {
  while (true) {
    const auto found = std::find_if(frames_.begin(), frames_.end(), wanted);
    if (found != frames_.end()) {
      frames_.erase(found);
      return true;
    }
    if (!ReadMore()) return false;
  }
}

bool WirePeer::AwaitEnd() {
  while (ReadMore()) {
  }
  char byte = 0;
  const ssize_t got = ::recv(fd_, &byte, 1, MSG_DONTWAIT);
  return got == 0 || (got < 0 && errno != EAGAIN);
}

std::string WirePeer::seen() const {
  std::string all;
  for (const h2::SeenFrame& frame : frames_) all += h2::Describe(frame) + "; ";
  return all;
}

bool WirePeer::Saw(std::string_view line) const {
  return std::any_of(frames_.begin(), frames_.end(),
                     [line](const h2::SeenFrame& frame) { return h2::Describe(frame) == line; });
}

bool WirePeer::ReadMore() {
  pollfd waiting{fd_, POLLIN, 0};
  if (::poll(&waiting, 1, kPatienceMs) <= 0) return false;
  std::array<char, 65536> buffer;
  const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
  if (got <= 0) return false;
  bytes_.append(buffer.data(), static_cast<std::size_t>(got));
  if (!preface_seen_) {
    if (bytes_.size() < h2::kPreface.size()) return true;
    SPILLWAY_CHECK(bytes_.starts_with(h2::kPreface));
    bytes_.erase(0, h2::kPreface.size());
    preface_seen_ = true;
  }
  for (h2::SeenFrame& frame : h2::TakeFrames(bytes_)) frames_.push_back(std::move(frame));
  return true;
}

void WirePeer::FinishSending() { ::shutdown(fd_, SHUT_WR); }

void WirePeer::Reset() {
  const linger now{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  ::close(fd_);
  fd_ = -1;
}

}  // namespace spillway
