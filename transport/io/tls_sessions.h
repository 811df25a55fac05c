// Sessions that may be resumed, so that a reconnect costs no certificate check (X9).
//
// What it is: serialized sessions by key, newest first. The key says whose session it is and under
// which policy it was verified; sessions are offered within equal keys only (O-237).
// Thread safety: any thread.
// Invariants: at most `entries` sessions and `bytes` bytes in all and `per_key` under one key, the
// oldest go first (O-239); none older than `max_age` or the server's own limit is given; one that
// may be used once is given once.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "transport/base/instant.h"
#include "transport/base/mutex.h"

namespace spillway {

struct TlsSessionLimits {
  std::size_t entries = 4096;
  std::size_t per_key = 128;
  std::size_t bytes = std::size_t{8} * 1024 * 1024;
  std::size_t session_bytes = std::size_t{16} * 1024;  // one larger is not kept
  Duration max_age = std::chrono::hours(2);
};

struct TlsSession {
  std::string der;           // OpenSSL's serialization, with the peer's certificate
  bool single_use = true;    // TLS 1.3 tickets (RFC 8446 C.4)
  Instant expires = kNever;  // by the server's lifetime
  // The first of the verified chain's certificates to expire, by the wall clock (O-240).
  std::chrono::system_clock::time_point chain_not_after =
      std::chrono::system_clock::time_point::max();
};

struct TlsSessionCounts {
  std::size_t entries = 0;
  std::size_t bytes = 0;
  std::uint64_t stored = 0;
  std::uint64_t given = 0;
  std::uint64_t evicted = 0;  // by a limit
  std::uint64_t expired = 0;
};

class TlsSessionCache {
 public:
  explicit TlsSessionCache(const TlsSessionLimits& limits = {}) : limits_(limits) {}

  void Put(const std::string& key, TlsSession session, Instant now);
  // The newest that is still good.
  std::optional<TlsSession> Take(const std::string& key, Instant now,
                                 std::chrono::system_clock::time_point wall_now);
  // After a handshake that offered one failed.
  void Forget(const std::string& key);

  TlsSessionCounts Counts() const;

 private:
  struct Entry {
    std::string key;
    TlsSession session;
    Instant stored{};
  };
  using Entries = std::list<Entry>;  // oldest first
  using Places = std::vector<Entries::iterator>;

  void Erase(Entries::iterator entry) SPILLWAY_REQUIRES(mu_);

  const TlsSessionLimits limits_;
  mutable Mutex mu_;
  Entries entries_ SPILLWAY_GUARDED_BY(mu_);
  std::unordered_map<std::string, Places> keys_ SPILLWAY_GUARDED_BY(mu_);
  TlsSessionCounts counts_ SPILLWAY_GUARDED_BY(mu_);
};

}  // namespace spillway
