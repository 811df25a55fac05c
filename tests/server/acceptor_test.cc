#include "server/acceptor.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <set>

namespace spillway {
namespace {

Listener LoopbackListener() {
  const Result<ListenAddress> address = ParseListenAddress("127.0.0.1:0", "test");
  Result<Listener> listener = Listener::Open(*address, "--test", 0600);
  EXPECT_TRUE(listener.has_value());
  return std::move(*listener);
}

// Connects without blocking the test when nobody accepts: the kernel's backlog does.
int Dial(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return fd;
}

// Takes connections over and keeps them until told.
class Taken {
 public:
  void Add(int fd) {
    const std::lock_guard lock(mutex_);
    fds_.push_back(fd);
    changed_.notify_all();
  }
  std::vector<int> Await(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return fds_.size() >= count; });
    return fds_;
  }
  void CloseAll() {
    const std::lock_guard lock(mutex_);
    for (const int fd : fds_) ::close(fd);
    fds_.clear();
  }
  ~Taken() { CloseAll(); }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<int> fds_;
};

struct Running {
  explicit Running(std::uint32_t cap, std::function<int(int)> accept = nullptr) {
    std::vector<Listener> listeners;
    listeners.push_back(LoopbackListener());
    port = listeners.front().address().port;
    acceptor.emplace(Acceptor::Options{.listeners = std::move(listeners),
                                       .max_connections = cap,
                                       .on_connection = [this](int, int fd) { taken.Add(fd); },
                                       .accept = std::move(accept)});
    acceptor->Start();
  }
  std::uint16_t port = 0;
  Taken taken;
  std::optional<Acceptor> acceptor;
};

// True when the peer closed.
bool SeesEnd(int fd) {
  char byte = 0;
  return ::recv(fd, &byte, 1, 0) <= 0;
}

TEST(Acceptor, HandsOnEveryConnection) {
  Running running(100);
  std::vector<int> callers;
  for (int i = 0; i < 50; ++i) callers.push_back(Dial(running.port));
  const std::vector<int> taken = running.taken.Await(50);
  EXPECT_EQ(std::set<int>(taken.begin(), taken.end()).size(), 50u);
  for (const int fd : taken) {
    int no_delay = 0;
    socklen_t length = sizeof no_delay;
    ASSERT_EQ(::getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, &length), 0);
    EXPECT_EQ(no_delay, 1);
  }
  EXPECT_EQ(running.acceptor->stats().accepted, 50u);
  for (const int fd : callers) ::close(fd);
}

TEST(Acceptor, ClosesConnectionsAboveTheCapAndTakesNewOnesWhenOthersEnd) {
  Running running(3);
  std::vector<int> callers;
  for (int i = 0; i < 3; ++i) callers.push_back(Dial(running.port));
  running.taken.Await(3);
  const int refused = Dial(running.port);
  EXPECT_TRUE(SeesEnd(refused));
  EXPECT_EQ(running.acceptor->stats().over_cap, 1u);
  ::close(refused);

  running.taken.CloseAll();
  // Whether connections ended is looked at again only after a while, so some more may be refused.
  int accepted = -1;
  for (int i = 0; i < 1000 && running.acceptor->stats().accepted == 3; ++i) {
    if (accepted >= 0) ::close(accepted);
    accepted = Dial(running.port);
    timeval brief = {0, 1000};
    ::setsockopt(accepted, SOL_SOCKET, SO_RCVTIMEO, &brief, sizeof brief);
    char byte = 0;
    static_cast<void>(!::recv(accepted, &byte, 1, 0));
  }
  EXPECT_EQ(running.acceptor->stats().accepted, 4u);
  ::close(accepted);
  for (const int fd : callers) ::close(fd);
}

TEST(Acceptor, GoesOnAfterEveryErrorOfAccept) {
  struct Row {
    int error;
    bool pauses;
  };
  const Row rows[] = {
      {ECONNABORTED, false}, {EPROTO, false},      {EPERM, false},  {ENETDOWN, false},
      {ENOPROTOOPT, false},  {EHOSTDOWN, false},   {ENONET, false}, {EHOSTUNREACH, false},
      {EOPNOTSUPP, false},   {ENETUNREACH, false}, {EINTR, false},  {ETIMEDOUT, false},
      {EMFILE, true},        {ENFILE, true},       {ENOBUFS, true}, {ENOMEM, true},
      {EINVAL, true},
  };
  for (const Row& row : rows) {
    std::atomic<int> failures{2};
    Running running(100, [&](int listener_fd) {
      if (failures.fetch_sub(1) > 0) {
        errno = row.error;
        return -1;
      }
      return ::accept4(listener_fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    });
    const int caller = Dial(running.port);
    running.taken.Await(1);
    const AcceptorStats stats = running.acceptor->stats();
    EXPECT_EQ(stats.backoffs, row.pauses ? 2u : 0u) << strerror(row.error);
    EXPECT_EQ(stats.aborted, row.pauses ? 0u : 2u) << strerror(row.error);
    ::close(caller);
  }
}

TEST(Acceptor, StopsAtOnceAlsoWhilePaused) {
  Running running(100, [](int) {
    errno = EMFILE;
    return -1;
  });
  const int caller = Dial(running.port);
  while (running.acceptor->stats().backoffs == 0) std::this_thread::yield();
  running.acceptor->Stop();
  EXPECT_TRUE(SeesEnd(caller)) << "the backlog goes with the listener";
  ::close(caller);
  running.acceptor->Stop();
}

}  // namespace
}  // namespace spillway
