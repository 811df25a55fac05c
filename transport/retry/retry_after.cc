// Retry-After (RFC 9110 10.2.3), and when a response was made.

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>

#include "transport/base/decimal.h"
#include "transport/retry/retry_policy.h"

namespace spillway {
namespace {

constexpr std::uint64_t kMaxRetryAfterSeconds = 365ULL * 24 * 3600;

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::optional<unsigned> MonthOf(std::string_view name) {
  for (std::size_t i = 0; i < kMonths.size(); ++i) {
    if (kMonths.at(i) == name) return static_cast<unsigned>(i + 1);
  }
  return std::nullopt;
}

// Seconds of "08:49:37".
std::optional<std::chrono::seconds> TimeOfDay(std::string_view text) {
  if (text.size() != 8 || text[2] != ':' || text[5] != ':') return std::nullopt;
  const auto hours = ParseDecimal(text.substr(0, 2), 23);
  const auto minutes = ParseDecimal(text.substr(3, 2), 59);
  const auto seconds = ParseDecimal(text.substr(6, 2), 60);
  if (!hours || !minutes || !seconds) return std::nullopt;
  return std::chrono::seconds(*hours * 3600 + *minutes * 60 + *seconds);
}

// An IMF-fixdate, "Sun, 06 Nov 1994 08:49:37 GMT", since 1970; the obsolete forms are left alone.
std::optional<std::chrono::seconds> DateOf(std::string_view text) {
  constexpr std::size_t kLength = 29;
  if (text.size() != kLength || text.substr(3, 2) != ", " || !text.ends_with(" GMT")) {
    return std::nullopt;
  }
  const auto day = ParseDecimal(text.substr(5, 2), 31);
  const auto month = MonthOf(text.substr(8, 3));
  const auto year = ParseDecimal(text.substr(12, 4), 9999);
  const auto time = TimeOfDay(text.substr(17, 8));
  if (!day || !month || !year || !time) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(*month),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch() + *time;
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
  const std::optional<std::chrono::seconds> from = DateOf(*made);
  const std::optional<std::chrono::seconds> until = DateOf(*value);
  if (!from.has_value() || !until.has_value()) return std::nullopt;
  if (*until <= *from) return Duration::zero();
  return std::min<std::chrono::seconds>(*until - *from,
                                        std::chrono::seconds(kMaxRetryAfterSeconds));
}

}  // namespace spillway
