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
#include <string_view>
#include <vector>

#include "transport/base/dial_step.h"
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
  DialSteps dial;  // of the dial that opened it
};

// How long each phase of a round trip took; zero when it did not happen. Sums over attempts. The
// phases do not overlap: dns, connect, proxy and tls are what this round trip waited for of the
// dial, and queue is the rest of its waits. So their sum is never more than `total`.
struct Timings {
  Duration queue{};  // for a connection that others used, or for a place to dial
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

// A redirect that was followed: who answered with it, and how.
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
  std::uint32_t status = 0;   // of a response that was answered by another attempt
  Duration backoff{};         // the pause before it
  std::uint64_t span_id = 0;  // in its traceparent; 0: that was the caller's, or there was none
};

// A moment on the timeline of a round trip (ExchangeDetail timeline): httptrace's events (M1 to M7)
// and what it has none for. Members keep their places: the wire counts on them.
struct TimelineEvent {
  enum class Kind : std::uint8_t {
    kStarted,
    kQueued,         // asked the pool for a connection
    kGranted,        // got one; `note` is the AcquireSource
    kWritten,        // the whole request
    kInformational,  // `status`
    kFirstByte,
    kHead,          // `status`
    kRetry,         // `note` is the reason, or `status` what is answered by another attempt
    kEnded,         // `note` is the failure's reason
    kNotGranted,    // got none; `note` is the reason
    kDnsStart,      // of the dial that was waited for, until kTlsDone; those that end have the
    kDnsDone,       // reason of their failure in `note`
    kConnectStart,  // TCP
    kConnectDone,
    kProxyStart,  // CONNECT or SOCKS5
    kProxyDone,
    kTlsStart,  // `note` is "proxy" when TLS is the proxy's own
    kTlsDone,
    kHeadersWritten,
    kWait100,  // the body waits for a 100 from here
    kGot100,
    kFirstData,  // of the response body
    kBodyDone,   // the response was read to its end
    kPutIdle,    // HTTP/1: the connection went back; `note` says why it could not be kept
    kBackoff,    // a pause before the next attempt began
    kRedirect,   // `status` of the response that was followed
  } kind = Kind::kStarted;
  Instant at{};
  std::uint32_t attempt = 0;  // counted from 1; 0: tied to none
  std::uint32_t status = 0;
  std::uint64_t span_id = 0;   // kGranted: AttemptRecord::span_id
  std::string_view note = {};  // a word that lives as long as the program
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

// What held back a dial that a waiter wanted.
enum class DialThrottle : std::uint8_t {
  kConcurrency,  // as many dials are in flight as may be
  kBackoff,      // dials failed: a pause, or one probe at a time
};
std::string_view Label(DialThrottle throttle);

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
  double retry_budget = 1;  // what is left of it, 0 to 1
};

}  // namespace spillway
