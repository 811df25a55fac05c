#include "transport/client/set_cookie.h"

#include <algorithm>
#include <utility>

#include "transport/base/ascii.h"
#include "transport/base/decimal.h"
#include "transport/base/header_list.h"

namespace spillway {
namespace {

// Takes what stands before the next ";", which goes, too.
std::string_view TakePart(std::string_view& text) {
  const std::size_t end = text.find(';');
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return TrimBlanks(part);
}

struct Pair {
  std::string_view name;
  std::string_view value;
  bool has_value = false;
};

Pair SplitPair(std::string_view part) {
  const std::size_t mark = part.find('=');
  if (mark == std::string_view::npos) return {part, {}, false};
  return {TrimBlanks(part.substr(0, mark)), TrimBlanks(part.substr(mark + 1)), true};
}

// Seconds from `now`: digits, perhaps with a "-" before them. Anything else is no Max-Age.
std::optional<WallTime> ExpiryFromMaxAge(std::string_view text, WallTime now) {
  const bool negative = text.starts_with('-');
  const std::string_view digits = text.substr(negative ? 1 : 0);
  if (digits.empty() || !std::all_of(digits.begin(), digits.end(), IsDigit)) return std::nullopt;
  const WallTime latest = now + kMaxCookieAge;
  if (negative) return WallTime::min();
  const std::optional<std::uint64_t> age = ParseDecimal(digits);
  if (!age.has_value()) return latest;  // beyond 64 bits
  if (*age == 0) return WallTime::min();
  const std::chrono::seconds most = kMaxCookieAge;
  if (*age >= static_cast<std::uint64_t>(most.count())) return latest;
  return now + std::chrono::seconds(static_cast<std::int64_t>(*age));
}

class Attributes {
 public:
  Attributes(SetCookie& cookie, WallTime now) : cookie_(cookie), now_(now) {}

  void Take(std::string_view part) {
    const auto [name, value, has_value] = SplitPair(part);
    if (value.size() > kMaxAttributeBytes) return;
    if (EqualsIgnoreCase(name, "expires")) {
      if (const auto date = ParseCookieDate(value)) {
        by_date_ = std::min(*date, now_ + kMaxCookieAge);
      }
    } else if (EqualsIgnoreCase(name, "max-age")) {
      if (const auto expiry = ExpiryFromMaxAge(value, now_)) by_age_ = expiry;
    } else if (EqualsIgnoreCase(name, "domain")) {
      cookie_.domain = value.substr(value.starts_with('.') ? 1 : 0);
    } else if (EqualsIgnoreCase(name, "path")) {
      cookie_.path = value.starts_with('/') ? value : std::string_view();
    } else if (EqualsIgnoreCase(name, "secure")) {
      cookie_.secure = true;
    }
  }

  // J4: Max-Age wins.
  std::optional<WallTime> Expiry() const { return by_age_.has_value() ? by_age_ : by_date_; }

 private:
  SetCookie& cookie_;
  const WallTime now_;
  std::optional<WallTime> by_date_;
  std::optional<WallTime> by_age_;
};

}  // namespace

std::optional<SetCookie> ParseSetCookie(std::string_view line, WallTime now) {
  if (!AreFieldBytes(line)) return std::nullopt;
  const Pair pair = SplitPair(TakePart(line));
  // A cookie without a name would be sent back looking like one with another name.
  if (!pair.has_value || pair.name.empty() || !AreTokenBytes(pair.name)) return std::nullopt;
  if (pair.name.size() + pair.value.size() > kMaxCookieBytes) return std::nullopt;
  SetCookie cookie;
  cookie.name = pair.name;
  cookie.value = pair.value;
  Attributes attributes(cookie, now);
  while (!line.empty()) attributes.Take(TakePart(line));
  cookie.expires = attributes.Expiry();
  return cookie;
}

std::string WithoutCookie(std::string_view cookie_line, std::string_view name) {
  std::string rest;
  while (!cookie_line.empty()) {
    const std::string_view part = TakePart(cookie_line);
    if (part.empty() || SplitPair(part).name == name) continue;
    if (!rest.empty()) rest += "; ";
    rest += part;
  }
  return rest;
}

}  // namespace spillway
