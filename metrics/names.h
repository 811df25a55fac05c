// Every metric family of the daemon: name, type, help, labels and buckets, in one table.
//
// What it is: the contract with dashboards. docs/metrics.md is checked against it by a test.
// Families that OpenTelemetry's semantic conventions define carry their Prometheus spelling and
// label names; all others start with `spillway_`.
// Thread safety: constants.
// Invariants: kFamilies[i].id == i. A label's values come from closed lists, from configuration or
// from the cardinality guard (destination_guard.h), never from a request's or an origin's text.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace spillway {

enum class Family : std::uint8_t {
  kRequestDuration,
  kActiveRequests,
  kOpenConnections,
  kConnectionDuration,
  kDnsLookup,
  kCallStarted,
  kCallDuration,
  kCallsActive,
  kStreamBytes,
  kTunnels,
  kTunnelsActive,
  kMultiplexBatch,
  kRedirects,
  kDecoded,
  kTenantRequests,
  kInsecureRemote,
  kFrontCertificateStale,
  kFrontCertificateExpiry,
  kConnecting,
  kDraining,
  kConnectionsLimit,
  kIdleLimit,
  kQueueLimit,
  kQueueLength,
  kQueueSeconds,
  kStreamsActive,
  kStreamsLimit,
  kAcquisitions,
  kAcquisitionWait,
  kRejections,
  kConnectionUses,
  kDials,
  kDialPhase,
  kDialsInFlight,
  kDialsUnused,
  kDialsThrottled,
  kTlsHandshakes,
  kClosed,
  kStaleReuse,
  kLearnedIdle,
  kAttempts,
  kRetries,
  kRetriesSuppressed,
  kRetryBudget,
  kIoBytes,
  kLoopLag,
  kReloadSuccessful,
  kReloadTime,
  kReloadFailures,
  kPolicyVersion,
  kStaleFiles,
  kCertificateExpiry,
  kInsecureProfiles,
  kBuildInfo,
  kFolded,
  kCount,
};
inline constexpr std::size_t kFamilyCount = static_cast<std::size_t>(Family::kCount);

enum class FamilyType : std::uint8_t { kCounter, kGauge, kHistogram };

// Upper bounds of histograms. Times are in nanoseconds here and in seconds on /metrics.
enum class BucketSet : std::uint8_t { kNone, kWait, kDial, kRequest, kLife, kUses, kCall, kBatch };

inline constexpr std::int64_t kMicro = 1'000;
inline constexpr std::int64_t kMilli = 1'000'000;
inline constexpr std::int64_t kSecond = 1'000'000'000;

// W: waits for a connection, loop lag.
inline constexpr std::array<std::int64_t, 20> kWaitBounds = {
    10 * kMicro,   50 * kMicro,   100 * kMicro, 500 * kMicro,  1 * kMilli,
    2500 * kMicro, 5 * kMilli,    10 * kMilli,  25 * kMilli,   50 * kMilli,
    75 * kMilli,   100 * kMilli,  250 * kMilli, 500 * kMilli,  750 * kMilli,
    1 * kSecond,   2500 * kMilli, 5 * kSecond,  7500 * kMilli, 10 * kSecond};
// D: phases of a dial.
inline constexpr std::array<std::int64_t, 14> kDialBounds = {
    500 * kMicro, 1 * kMilli,    2500 * kMicro, 5 * kMilli,   10 * kMilli,
    25 * kMilli,  50 * kMilli,   100 * kMilli,  250 * kMilli, 500 * kMilli,
    1 * kSecond,  2500 * kMilli, 5 * kSecond,   10 * kSecond};
// R: round trips; OpenTelemetry's advice and two more.
inline constexpr std::array<std::int64_t, 16> kRequestBounds = {
    5 * kMilli,    10 * kMilli,  25 * kMilli,  50 * kMilli, 75 * kMilli,   100 * kMilli,
    250 * kMilli,  500 * kMilli, 750 * kMilli, 1 * kSecond, 2500 * kMilli, 5 * kSecond,
    7500 * kMilli, 10 * kSecond, 30 * kSecond, 60 * kSecond};
// L: lives of connections; OpenTelemetry's advice and two more.
inline constexpr std::array<std::int64_t, 16> kLifeBounds = {
    10 * kMilli,   20 * kMilli,   50 * kMilli,   100 * kMilli,  200 * kMilli, 500 * kMilli,
    1 * kSecond,   2 * kSecond,   5 * kSecond,   10 * kSecond,  30 * kSecond, 60 * kSecond,
    120 * kSecond, 300 * kSecond, 900 * kSecond, 3600 * kSecond};
// U: exchanges that a connection carried.
inline constexpr std::array<std::int64_t, 13> kUsesBounds = {1,   2,   5,    10,   25,    50,   100,
                                                             250, 500, 1000, 5000, 10000, 50000};
// B: calls or results in a message of Multiplex.
inline constexpr std::array<std::int64_t, 11> kBatchBounds = {1,  2,   4,   8,   16,  32,
                                                              64, 128, 256, 512, 1024};
// gRPC's own advice for call latency (gRFC A66).
inline constexpr std::array<std::int64_t, 40> kCallBounds = {
    10 * kMicro,  50 * kMicro,  100 * kMicro, 300 * kMicro, 600 * kMicro, 800 * kMicro,
    1 * kMilli,   2 * kMilli,   3 * kMilli,   4 * kMilli,   5 * kMilli,   6 * kMilli,
    8 * kMilli,   10 * kMilli,  13 * kMilli,  16 * kMilli,  20 * kMilli,  25 * kMilli,
    30 * kMilli,  40 * kMilli,  50 * kMilli,  65 * kMilli,  80 * kMilli,  100 * kMilli,
    130 * kMilli, 160 * kMilli, 200 * kMilli, 250 * kMilli, 300 * kMilli, 400 * kMilli,
    500 * kMilli, 650 * kMilli, 800 * kMilli, 1 * kSecond,  2 * kSecond,  5 * kSecond,
    10 * kSecond, 20 * kSecond, 50 * kSecond, 100 * kSecond};

inline constexpr std::size_t kMaxFamilyLabels = 6;

struct FamilyInfo {
  Family id = Family::kCount;
  std::string_view name;
  FamilyType type = FamilyType::kCounter;
  std::string_view help;
  // Names in exposition order; the unused rest is empty.
  std::array<std::string_view, kMaxFamilyLabels> labels{};
  BucketSet buckets = BucketSet::kNone;
};

std::span<const FamilyInfo, kFamilyCount> AllFamilies();
const FamilyInfo& Info(Family family);
// Bounds of a set, in its own unit; empty for kNone.
std::span<const std::int64_t> Bounds(BucketSet set);
// What sums and bounds of a set are divided by on /metrics: 1e9 for times, 1 for counts.
double Divisor(BucketSet set);

// HTTP methods that get a label of their own; everything else is kOtherMethod (case C-079).
inline constexpr std::string_view kOtherMethod = "_OTHER";
inline constexpr std::array<std::string_view, 10> kMethods = {
    "GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "CONNECT", "TRACE", kOtherMethod};
std::size_t MethodIndex(std::string_view method);

// network_protocol_version; index 0 when no connection was had.
inline constexpr std::array<std::string_view, 4> kProtocolVersions = {"", "1.0", "1.1", "2"};
// Of "HTTP/1.1" and the like; 0 when unknown.
std::size_t ProtocolIndex(std::string_view protocol);
// Of PoolKey::protocol ("http/1.1", "h2" ...); 0 when not decided by the key.
std::size_t KeyProtocolIndex(std::string_view protocol);

// tls_protocol_version; the last is for what OpenSSL may call a version one day.
inline constexpr std::array<std::string_view, 3> kTlsVersions = {"1.2", "1.3", "other"};
// Of TlsFacts::version ("TLSv1.3").
std::size_t TlsVersionIndex(std::string_view version);

// gRPC methods that get a label of their own, in the form of gRPC's own metrics (no leading
// slash); everything else is the last.
inline constexpr std::array<std::string_view, 14> kCallMethods = {
    "spillway.v1.Egress/RoundTrip",
    "spillway.v1.Egress/Stream",
    "spillway.v1.Egress/Multiplex",
    "spillway.v1.Admin/ListPools",
    "spillway.v1.Admin/WatchPools",
    "spillway.v1.Admin/CloseIdleConnections",
    "spillway.v1.Admin/Explain",
    "spillway.v1.Admin/GetConfig",
    "spillway.v1.Admin/Reload",
    "spillway.v1.Admin/Drain",
    "grpc.health.v1.Health/Check",
    "grpc.health.v1.Health/Watch",
    "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    "other"};
std::size_t CallMethodIndex(std::string_view method);

// Names of the gRPC status codes 0 to 16; any other name counts as UNKNOWN.
inline constexpr std::array<std::string_view, 17> kCallCodes = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};
std::size_t CallCodeIndex(std::string_view name);

// Label set of what the guard folds together.
inline constexpr std::string_view kOtherDestination = "_other";

}  // namespace spillway
