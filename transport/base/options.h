// Every limit and timeout the transport knows, with its default: the one place for defaults.
//
// Thread safety: plain values.
// Invariants: a Duration of zero or less never means "no limit"; kForever does.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "transport/base/instant.h"

namespace spillway {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// Limits of one pool key.
struct PoolLimits {
  std::uint32_t max_connections = 1024;     // dialling + open (L1)
  std::uint32_t max_idle = 1024;            // kept unused (I5); above it the returned one is closed
  std::uint32_t max_waiters = 1000;         // queue length; above it a request is refused at once
  std::uint32_t max_dials = 64;             // dials in flight
  Duration queue_timeout = kForever;        // longest wait for a connection, on top of the deadline
  Duration idle_timeout = seconds(50);      // below the common 60 s of origins
  Duration keep_alive_margin = seconds(1);  // taken off an origin's Keep-Alive: timeout=N
  Duration max_age = minutes(10);
  double max_age_jitter = 0.1;  // each connection's age limit is shortened by up to this
  std::uint32_t max_uses = 0;   // exchanges per connection; 0 is unlimited
  // HTTP/2: exchanges at once on one connection, whatever more its origin allows.
  std::uint32_t max_streams = 100;
  // HTTP/2: another connection is opened when each has this many, so that no slow one holds up all.
  std::uint32_t target_streams = 50;
  Duration backoff_initial = milliseconds(100);  // after a failed dial, per key
  Duration backoff_max = seconds(10);
};

// Named limits in time of one round trip. The earlier of these and the deadline applies.
struct Timeouts {
  Duration total = kForever;            // whole round trip, when the caller gave no deadline
  Duration connect = seconds(10);       // DNS + TCP + proxy + TLS, all of it
  Duration tls_handshake = seconds(5);  // one handshake; each hop has its own
  Duration proxy = seconds(5);          // CONNECT or SOCKS5, from the request to the answer
  Duration connect_attempt_gap = milliseconds(250);  // RFC 8305: next address joins the race
  Duration write_stall = seconds(30);                // no byte of the request accepted
  Duration response_header = seconds(60);  // request written -> head; off when there is a deadline
  Duration body_stall = minutes(5);        // between body bytes; off when there is a deadline
  Duration caller_stall = minutes(
      5);  // the caller gives no more of its body, takes no more of the response; off likewise
  Duration expect_continue = seconds(1);  // for the origin's 100 after Expect: 100-continue (E2)
  Duration tunnel_idle = kForever;        // an open tunnel without a byte in either direction
};

// Limits on what an origin may send (hostile-cases.md 6.7).
struct ResponseLimits {
  std::size_t max_status_line_bytes = std::size_t{8} * 1024;
  std::size_t max_header_bytes =
      std::size_t{64} * 1024;  // all heads of an exchange, 1xx and trailers included
  std::size_t max_header_fields = 500;
  std::uint32_t max_informational = 16;
  std::size_t max_chunk_line_bytes = std::size_t{4} * 1024;
  std::size_t max_chunk_overhead_bytes =
      std::size_t{16} * 1024;     // beyond 16 + 2n per chunk (O-056)
  bool keep_alive_http10 = true;  // reuse an HTTP/1.0 connection that asks for it
};

// How we speak HTTP/2, and what we bear of an origin (hostile-cases.md 6.7).
struct Http2Limits {
  std::uint32_t stream_window = 256 * 1024;           // receive window of a stream, bytes
  std::uint32_t connection_window = 4 * 1024 * 1024;  // of a connection
  Duration settings_timeout = seconds(5);  // for the peer's SETTINGS, and for its ACK of ours
  Duration ping_interval = seconds(30);    // nothing read for this long: PING (H9)
  Duration ping_timeout = seconds(15);     // nothing read for this long after it: dead (O-201)
  std::uint32_t control_burst = 100;       // PING, SETTINGS, PRIORITY, unknown, empty DATA: each
  std::uint32_t control_per_second = 50;
  std::uint32_t reset_burst = 100;  // RST_STREAM, theirs and those they make us send
  std::uint32_t reset_per_second = 30;
};

struct RetryLimits {
  std::uint32_t max_attempts = 3;  // attempts that reached a connection; 1 means never retry
  double budget_ratio = 0.2;       // retries that could double work, per request
  double budget_per_second = 10;   // and besides, however few requests there are
  double budget_burst = 10;        // tokens at rest
  // Statuses that are answered by another attempt, if the request is idempotent or its body was
  // never asked for (421, 425, 429, 503 ...); none by default: a status is the caller's.
  std::vector<std::uint32_t> statuses;
  bool on_connect_failure = false;  // dial again, after a pause, when no connection could be had
  bool on_reset = false;            // also when the connection was fresh (against Y3)
  Duration backoff_initial = milliseconds(50);  // pause before the second attempt; doubles, full
  Duration backoff_max = seconds(2);            // jitter, and never past the deadline
  Duration retry_after_max = seconds(10);  // an origin's Retry-After above it is not waited for
  // Of a streamed body, kept from its beginning to send it again.
  std::size_t replay_buffer_bytes = std::size_t{64} * 1024;
};

// What a destination lets its callers do beyond plain exchanges, and how bodies pass.
struct StreamLimits {
  bool allow_upgrade = true;   // "Connection: upgrade", WebSocket
  bool allow_connect = false;  // method CONNECT: the origin then decides where it leads
  // Of one exchange, in each direction, between the caller and the origin.
  std::size_t buffer_bytes = std::size_t{256} * 1024;
};

// What is done with a content coding that we asked for.
enum class Decompression : std::uint8_t {
  kPolicy,       // as the destination says
  kAuto,         // ask for it and undo it, as Go's transport does (Z1, Z2)
  kPassThrough,  // bodies as the origin sent them
};

// What http.Client does, as far as the destination allows it.
struct ClientLimits {
  Decompression decompression = Decompression::kPassThrough;  // of requests that say kPolicy
  bool brotli = false;                                        // offered besides gzip with kAuto
  bool zstd = false;
  std::uint64_t max_expansion = 100;  // decoded bytes per received one, beyond the first 64 KiB
};

// Cookie jars of all callers. A jar is known by the identity of its owner and the name it gave.
struct CookieLimits {
  bool enabled = false;
  bool allow_anonymous = false;  // jars for callers without an identity, shared by all of those
  std::uint32_t max_jars = 1000;
  std::uint32_t max_cookies_per_jar = 1000;
  std::uint64_t max_bytes = std::uint64_t{64} * 1024 * 1024;  // of all jars together
  Duration idle_timeout = hours(1);                           // of a jar that nobody uses

  bool operator==(const CookieLimits&) const = default;
};

// Process-wide.
struct ProcessLimits {
  std::uint32_t max_connections = 0;  // origin connections; 0: from the descriptor limit
  std::uint32_t loops = 0;            // event loop threads; 0: cores minus one, at least one
  std::uint32_t resolver_threads = 4;
  std::uint32_t max_pending_lookups = 1000;
  Duration dns_positive_ttl = minutes(5);  // at most, and what is less than the name's TTL wins
  Duration dns_negative_ttl = seconds(1);
  std::uint32_t max_dns_entries = 10000;
  std::uint32_t max_addresses = 64;  // of one name
};

}  // namespace spillway
