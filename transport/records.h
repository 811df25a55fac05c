// What happened, once each: records of dials, attempts, round trips and connections.
//
// What it is: plain values handed to observers (observer.h) and to sinks. Counters and histograms
// are made from records; levels are made from snapshots, so that they cannot drift.
// Thread safety: plain values.

#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "transport/base/failure.h"
#include "transport/base/instant.h"
#include "transport/base/options.h"
#include "transport/base/pool_key.h"
#include "transport/base/tls_facts.h"
#include "transport/pool/action.h"
#include "transport/pool/host_pool.h"

namespace spillway {

// Facts of a connection that never change after it opened. Shared by all its exchanges.
struct ConnectionInfo {
  std::uint64_t id = 0;       // unique within the process, from 1
  std::string local_address;  // "127.0.0.1:40312", "[::1]:80"
  std::string remote_address;
  std::string protocol = "HTTP/1.1";
  std::string proxy;            // ProxyServer::Text() of the one used; "" when direct
  std::string alpn;             // what TLS with the origin agreed on; "" when nothing
  std::optional<TlsFacts> tls;  // with the origin
  Duration dns{};
  Duration connect{};   // TCP, to the proxy when there is one
  Duration proxying{};  // CONNECT or SOCKS5, and TLS with the proxy
  Duration securing{};  // TLS with the origin
  Instant opened{};
};

// How long each phase of a round trip took; zero when it did not happen. Sums over attempts; dns
// and connect are those of the dial this round trip waited for.
struct Timings {
  Duration queue{};
  Duration dns{};
  Duration connect{};
  Duration proxy{};
  Duration tls{};
  Duration write{};
  Duration first_byte{};
  Duration total{};
};

enum class AttemptKind : std::uint8_t { kFirst, kReplay, kRetry };
// kReplay: nothing of the previous attempt can have been processed (NOT_SENT, UNPROCESSED, stale
// connection). kRetry: it may have been, and the request is idempotent.
std::string_view Label(AttemptKind kind);

// One exchange of a chain of redirects, the last one included.
struct HopRecord {
  std::string url;  // without userinfo
  std::uint32_t status = 0;
};

struct AttemptRecord {
  AttemptKind kind = AttemptKind::kFirst;
  bool reused = false;
  std::uint64_t connection_id = 0;
  Instant started{};
  Instant ended{};
  Reason error = Reason::kNone;
  Delivery delivery = Delivery::kNone;
  std::uint32_t status = 0;  // of a response that was answered by another attempt
};

// A moment on the timeline of a round trip (ExchangeDetail timeline).
struct TimelineEvent {
  enum class Kind : std::uint8_t {
    kStarted,
    kQueued,
    kGranted,
    kWritten,
    kInformational,
    kFirstByte,
    kHead,
    kRetry,
    kEnded
  } kind = Kind::kStarted;
  Instant at{};
};
std::string_view Label(TimelineEvent::Kind kind);

inline constexpr std::size_t kMaxTimelineEvents = 64;
inline constexpr std::size_t kMaxHops = 50;

struct RoundTripRecord {
  std::string method;                              // as sent
  std::shared_ptr<const std::string> destination;  // policy entry's name; "" for the fallback
  std::shared_ptr<const std::string> rule;  // the match that chose it; "" or null for the fallback
  std::uint64_t policy_version = 0;
  std::uint32_t status = 0;  // 0 when no head arrived
  std::optional<Failure> failure;
  std::uint32_t attempts = 0;
  bool reused = false;                               // last attempt's connection
  Duration idle_time{};                              // how long it had lain idle
  std::shared_ptr<const ConnectionInfo> connection;  // last attempt's; null when none
  Timings timings;
  std::uint64_t bytes_sent = 0;  // on sockets, all attempts
  std::uint64_t bytes_received = 0;
  std::uint64_t response_body_bytes = 0;
  std::vector<AttemptRecord> attempt_log;  // at most RetryLimits::max_attempts + stale grants
  std::vector<TimelineEvent> timeline;     // only when asked for
  Instant started{};
  std::string url;              // of the last hop; "" when nothing was followed
  std::vector<HopRecord> hops;  // when redirects were followed; at most kMaxHops
  bool uncompressed = false;    // the body was decoded here
};

enum class DialPurpose : std::uint8_t { kDemand, kWarm, kProbe };
std::string_view Label(DialPurpose purpose);

struct DialRecord {
  DialPurpose purpose = DialPurpose::kDemand;
  Reason error = Reason::kNone;
  Duration dns{};
  Duration tcp{};
  bool resolved = false;  // the dns phase ended well
  bool connected = false;
  Duration proxying{};   // CONNECT or SOCKS5, and TLS with the proxy
  Duration securing{};   // TLS with the origin
  bool proxied = false;  // the way through the proxy was opened
  std::optional<TlsFacts> proxy_tls = {};
  std::optional<TlsFacts> tls = {};
};

struct ConnectionRecord {
  CloseReason reason = CloseReason::kError;
  std::uint64_t uses = 0;
  Duration age{};
  std::string protocol = {};  // ConnectionInfo::protocol
};

// From where an acquisition was served. Label(): idle, stream, new, coalesced.
enum class AcquireSource : std::uint8_t { kIdle, kStream, kNew, kCoalesced };
std::string_view Label(AcquireSource source);

enum class AcquireOutcome : std::uint8_t { kOk, kTimeout, kCancelled, kRejected, kFailed };
std::string_view Label(AcquireOutcome outcome);

// Why a request was not served by the pool.
enum class Rejection : std::uint8_t {
  kQueueFull,
  kWaitTimeout,
  kDeadline,
  kTenantQuota,
  kFdLimit,
  kBreakerOpen,
  kDraining
};
std::string_view Label(Rejection rejection);

enum class StaleResult : std::uint8_t { kCaughtBeforeWrite, kReplayed, kSurfaced };
std::string_view Label(StaleResult result);

enum class RetrySuppressed : std::uint8_t {
  kBudget,
  kNotIdempotent,
  kBodyNotReplayable,
  kDeadline,
  kMaxAttempts
};
std::string_view Label(RetrySuppressed why);

// How one pool key stands.
struct PoolSnapshot {
  PoolKey key;
  std::string destination;  // policy entry's name, "" for the fallback
  PoolLimits limits;
  HostPoolSnapshot state;
  std::string protocol;  // ConnectionInfo::protocol of an open connection; "" when there is none
  Duration oldest_connection_age{};
};

}  // namespace spillway
