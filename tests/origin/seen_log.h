// The book an origin keeps of what it saw.
//
// What it owns: one SeenConnection per accepted connection, in order of accept.
// Thread safety: every function may be called from any thread; readers get copies.
// Invariants: connection numbers start at 1 and are never reused.

#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "tests/origin/board.h"
#include "tests/origin/seen.h"

namespace spillway {

class SeenLog {
 public:
  // `keep_requests` false: requests are counted and forgotten, for long loads.
  explicit SeenLog(bool keep_requests) : keep_requests_(keep_requests) {}

  std::uint64_t Open();
  void OnBytes(std::uint64_t connection, std::size_t count, std::uint64_t segments);
  void OnTls(std::uint64_t connection, const SeenTls& tls);
  void OnHttp2(std::uint64_t connection, const SeenHttp2& http2);
  // Of the last request on `stream`.
  void OnStreamBody(std::uint64_t connection, std::uint32_t stream, std::string_view body,
                    bool complete);
  void OnHead(std::uint64_t connection, const SeenRequest& request);
  void OnBody(std::uint64_t connection, std::string_view body, bool complete);
  void OnStray(std::uint64_t connection, std::string_view bytes);
  void OnPeerEnd(std::uint64_t connection, PeerEnd end);
  void OnClosed(std::uint64_t connection);
  void Note(std::uint64_t connection, std::string what);

  std::vector<SeenConnection> Snapshot() const;
  // What the TLS client of `connection` showed.
  SeenTls TlsOf(std::uint64_t connection) const;
  std::uint64_t connection_count() const;
  std::uint64_t request_count() const;
  // Waits until `done` holds for what was seen; false when it did not in time.
  bool Await(const std::function<bool(const std::vector<SeenConnection>&)>& done,
             std::chrono::milliseconds patience = kEventPatience) const;

 private:
  // Longest story and stray text kept of one connection.
  static constexpr std::size_t kMaxStory = 1000;
  static constexpr std::size_t kMaxStray = 4096;

  void Change(std::uint64_t connection, const std::function<void(SeenConnection&)>& change);

  const bool keep_requests_;
  mutable std::mutex mu_;
  mutable std::condition_variable changed_;
  std::vector<SeenConnection> connections_;
};

}  // namespace spillway
