#include "server/access_log.h"

#include <algorithm>
#include <chrono>

#include "transport/base/url.h"

namespace spillway {
namespace {

constexpr std::size_t kMaxMethodBytes = 32;
constexpr std::size_t kMaxPathBytes = 256;
constexpr std::size_t kMaxIdentityBytes = 256;

std::string Cut(std::string_view text, std::size_t max) {
  if (text.size() <= max) return std::string(text);
  return std::string(text.substr(0, max)) + "...";
}

struct Target {
  std::string host;
  std::string port;
  std::string path;
};

// Nothing of a URL that does not parse: who knows what stands where in it.
Target TargetOf(std::string_view text) {
  const Result<Url> url = ParseUrl(text);
  if (!url.has_value()) return {};
  const std::string_view path = std::string_view(url->target).substr(0, url->target.find('?'));
  return {url->host, std::to_string(url->port), Cut(path, kMaxPathBytes)};
}

// A method is a token; anything else was refused and is not repeated.
std::string MethodOf(std::string_view method) {
  const bool plain = std::all_of(method.begin(), method.end(),
                                 [](char c) { return c > ' ' && c < 0x7f && c != '"'; });
  return plain ? Cut(method, kMaxMethodBytes) : "";
}

std::uint64_t Microseconds(Duration time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(
      0, std::chrono::duration_cast<std::chrono::microseconds>(time).count()));
}

}  // namespace

void AccessLog::Write(const AccessEntry& entry) {
  if (mode_ == AccessLogMode::kOff) return;
  if (mode_ == AccessLogMode::kFailures && entry.failure == nullptr) return;
  if (!LogEnabled(LogLevel::kInfo)) return;
  std::uint64_t suppressed = 0;
  if (!Allow(suppressed)) return;
  static const RoundTripRecord kNone;
  const RoundTripRecord& record = entry.record != nullptr ? *entry.record : kNone;
  const Target target = TargetOf(entry.url);
  const std::string destination = record.destination != nullptr ? *record.destination : "";
  Log(LogLevel::kInfo, "access",
      {{"method", MethodOf(!entry.method.empty() || entry.url.empty() ? entry.method : "GET")},
       {"host", target.host},
       {"port", target.port},
       {"path", target.path},
       {"status", std::uint64_t{record.status}},
       {"reason", entry.failure != nullptr ? Label(entry.failure->reason) : std::string_view()},
       {"delivery", entry.failure != nullptr ? Label(entry.failure->delivery) : std::string_view()},
       {"duration_us", Microseconds(entry.duration)},
       {"attempts", std::uint64_t{record.attempts}},
       {"reused", record.reused ? "true" : "false"},
       {"destination", destination},
       {"identity", Cut(entry.identity, kMaxIdentityBytes)},
       {"suppressed", suppressed}});
}

bool AccessLog::Allow(std::uint64_t& suppressed) {
  constexpr int kCountBits = 24;
  constexpr std::uint64_t kCountMask = (std::uint64_t{1} << kCountBits) - 1;
  const auto second =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(
                                     std::chrono::steady_clock::now().time_since_epoch())
                                     .count());
  std::uint64_t window = window_.load(std::memory_order_relaxed);
  std::uint64_t next = 0;
  do {
    const bool same = (window >> kCountBits) == second;
    if (same && (window & kCountMask) >= kLinesPerSecond) {
      suppressed_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    next = same ? window + 1 : (second << kCountBits) + 1;
  } while (!window_.compare_exchange_weak(window, next, std::memory_order_relaxed));
  suppressed = suppressed_.exchange(0, std::memory_order_relaxed);
  return true;
}

}  // namespace spillway
