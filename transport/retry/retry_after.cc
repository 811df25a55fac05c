// Retry-After (RFC 9110 10.2.3), and when a response was made.

#include <array>
#include <ctime>

#include "transport/base/ascii.h"
#include "transport/base/decimal.h"
#include "transport/retry/retry_policy.h"

namespace spillway {
namespace {

constexpr std::uint64_t kMaxRetryAfterSeconds = 365ULL * 24 * 3600;

// An IMF-fixdate, "Sun, 06 Nov 1994 08:49:37 GMT", in seconds since 1970; the obsolete forms are
// left alone.
std::optional<std::int64_t> DateOf(std::string_view text) {
  const std::string date(text);
  std::tm parts{};
  const char* end = ::strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return static_cast<std::int64_t>(::timegm(&parts));
}

}  // namespace

std::optional<Duration> RetryAfterOf(const HeaderList& headers) {
  const std::optional<std::string_view> value = headers.Find("Retry-After");
  if (!value.has_value()) return std::nullopt;
  if (const auto delay = ParseDecimal(*value, kMaxRetryAfterSeconds)) {
    return std::chrono::seconds(*delay);
  }
  const std::optional<std::string_view> made = headers.Find("Date");
  if (!made.has_value()) return std::nullopt;
  const std::optional<std::int64_t> from = DateOf(*made);
  const std::optional<std::int64_t> until = DateOf(*value);
  if (!from.has_value() || !until.has_value()) return std::nullopt;
  if (*until <= *from) return Duration::zero();
  const auto wait = static_cast<std::uint64_t>(*until - *from);
  return std::chrono::seconds(wait < kMaxRetryAfterSeconds ? wait : kMaxRetryAfterSeconds);
}

}  // namespace spillway
