#include "transport/io/plain_stream.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>

#include "transport/base/check.h"

namespace spillway {
namespace {

// Far below IOV_MAX; more parts than this gain nothing in one call.
constexpr std::size_t kMaxGather = 64;

bool WouldBlock(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace

Failure SocketFailure(int error) {
  Failure failure{Reason::kConnectionTerminated, Source::kOrigin, Phase::kNone, Delivery::kUnknown};
  failure.message = error == ECONNRESET || error == EPIPE
                        ? "the peer reset the connection"
                        : "connection lost: " + std::generic_category().message(error);
  return failure;
}

ByteStream::Io PlainStream::Read(std::span<char> into) {
  SPILLWAY_CHECK(!into.empty());
  if (ended_) return {Status::kEnd};
  if (read_error_ != 0) return {Status::kError};
  ssize_t got = 0;
  do {
    got = ::recv(descriptor_, into.data(), into.size(), MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got > 0) return {Status::kOk, static_cast<std::size_t>(got)};
  if (got == 0) {
    // The kernel tells an error once, to whoever asks first. Told to a write, it leaves an end here
    // that the peer never sent; EPIPE alone means that the peer's end had come before.
    if (write_error_ != 0 && write_error_ != EPIPE) {
      last_error_ = read_error_ = write_error_;
      return {Status::kError};
    }
    ended_ = true;
    return {Status::kEnd};
  }
  if (WouldBlock(errno)) return {Status::kWantRead};
  last_error_ = read_error_ = errno;
  return {Status::kError};
}

ByteStream::Io PlainStream::Write(std::span<const iovec> parts) {
  if (write_error_ != 0) return {Status::kError};
  msghdr message{};
  // sendmsg does not write through the pointer.
  message.msg_iov = const_cast<iovec*>(parts.data());
  message.msg_iovlen = std::min(parts.size(), kMaxGather);
  ssize_t accepted = 0;
  do {
    accepted = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (accepted < 0 && errno == EINTR);
  if (accepted > 0) return {Status::kOk, static_cast<std::size_t>(accepted)};
  SPILLWAY_CHECK_NOTE(accepted != 0, "a write has at least one byte");
  if (WouldBlock(errno)) return {Status::kWantWrite};
  last_error_ = write_error_ = errno;
  return {Status::kError};
}

bool PlainStream::Quiet() {
  if (ended_ || read_error_ != 0) return false;
  char byte = 0;
  ssize_t seen = 0;
  do {
    seen = ::recv(descriptor_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  } while (seen < 0 && errno == EINTR);
  if (seen >= 0) return false;
  if (WouldBlock(errno)) return true;
  last_error_ = read_error_ = errno;  // it is told only once
  return false;
}

void PlainStream::Shutdown() { ::shutdown(descriptor_, SHUT_WR); }

}  // namespace spillway
