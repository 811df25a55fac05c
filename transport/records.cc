#include "transport/records.h"

namespace spillway {
namespace {

template <typename Enum, std::size_t N>
constexpr std::string_view At(const std::array<std::string_view, N>& labels, Enum value) {
  return labels.at(static_cast<std::size_t>(value));
}

template <typename Enum>
constexpr std::size_t CountUpTo(Enum last) {
  return static_cast<std::size_t>(last) + 1;
}

}  // namespace

std::string_view Label(AttemptKind kind) {
  static constexpr std::array<std::string_view, CountUpTo(AttemptKind::kRetry)> kLabels = {
      "first", "replay", "retry"};
  return At(kLabels, kind);
}

std::string_view Label(TimelineEvent::Kind kind) {
  static constexpr std::array<std::string_view, CountUpTo(TimelineEvent::Kind::kRedirect)> kLabels =
      {"started",    "queued",     "granted",       "written",         "informational",
       "first_byte", "head",       "retry",         "ended",           "not_granted",
       "dns_start",  "dns_done",   "connect_start", "connect_done",    "proxy_start",
       "proxy_done", "tls_start",  "tls_done",      "headers_written", "wait_100",
       "got_100",    "first_data", "body_done",     "put_idle",        "backoff",
       "redirect"};
  return At(kLabels, kind);
}

std::string_view Label(DialPurpose purpose) {
  static constexpr std::array<std::string_view, CountUpTo(DialPurpose::kProbe)> kLabels = {
      "demand", "warm", "probe"};
  return At(kLabels, purpose);
}

std::string_view Label(AcquireSource source) {
  static constexpr std::array<std::string_view, CountUpTo(AcquireSource::kCoalesced)> kLabels = {
      "idle", "stream", "new", "coalesced"};
  return At(kLabels, source);
}

std::string_view Label(AcquireOutcome outcome) {
  static constexpr std::array<std::string_view, CountUpTo(AcquireOutcome::kFailed)> kLabels = {
      "ok", "timeout", "cancelled", "rejected", "failed"};
  return At(kLabels, outcome);
}

std::string_view Label(Rejection rejection) {
  static constexpr std::array<std::string_view, CountUpTo(Rejection::kDraining)> kLabels = {
      "queue_full", "wait_timeout", "deadline", "tenant_quota",
      "fd_limit",   "breaker_open", "draining"};
  return At(kLabels, rejection);
}

std::string_view Label(DialThrottle throttle) {
  static constexpr std::array<std::string_view, CountUpTo(DialThrottle::kBackoff)> kLabels = {
      "concurrency", "backoff"};
  return At(kLabels, throttle);
}

std::string_view Label(StaleResult result) {
  static constexpr std::array<std::string_view, CountUpTo(StaleResult::kSurfaced)> kLabels = {
      "caught_before_write", "replayed", "surfaced"};
  return At(kLabels, result);
}

std::string_view Label(RetrySuppressed why) {
  static constexpr std::array<std::string_view, CountUpTo(RetrySuppressed::kMaxAttempts)> kLabels =
      {"budget", "not_idempotent", "body_not_replayable", "deadline", "max_attempts"};
  return At(kLabels, why);
}

}  // namespace spillway
