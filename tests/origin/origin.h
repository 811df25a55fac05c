// An HTTP origin that does exactly what a script says, and keeps a book of what it saw.
//
// What it is: a listener on a free loopback port; each accepted connection plays the script of its
// number on a thread of its own. Everything waits for events, nothing sleeps.
// What it owns: the listener, the threads, the log and the board.
// Thread safety: every function may be called from any thread. The destructor ends all connections
// (RST where they were open) and joins.

#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tests/origin/board.h"
#include "tests/origin/player.h"
#include "tests/origin/script.h"
#include "tests/origin/seen.h"
#include "tests/origin/seen_log.h"

namespace spillway {

struct OriginOptions {
  std::string address = "127.0.0.1";  // or "::1", "127.0.0.2" ...
  std::uint16_t port = 0;             // 0: any free one
  std::vector<Script> scripts;        // of connection 1, 2, ...
  Script rest;                        // of all further connections
  Handler handler = {};               // of `serve`; empty: 200 with body "served"
  HeadHook on_head = {};              // of `serve`; empty: none
  int receive_buffer = 0;             // SO_RCVBUF; 0: the system's
  int backlog = 4096;
  bool keep_requests = true;  // SeenLog
  std::string tls = {};       // arguments of the `tls` step that connections begin with
  bool https = false;         // connections begin with it
  bool http2 = false;         // in clear text (h2c)
  TlsKeys tls_keys = {};
  std::string accept_after = {};  // an event to wait for before the first accept
};

class Origin {
 public:
  explicit Origin(OriginOptions options = {});
  // The script of connection 1 as text; aborts the program when it does not parse.
  explicit Origin(std::string_view script);
  ~Origin();
  Origin(const Origin&) = delete;
  Origin& operator=(const Origin&) = delete;

  bool listening() const { return listen_fd_ >= 0; }
  std::uint16_t port() const { return port_; }
  // "http://127.0.0.1:PORT", or https
  std::string url(std::string_view path = "") const;
  Board& board() { return board_; }
  const SeenLog& log() const { return log_; }
  std::vector<SeenConnection> seen() const { return log_.Snapshot(); }

  // Closes the listener: new connections are refused, running ones go on.
  void StopListening();

 private:
  void AcceptLoop();
  void PlayOne(int fd, std::uint64_t number);
  void JoinFinished();

  OriginOptions options_;
  Hooks hooks_;
  Board board_;
  SeenLog log_;
  int listen_fd_ = -1;
  int stop_fd_ = -1;
  int accept_stop_fd_ = -1;
  std::uint16_t port_ = 0;
  std::thread accept_thread_;
  std::mutex threads_mu_;
  std::list<std::thread> threads_;
  std::vector<std::list<std::thread>::iterator> finished_;
};

// Parses `text`; a mistake in it ends the program with a message: a script is part of the test.
Script MustParse(std::string_view text);

// A loopback port where nobody listens: connecting to it is refused while this lives.
class ClosedPort {
 public:
  explicit ClosedPort(const std::string& address = "127.0.0.1", std::uint16_t port = 0);
  ~ClosedPort();
  ClosedPort(const ClosedPort&) = delete;
  ClosedPort& operator=(const ClosedPort&) = delete;
  std::uint16_t port() const { return port_; }

 private:
  int fd_ = -1;
  std::uint16_t port_ = 0;
};

// A loopback port where connecting neither succeeds nor fails: its accept queue is full, so the
// kernel drops each SYN.
class SilentPort {
 public:
  explicit SilentPort(const std::string& address = "127.0.0.1", std::uint16_t port = 0);
  ~SilentPort();
  SilentPort(const SilentPort&) = delete;
  SilentPort& operator=(const SilentPort&) = delete;
  bool ok() const { return fd_ >= 0; }
  std::uint16_t port() const { return port_; }

 private:
  int fd_ = -1;
  std::uint16_t port_ = 0;
  std::vector<int> fillers_;
};

}  // namespace spillway
