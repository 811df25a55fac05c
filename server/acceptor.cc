#include "server/acceptor.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "transport/base/check.h"

namespace spillway {
namespace {

// Connections taken from one listener before the others get their turn.
constexpr int kBatch = 64;
// Looking through the connections costs a system call each, so not for every connection of a flood.
constexpr std::chrono::milliseconds kLookInterval{10};

void SetNoDelay(int fd) {
  // Fails on Unix sockets, where there is nothing to delay.
  const int on = 1;
  static_cast<void>(::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
}

}  // namespace

Acceptor::Acceptor(Options options) : options_(std::move(options)) {
  SPILLWAY_CHECK(options_.on_connection != nullptr);
  if (options_.accept == nullptr) {
    options_.accept = [](int listener_fd) {
      return ::accept4(listener_fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    };
  }
}

void Acceptor::Start() {
  SPILLWAY_CHECK(!thread_.joinable());
  wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  SPILLWAY_CHECK_NOTE(wake_ >= 0, "eventfd");
  thread_ = std::thread([this] { Loop(); });
}

void Acceptor::Stop() {
  if (thread_.joinable()) {
    stop_.store(true);
    const std::uint64_t one = 1;
    static_cast<void>(!::write(wake_, &one, sizeof one));
    thread_.join();
    ::close(wake_);
  }
  options_.listeners.clear();
}

AcceptorStats Acceptor::stats() const {
  return {.accepted = accepted_.load(),
          .over_cap = over_cap_.load(),
          .backoffs = backoffs_.load(),
          .aborted = aborted_.load()};
}

void Acceptor::Loop() {
  std::vector<pollfd> polled = {{wake_, POLLIN, 0}};
  for (const Listener& listener : options_.listeners) polled.push_back({listener.fd(), POLLIN, 0});
  while (!stop_.load()) {
    // While paused only the wake-up is listened to; connections wait in the kernel's backlog.
    const nfds_t count = paused_ ? 1 : polled.size();
    const int timeout = paused_ ? static_cast<int>(kBackoff.count()) : -1;
    const bool polled_well = ::poll(polled.data(), count, timeout) >= 0;
    const bool was_paused = std::exchange(paused_, false);
    if (!polled_well) {
      paused_ = errno != EINTR;  // no memory, say: wait before trying again
      continue;
    }
    if (was_paused) continue;
    for (std::size_t i = 1; i < polled.size() && !paused_; ++i) {
      if (polled[i].revents != 0) AcceptSome(polled[i].fd);
    }
  }
}

void Acceptor::AcceptSome(int listener_fd) {
  for (int i = 0; i < kBatch && !stop_.load(); ++i) {
    switch (AcceptOne(listener_fd)) {
      case Accepted::kOne:
        continue;
      case Accepted::kNone:
        return;
      case Accepted::kPause:
        backoffs_.fetch_add(1);
        paused_ = true;
        return;
    }
  }
}

Acceptor::Accepted Acceptor::AcceptOne(int listener_fd) {
  const int fd = options_.accept(listener_fd);
  if (fd < 0) {
    switch (errno) {
      case EAGAIN:
        return Accepted::kNone;
      // What accept(2) passes on of a connection that broke in the queue, and the like.
      case EINTR:
      case ECONNABORTED:
      case EPROTO:
      case EPERM:
      case ENETDOWN:
      case ENOPROTOOPT:
      case EHOSTDOWN:
      case ENONET:
      case EHOSTUNREACH:
      case EOPNOTSUPP:
      case ENETUNREACH:
      case ETIMEDOUT:
        aborted_.fetch_add(1);
        return Accepted::kOne;
      default:  // EMFILE, ENFILE, ENOBUFS, ENOMEM, and whatever else must not become a busy loop
        LogTrouble("accepting pauses", strerrorname_np(errno));
        return Accepted::kPause;
    }
  }
  if (!HasRoom()) {
    over_cap_.fetch_add(1);
    ::close(fd);
    LogTrouble("connection refused", "the cap on connections is reached");
    return Accepted::kOne;
  }
  SetNoDelay(fd);
  connections_.Add(fd);
  accepted_.fetch_add(1);
  options_.on_connection(listener_fd, fd);
  return Accepted::kOne;
}

void Acceptor::LogTrouble(std::string_view event, std::string_view why) {
  std::uint64_t suppressed = 0;
  if (!limiter_.Allow(suppressed)) return;
  Log(LogLevel::kWarning, event, {{"why", why}, {"suppressed", suppressed}});
}

bool Acceptor::HasRoom() {
  if (connections_.size() < options_.max_connections) return true;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_look_ < kLookInterval) return false;
  last_look_ = now;
  return connections_.ForgetClosed() < options_.max_connections;
}

}  // namespace spillway
