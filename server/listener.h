// A socket that listens, for TCP or a Unix socket.
//
// What it is: opening is where a taken port or a stale socket file is noticed and put in words.
// What it owns: the descriptor, and the socket file of a Unix socket while it is still this one.
// Thread safety: none; moved to whoever accepts from it.
// Invariants: the descriptor is non-blocking and closed on exec.

#pragma once

#include <sys/types.h>

#include <string>

#include "server/listen_address.h"
#include "transport/base/failure.h"

namespace spillway {

class Listener {
 public:
  // A stale socket file is replaced when nobody listens on it; its folder is made with mode 0700
  // when it is missing. `unix_mode` is the socket file's. Whether other machines may reach the
  // address is decided before (server/remote_rule.h). Errors: a message naming `flag` and the
  // address.
  static Result<Listener> Open(const ListenAddress& address, std::string_view flag,
                               mode_t unix_mode);

  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&& other) noexcept;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() { Close(); }

  int fd() const { return fd_; }
  // As bound: port 0 has become a number.
  const ListenAddress& address() const { return address_; }
  void Close();

 private:
  Listener(int fd, ListenAddress address) : fd_(fd), address_(std::move(address)) {}

  int fd_ = -1;
  ListenAddress address_;
  ino_t file_ = 0;  // of a Unix socket's file
};

}  // namespace spillway
