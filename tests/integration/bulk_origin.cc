#include "tests/integration/bulk_origin.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "tests/integration/bulk_connection.h"
#include "tests/origin/listen.h"
#include "tests/origin/text.h"

namespace spillway {
namespace {

constexpr std::size_t kReadBytes = 256 * 1024;

void Raise(int event_fd) {
  const std::uint64_t one = 1;
  if (write(event_fd, &one, sizeof one) != sizeof one) std::abort();
}

}  // namespace

void BulkSocket::Wait(bool to_read, bool to_write) const {
  const int events = (to_read ? POLLIN : 0) | (to_write ? POLLOUT : 0);
  std::array<pollfd, 2> waits = {pollfd{fd_, static_cast<short>(events), 0},
                                 pollfd{wake_fd_, POLLIN, 0}};
  poll(waits.data(), waits.size(), -1);
  std::uint64_t count = 0;
  if (waits[1].revents != 0 && read(wake_fd_, &count, sizeof count) != sizeof count) std::abort();
}

bool BulkSocket::HungUp() const {
  std::array<pollfd, 2> waits = {pollfd{fd_, POLLRDHUP, 0}, pollfd{wake_fd_, POLLIN, 0}};
  poll(waits.data(), waits.size(), -1);
  std::uint64_t count = 0;
  if (waits[1].revents != 0 && read(wake_fd_, &count, sizeof count) != sizeof count) std::abort();
  return waits[0].revents != 0;
}

long BulkSocket::Read(char* buffer, std::size_t size) const {
  const ssize_t count = recv(fd_, buffer, size, MSG_DONTWAIT);
  if (count > 0) return count;
  return count < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

long BulkSocket::Write(std::string_view bytes) const {
  const ssize_t count = send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (count >= 0) return count;
  return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

bool BulkSocket::ReadMore(const BulkState& state, std::string& into) const {
  const std::size_t before = into.size();
  while (!state.stopping) {
    into.resize(before + kReadBytes);
    const long count = Read(into.data() + before, kReadBytes);
    into.resize(before + static_cast<std::size_t>(count > 0 ? count : 0));
    if (count != 0) return count > 0;
    Wait(true, false);
  }
  return false;
}

bool BulkSocket::WriteAll(const BulkState& state, std::string_view bytes) const {
  while (!bytes.empty() && !state.stopping) {
    const long count = Write(bytes);
    if (count < 0) return false;
    if (count == 0) Wait(false, true);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return bytes.empty();
}

std::uint64_t BulkBytesOf(std::string_view path) {
  return ReadNumber(path.substr(path.rfind('/') + 1)).value_or(0);
}

std::string BulkReceipt(const BulkReader& reader) {
  return std::to_string(reader.bytes()) + " " + std::to_string(reader.checksum()) +
         (reader.right() ? " right" : " wrong");
}

BulkOrigin::BulkOrigin(bool http2) : http2_(http2) {
  const BoundSocket bound = BindLoopback("127.0.0.1", 0);
  if (bound.fd < 0 || listen(bound.fd, 4096) != 0) std::abort();
  listen_fd_ = bound.fd;
  port_ = bound.port;
  accept_thread_ = std::thread([this] { AcceptLoop(); });
}

BulkOrigin::~BulkOrigin() {
  state_.stopping = true;
  shutdown(listen_fd_, SHUT_RDWR);
  accept_thread_.join();
  WakeAll();
  for (std::thread& thread : threads_) thread.join();
  for (const int wake : wakes_) close(wake);
  close(listen_fd_);
}

std::string BulkOrigin::url(const std::string& path) const {
  return "http://127.0.0.1:" + std::to_string(port_) + path;
}

void BulkOrigin::Release() {
  state_.released = true;
  WakeAll();
}

void BulkOrigin::WakeAll() {
  const std::lock_guard lock(mu_);
  for (const int wake : wakes_) Raise(wake);
}

void BulkOrigin::AcceptLoop() {
  pollfd wait{listen_fd_, POLLIN, 0};
  for (;;) {
    poll(&wait, 1, -1);
    if (state_.stopping) return;
    const int fd = accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    ++state_.connections;
    const int wake = eventfd(0, EFD_CLOEXEC);
    const std::lock_guard lock(mu_);
    wakes_.push_back(wake);
    threads_.emplace_back([this, fd, wake] {
      const BulkSocket socket(fd, wake);
      http2_ ? ServeBulkHttp2(state_, socket) : ServeBulkHttp1(state_, socket);
      close(fd);
    });
  }
}

}  // namespace spillway
