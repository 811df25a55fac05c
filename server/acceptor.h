// Accepts connections and hands them on: the accept loop that gRPC's own should have been.
//
// What it is: one thread over a few listeners. gRPC 1.51's accept loop goes deaf for good after one
// EMFILE (hostile-cases.md finding 1); this one waits a moment and goes on. It also caps the
// connections it has handed on, which gRPC cannot.
// What it owns: the listeners and the thread. Connections belong to whoever gets them; how many of
// them live is found out by looking whether their descriptors still are the same sockets.
// Thread safety: Start and Stop from one thread; stats() from any.
// Invariants: every accepted connection is either handed on or closed.

#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "server/listener.h"
#include "server/live_sockets.h"
#include "server/log.h"
#include "transport/base/instant.h"

namespace spillway {

struct AcceptorStats {
  std::uint64_t accepted = 0;
  std::uint64_t over_cap = 0;  // closed at once because the cap was reached
  std::uint64_t backoffs = 0;  // times that accepting paused for want of descriptors or memory
  std::uint64_t aborted = 0;   // connections that were gone before they were accepted
};

class Acceptor {
 public:
  // How long accepting pauses when descriptors or memory run out (case X-020).
  static constexpr std::chrono::milliseconds kBackoff{100};

  struct Options {
    std::vector<Listener> listeners;
    std::uint32_t max_connections = 0;  // live at once
    // Takes over a connection; called on the acceptor's thread.
    std::function<void(int listener_fd, int fd)> on_connection;
    // accept4, replaced in tests.
    std::function<int(int listener_fd)> accept;
  };

  explicit Acceptor(Options options);
  ~Acceptor() { Stop(); }
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  void Start();
  // Ends the thread and closes the listeners. Idempotent.
  void Stop();
  AcceptorStats stats() const;

 private:
  enum class Accepted : std::uint8_t { kOne, kNone, kPause };

  void Loop();
  void AcceptSome(int listener_fd);
  Accepted AcceptOne(int listener_fd);
  void LogTrouble(std::string_view event, std::string_view why);
  bool HasRoom();

  Options options_;
  int wake_ = -1;
  std::thread thread_;
  bool paused_ = false;      // of the thread
  LiveSockets connections_;  // handed on
  std::chrono::steady_clock::time_point last_look_{};
  LogLimiter limiter_;
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> accepted_{0};
  std::atomic<std::uint64_t> over_cap_{0};
  std::atomic<std::uint64_t> backoffs_{0};
  std::atomic<std::uint64_t> aborted_{0};
};

}  // namespace spillway
