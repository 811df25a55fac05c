#include "metrics/names.h"

#include <algorithm>

namespace spillway {
namespace {

using enum FamilyType;

constexpr std::string_view kDest = "destination";
constexpr std::string_view kAddress = "server_address";
constexpr std::string_view kPort = "server_port";
constexpr std::string_view kVersion = "network_protocol_version";

constexpr std::array<FamilyInfo, kFamilyCount> kFamilies = {{
    {Family::kRequestDuration,
     "http_client_request_duration_seconds",
     kHistogram,
     "Round trips as their callers saw them, all attempts included.",
     {kAddress, kPort, "http_request_method", "http_response_status_code", "error_type", kVersion},
     BucketSet::kRequest},
    {Family::kActiveRequests,
     "http_client_active_requests",
     kGauge,
     "Round trips running now.",
     {kAddress, kPort, "http_request_method"}},
    {Family::kOpenConnections,
     "http_client_open_connections",
     kGauge,
     "Connections to origins that are open, by whether they carry an exchange (active) or not "
     "(idle).",
     {kAddress, kPort, "http_connection_state", kVersion}},
    {Family::kConnectionDuration,
     "http_client_connection_duration_seconds",
     kHistogram,
     "How long connections to origins lived, observed when they close.",
     {kAddress, kPort, kVersion},
     BucketSet::kLife},
    {Family::kDnsLookup,
     "dns_lookup_duration_seconds",
     kHistogram,
     "Name lookups sent to the resolver; error_type is empty for those that succeeded.",
     {"error_type"},
     BucketSet::kDial},
    {Family::kCallStarted,
     "grpc_server_call_started_total",
     kCounter,
     "gRPC calls that callers started.",
     {"grpc_method"}},
    {Family::kCallDuration,
     "grpc_server_call_duration_seconds",
     kHistogram,
     "gRPC calls from their start to their end.",
     {"grpc_method", "grpc_status"},
     BucketSet::kCall},
    {Family::kCallsActive,
     "spillway_front_calls_active",
     kGauge,
     "gRPC calls running now.",
     {"grpc_method"}},
    {Family::kStreamBytes,
     "spillway_stream_bytes_total",
     kCounter,
     "Body bytes that Stream received from callers and sent to them.",
     {"direction"}},
    {Family::kTunnels,
     "spillway_tunnels_total",
     kCounter,
     "Tunnels that opened on Stream, by how they were asked for.",
     {"kind"}},
    {Family::kTunnelsActive,
     "spillway_tunnels_active",
     kGauge,
     "Tunnels open on Stream now.",
     {"kind"}},
    {Family::kMultiplexBatch,
     "spillway_multiplex_batch_size",
     kHistogram,
     "Calls in a message from a caller of Multiplex, and results in one to it.",
     {"kind"},
     BucketSet::kBatch},
    {Family::kRedirects,
     "spillway_redirects_followed_total",
     kCounter,
     "Redirects that were followed for callers who asked for it.",
     {"http_response_status_code"}},
    {Family::kDecoded,
     "spillway_responses_decoded_total",
     kCounter,
     "Responses whose content coding was undone.",
     {}},
    {Family::kTenantRequests,
     "spillway_tenant_requests_total",
     kCounter,
     "Round trips by who asked for them; tenant is empty for callers who did not have to say.",
     {"tenant"}},
    {Family::kInsecureRemote,
     "spillway_front_insecure_remote",
     kGauge,
     "Listeners that other machines reach in clear text.",
     {}},
    {Family::kFrontCertificateStale,
     "spillway_front_certificate_stale",
     kGauge,
     "1 when the files of the front's certificate cannot be used and an older one stays in force, "
     "else 0.",
     {}},
    {Family::kFrontCertificateExpiry,
     "spillway_front_certificate_expiry_timestamp_seconds",
     kGauge,
     "When the front's certificate expires, in Unix time.",
     {}},
    {Family::kConnecting,
     "spillway_pool_connections_connecting",
     kGauge,
     "Connections being dialled.",
     {kDest}},
    {Family::kDraining,
     "spillway_pool_connections_draining",
     kGauge,
     "Connections that finish their exchanges and then close.",
     {kDest}},
    {Family::kConnectionsLimit,
     "spillway_pool_connections_limit",
     kGauge,
     "Most connections allowed, summed over the pool keys in use.",
     {kDest}},
    {Family::kIdleLimit,
     "spillway_pool_idle_limit",
     kGauge,
     "Most idle connections allowed, summed over the pool keys in use.",
     {kDest}},
    {Family::kQueueLimit,
     "spillway_pool_queue_limit",
     kGauge,
     "Most waiters allowed, summed over the pool keys in use.",
     {kDest}},
    {Family::kQueueLength,
     "spillway_pool_queue_length",
     kGauge,
     "Round trips waiting for a connection now.",
     {kDest}},
    {Family::kQueueSeconds,
     "spillway_pool_queue_request_seconds_total",
     kCounter,
     "Integral of the queue length over time; its rate is the exact mean queue length.",
     {kDest}},
    {Family::kStreamsActive,
     "spillway_pool_streams_active",
     kGauge,
     "Exchanges running on connections now.",
     {kDest}},
    {Family::kStreamsLimit,
     "spillway_pool_streams_limit",
     kGauge,
     "Exchanges that the open connections may carry at once: one each over HTTP/1, what the origin "
     "allows over HTTP/2.",
     {kDest}},
    {Family::kAcquisitions,
     "spillway_pool_acquisitions_total",
     kCounter,
     "Connections granted to round trips, by where they came from.",
     {kDest, "source"}},
    {Family::kAcquisitionWait,
     "spillway_pool_acquisition_wait_seconds",
     kHistogram,
     "How long round trips waited for a connection, by how the wait ended.",
     {kDest, "outcome"},
     BucketSet::kWait},
    {Family::kRejections,
     "spillway_pool_rejections_total",
     kCounter,
     "Round trips that the pool did not serve.",
     {kDest, "reason"}},
    {Family::kConnectionUses,
     "spillway_pool_connection_uses",
     kHistogram,
     "Exchanges that a connection carried, observed when it closes.",
     {kDest, kVersion},
     BucketSet::kUses},
    {Family::kDials,
     "spillway_dials_total",
     kCounter,
     "Dials that ended; error_type is empty for those that succeeded.",
     {kDest, "purpose", "error_type"}},
    {Family::kDialPhase,
     "spillway_dial_phase_duration_seconds",
     kHistogram,
     "Phases of dials that ended well.",
     {kDest, "phase"},
     BucketSet::kDial},
    {Family::kDialsInFlight, "spillway_dials_in_flight", kGauge, "Dials running now.", {kDest}},
    {Family::kDialsUnused,
     "spillway_dials_unused_total",
     kCounter,
     "Dialled connections that closed without ever carrying an exchange.",
     {kDest}},
    {Family::kDialsThrottled,
     "spillway_dials_throttled_total",
     kCounter,
     "Requests for which a dial was wanted and put off, by what held it back.",
     {kDest, "reason"}},
    {Family::kTlsHandshakes,
     "spillway_tls_handshakes_total",
     kCounter,
     "TLS handshakes that ended well, with origins and with proxies, by whether they resumed a "
     "session.",
     {kDest, "tls_protocol_version", "resumed"}},
    {Family::kClosed,
     "spillway_connections_closed_total",
     kCounter,
     "Connections that closed, by reason.",
     {kDest, "reason"}},
    {Family::kStaleReuse,
     "spillway_stale_reuse_total",
     kCounter,
     "Kept connections that had died when they were used again, by what became of the request.",
     {kDest, "result"}},
    {Family::kLearnedIdle,
     "spillway_learned_idle_timeout_seconds",
     kGauge,
     "Shortest idle timeout that the origin announced; 0 when it announced none.",
     {kDest}},
    {Family::kAttempts,
     "spillway_attempts_total",
     kCounter,
     "Attempts on connections; error_type is empty for those that succeeded.",
     {kDest, "kind", "error_type"}},
    {Family::kRetries,
     "spillway_retries_total",
     kCounter,
     "Attempts made again, by the error of the attempt or dial before; response_status when that "
     "was an answer.",
     {kDest, "reason"}},
    {Family::kRetriesSuppressed,
     "spillway_retries_suppressed_total",
     kCounter,
     "Failed attempts that were not made again, by what forbade it.",
     {kDest, "reason"}},
    {Family::kRetryBudget,
     "spillway_retry_budget_remaining_ratio",
     kGauge,
     "What is left of the retry budget, 0 to 1: the least of the pool keys in use.",
     {kDest}},
    {Family::kIoBytes,
     "spillway_io_bytes_total",
     kCounter,
     "Bytes of ended round trips on connections to origins.",
     {kDest, "direction"}},
    {Family::kLoopLag,
     "spillway_event_loop_lag_seconds",
     kHistogram,
     "How late an event loop ran what was due.",
     {"loop"},
     BucketSet::kWait},
    {Family::kReloadSuccessful,
     "spillway_config_last_reload_successful",
     kGauge,
     "1 when the last load of the configuration succeeded, else 0.",
     {}},
    {Family::kReloadTime,
     "spillway_config_last_reload_success_timestamp_seconds",
     kGauge,
     "When the configuration was last loaded with success, in Unix time.",
     {}},
    {Family::kReloadFailures,
     "spillway_config_reload_failures_total",
     kCounter,
     "Loads of the configuration that were refused, by what was wrong.",
     {"cause"}},
    {Family::kPolicyVersion,
     "spillway_policy_version",
     kGauge,
     "Version of the policy in force; it rises by one with each change.",
     {}},
    {Family::kStaleFiles,
     "spillway_config_stale_files",
     kGauge,
     "Watched files (configuration, certificates, keys, roots, credentials) whose content is not "
     "the one in force; when it stays above 0, a change was refused.",
     {}},
    {Family::kCertificateExpiry,
     "spillway_certificate_expiry_timestamp_seconds",
     kGauge,
     "When the client certificate of a TLS profile expires, in Unix time.",
     {"name"}},
    {Family::kInsecureProfiles,
     "spillway_tls_insecure_profiles",
     kGauge,
     "TLS profiles in force that verify nothing.",
     {}},
    {Family::kBuildInfo,
     "spillway_build_info",
     kGauge,
     "Always 1; its labels say what runs.",
     {"version", "commit"}},
    {Family::kFolded,
     "spillway_metrics_series_folded_total",
     kCounter,
     "Label sets (for round trips: single ones) that count in the catch-all destination because "
     "their family was full.",
     {"family"}},
}};

constexpr bool IdsMatchPositions() {
  for (std::size_t i = 0; i < kFamilyCount; ++i) {
    if (static_cast<std::size_t>(kFamilies[i].id) != i) return false;
  }
  return true;
}
static_assert(IdsMatchPositions());

template <std::size_t N>
std::size_t IndexOrLast(const std::array<std::string_view, N>& list, std::string_view value) {
  const auto found = std::find(list.begin(), list.end() - 1, value);
  return static_cast<std::size_t>(found - list.begin());
}

}  // namespace

std::span<const FamilyInfo, kFamilyCount> AllFamilies() { return kFamilies; }

const FamilyInfo& Info(Family family) { return kFamilies.at(static_cast<std::size_t>(family)); }

std::span<const std::int64_t> Bounds(BucketSet set) {
  switch (set) {
    case BucketSet::kNone:
      return {};
    case BucketSet::kWait:
      return kWaitBounds;
    case BucketSet::kDial:
      return kDialBounds;
    case BucketSet::kRequest:
      return kRequestBounds;
    case BucketSet::kLife:
      return kLifeBounds;
    case BucketSet::kUses:
      return kUsesBounds;
    case BucketSet::kCall:
      return kCallBounds;
    case BucketSet::kBatch:
      return kBatchBounds;
  }
  return {};
}

double Divisor(BucketSet set) {
  return set == BucketSet::kUses || set == BucketSet::kBatch ? 1.0 : 1e9;
}

std::size_t MethodIndex(std::string_view method) { return IndexOrLast(kMethods, method); }

std::size_t ProtocolIndex(std::string_view protocol) {
  if (protocol == "HTTP/1.1") return 2;
  if (protocol == "HTTP/1.0") return 1;
  if (protocol == "HTTP/2") return 3;
  return 0;
}

std::size_t KeyProtocolIndex(std::string_view protocol) {
  if (protocol == "http/1.1") return 2;
  if (protocol == "h2" || protocol == "h2c") return 3;
  return 0;
}

std::size_t TlsVersionIndex(std::string_view version) {
  if (version.starts_with("TLSv")) version.remove_prefix(4);
  return IndexOrLast(kTlsVersions, version);
}

std::size_t CallMethodIndex(std::string_view method) {
  if (!method.empty() && method.front() == '/') method.remove_prefix(1);
  return IndexOrLast(kCallMethods, method);
}

std::size_t CallCodeIndex(std::string_view name) {
  constexpr std::size_t kUnknown = 2;
  static_assert(kCallCodes[kUnknown] == "UNKNOWN");
  const auto found = std::find(kCallCodes.begin(), kCallCodes.end(), name);
  if (found == kCallCodes.end()) return kUnknown;
  return static_cast<std::size_t>(found - kCallCodes.begin());
}

}  // namespace spillway
