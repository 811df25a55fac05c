// Who is at the other end of a Unix socket, as far as each call.
//
// What it is: gRPC tells a call nothing of the connection it came on, and every caller over a Unix
// socket has the same peer string. What it does let us choose is the credentials of an acceptor. So
// there is a fixed number of acceptors, each for one user id at a time, whose credentials write
// that id into the authentication context of its connections. Credentials for local connections
// cost no byte on the wire: callers need none of their own.
// What it owns: the acceptors, once Attach was called on the builder of a server.
// Thread safety: Attach before the server starts; HandOn from the acceptor's thread alone.
// Invariants: a connection is handed on only under the id that the kernel tells (SO_PEERCRED), or
// closed; an acceptor changes its id only when all its connections have been gone for
// kQuarantine, so that no late call of the former can be taken for one of the latter.

#pragma once

#include <grpcpp/grpcpp.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "server/live_sockets.h"
#include "server/log.h"

namespace spillway {

class UnixIdentities {
 public:
  using Clock = std::chrono::steady_clock;
  // User ids that can have connections at the same time.
  static constexpr std::size_t kDefaultSlots = 128;
  static constexpr std::chrono::seconds kQuarantine{60};
  // The property of an authentication context: "uid:1000".
  static constexpr char kProperty[] = "spillway_uid";

  UnixIdentities() = default;
  ~UnixIdentities();
  UnixIdentities(const UnixIdentities&) = delete;
  UnixIdentities& operator=(const UnixIdentities&) = delete;

  void Attach(grpc::ServerBuilder& builder, std::size_t slots = kDefaultSlots);
  // Takes over the connection `fd`.
  void HandOn(int listener_fd, int fd, Clock::time_point now);
  // Of the caller; tests replace it.
  using PeerUid = std::optional<uid_t> (*)(int fd);
  void set_peer_uid(PeerUid peer_uid) { peer_uid_ = peer_uid; }

 private:
  class Stamp;
  struct Slot {
    std::shared_ptr<Stamp> stamp;
    std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor;
    std::optional<uid_t> uid;
    LiveSockets sockets;
    std::size_t look_at = 0;                       // sockets when it is time to forget some
    std::optional<Clock::time_point> empty_since;  // as far as it was looked at
  };

  Slot* SlotFor(uid_t uid, Clock::time_point now);
  Slot* Reclaim(Clock::time_point now);

  std::vector<Slot> slots_;
  PeerUid peer_uid_ = nullptr;
  LogLimiter limiter_;
};

}  // namespace spillway
