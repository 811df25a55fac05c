#include "transport/client/cookie_date.h"

#include <algorithm>
#include <array>

#include "transport/base/ascii.h"
#include "transport/base/header_list.h"

namespace spillway {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                      "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr int kOldestYear = 1601;

bool IsDelimiter(char c) {
  return c == '\t' || (c >= ' ' && c <= '/') || (c >= ';' && c <= '@') || (c >= '[' && c <= '`') ||
         (c >= '{' && c <= '~');
}

// Takes a number of `min` to `max` digits off the front; what follows is no digit.
std::optional<int> TakeNumber(std::string_view& text, std::size_t min, std::size_t max) {
  std::size_t digits = 0;
  int value = 0;
  while (digits < text.size() && IsDigit(text[digits])) {
    if (++digits > max) return std::nullopt;
    value = value * 10 + (text[digits - 1] - '0');
  }
  if (digits < min) return std::nullopt;
  text.remove_prefix(digits);
  return value;
}

struct Parts {
  std::optional<std::chrono::seconds> time;
  std::optional<int> day;
  std::optional<unsigned> month;
  std::optional<int> year;

  void Take(std::string_view token) {
    if (!time.has_value() && TakeTime(token)) return;
    std::string_view rest = token;
    if (!day.has_value() && (day = TakeNumber(rest, 1, 2)).has_value()) return;
    if (!month.has_value() && TakeMonth(token)) return;
    rest = token;
    if (!year.has_value()) year = TakeNumber(rest, 2, 4);
  }

 private:
  bool TakeTime(std::string_view token) {
    std::array<int, 3> fields{};
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (i > 0) {
        if (!token.starts_with(':')) return false;
        token.remove_prefix(1);
      }
      const std::optional<int> number = TakeNumber(token, 1, 2);
      if (!number.has_value()) return false;
      fields[i] = *number;
    }
    // A time that is none makes the whole date none.
    const bool valid = fields[0] <= 23 && fields[1] <= 59 && fields[2] <= 59;
    time = valid ? std::chrono::hours(fields[0]) + std::chrono::minutes(fields[1]) +
                       std::chrono::seconds(fields[2])
                 : std::chrono::seconds(-1);
    return true;
  }

  bool TakeMonth(std::string_view token) {
    for (std::size_t i = 0; i < kMonths.size(); ++i) {
      if (!EqualsIgnoreCase(token.substr(0, 3), kMonths[i])) continue;
      month = static_cast<unsigned>(i + 1);
      return true;
    }
    return false;
  }
};

}  // namespace

std::optional<WallTime> ParseCookieDate(std::string_view text) {
  Parts parts;
  while (!text.empty()) {
    const auto begin = std::find_if_not(text.begin(), text.end(), IsDelimiter);
    const auto end = std::find_if(begin, text.end(), IsDelimiter);
    if (begin != end) parts.Take(std::string_view(begin, end));
    text = std::string_view(end, text.end());
  }
  if (!parts.time || !parts.day || !parts.month || !parts.year) return std::nullopt;
  if (parts.time->count() < 0) return std::nullopt;
  int year = *parts.year;
  if (year >= 70 && year <= 99) year += 1900;
  if (year >= 0 && year <= 69) year += 2000;
  if (year < kOldestYear) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(*parts.month),
                                         std::chrono::day(static_cast<unsigned>(*parts.day))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date) + *parts.time;
}

}  // namespace spillway
