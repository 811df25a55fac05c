// An origin of very large and of very many bodies: made and judged on the fly, none kept.
//
// What it is: GET /down/N answers with the first N bytes of the bulk pattern (bulk_pattern.h); POST
// /up reads such a body and answers with its length, its CRC-32 and whether it was right; POST
// /stuck reads nothing of its body, ever; GET /hold answers with a head and a piece, and ends when
// Release is called. HTTP/2 (h2c) is nghttp2's. What it owns: a listener, a thread for each
// connection. Thread safety: every function may be called from any thread. The destructor ends all
// connections.

#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace spillway {

inline constexpr std::string_view kHeldPiece = "held";

// What the connections of one origin share.
struct BulkState {
  std::atomic<std::uint64_t> bytes_sent{0};
  std::atomic<std::uint64_t> connections{0};
  std::atomic<std::int64_t> open{0};
  std::atomic<bool> released{false};
  std::atomic<bool> stopping{false};
};

class BulkOrigin {
 public:
  explicit BulkOrigin(bool http2);
  ~BulkOrigin();
  BulkOrigin(const BulkOrigin&) = delete;
  BulkOrigin& operator=(const BulkOrigin&) = delete;

  std::string url(const std::string& path) const;
  std::uint16_t port() const { return port_; }
  // Of response bodies, that sockets took (HTTP/1.1) or frames (HTTP/2).
  std::uint64_t bytes_sent() const { return state_.bytes_sent; }
  std::uint64_t connections() const { return state_.connections; }
  // Requests whose answer is not over.
  std::int64_t open() const { return state_.open; }
  // Ends what /hold began, and from now on begins.
  void Release();

 private:
  void AcceptLoop();
  void WakeAll();

  const bool http2_;
  BulkState state_;
  int listen_fd_ = -1;
  std::uint16_t port_ = 0;
  std::mutex mu_;
  std::vector<int> wakes_;  // an eventfd for each connection
  std::vector<std::thread> threads_;
  std::thread accept_thread_;  // last: it uses the rest
};

}  // namespace spillway
