// The socket of one accepted connection, blocking but always interruptible.
//
// What it owns: the descriptor.
// Thread safety: none, one thread plays one connection; the stop descriptor, shared by all, becomes
// readable when everybody must leave.
// Errors: none thrown; a result tells whether the peer is still there.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace spillway {

class Peer {
 public:
  enum class Got : std::uint8_t { kBytes, kNothing, kFin, kReset, kStopped };

  Peer(int fd, int stop_fd);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  // Waits for bytes and appends them. kNothing only when `wait_ms` (-1: for ever) is over.
  Got Receive(std::string& into, int wait_ms = -1);
  // Waits until the peer hung up, without reading. kFin: it did, in whatever way; kNothing:
  // `wait_us` is over; kStopped.
  Got AwaitHangUp(std::int64_t wait_us = -1);
  // False when the peer is gone or everybody must leave.
  bool Send(std::string_view bytes, bool urgent = false);
  // From here to Release what is sent is kept, and then leaves in one piece.
  void Hold() { held_.emplace(); }
  bool Release();
  // Waits until the peer's program has read everything sent so far; false when it is gone.
  bool AwaitTaken();

  // TCP segments with data that have come so far.
  std::uint64_t DataSegments() const;

  void ShutdownSend();
  void ShutdownReceive();
  void Close();
  void Reset();
  bool closed() const { return fd_ < 0; }

 private:
  int fd_;
  const int stop_fd_;
  std::optional<std::string> held_;
};

// Bytes waiting unread in the socket that is the other end of `fd`, a loopback TCP socket; -1 when
// there is no such socket any more.
std::int64_t UnreadAtOtherEnd(int fd);

}  // namespace spillway
