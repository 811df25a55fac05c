// Any Set-Cookie lines into a jar.
//
// Input: the URL that sets, a line end, the URL that asks, a line end, then a Set-Cookie line each.
// Oracles: a parsed cookie satisfies set_cookie.h and reads the same once more; what the jar gives
// back may stand in a field, is within its limits, never crosses a public suffix or from secure to
// clear text, and is gone when it has expired; its counts are those of what it holds.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "transport/base/check.h"
#include "transport/base/field_rules.h"
#include "transport/client/cookie_jar.h"
#include "transport/client/public_suffix.h"

namespace spillway {
namespace {

const WallTime kNow{std::chrono::seconds(1700000000)};

std::string_view TakeLine(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

void CheckParse(std::string_view line) {
  const std::optional<SetCookie> cookie = ParseSetCookie(line, kNow);
  static_cast<void>(ParseCookieDate(line));
  if (!cookie.has_value()) return;
  SPILLWAY_CHECK(IsToken(cookie->name) && IsFieldValue(cookie->value));
  SPILLWAY_CHECK(cookie->value.find(';') == std::string::npos);
  SPILLWAY_CHECK(cookie->name.size() + cookie->value.size() <= kMaxCookieBytes);
  SPILLWAY_CHECK(cookie->path.empty() || cookie->path.front() == '/');
  SPILLWAY_CHECK(!cookie->expires.has_value() || *cookie->expires <= kNow + kMaxCookieAge);
  const std::string pair = cookie->name + "=" + cookie->value;
  const std::optional<SetCookie> again = ParseSetCookie(pair, kNow);
  SPILLWAY_CHECK(again.has_value() && again->name == cookie->name && again->value == cookie->value);
  SPILLWAY_CHECK(WithoutCookie(pair, cookie->name).empty());
  SPILLWAY_CHECK(WithoutCookie("x=y; " + pair, cookie->name) == (cookie->name == "x" ? "" : "x=y"));
}

void Run(std::string_view text) {
  const Result<Url> from = ParseUrl(TakeLine(text));
  const Result<Url> to = ParseUrl(TakeLine(text));
  if (from.has_error() || to.has_error()) return;
  const CookiePlace sets = PlaceOf(*from);
  const CookiePlace asks = PlaceOf(*to);
  constexpr std::size_t kMaxCookies = 5;
  CookieJar jar(kMaxCookies);
  while (!text.empty()) {
    const std::string_view line = TakeLine(text);
    CheckParse(line);
    jar.Store(sets, HeaderList{{"Set-Cookie", std::string(line)}}, kNow);
    SPILLWAY_CHECK(jar.size() <= kMaxCookies);
    SPILLWAY_CHECK((jar.size() == 0) == (jar.bytes() == 0));
  }
  const std::string line = jar.LineFor(asks, kNow);
  SPILLWAY_CHECK(IsFieldValue(line) && line.size() <= kMaxCookieLineBytes);
  const bool same_host = sets.host == asks.host;
  if (!line.empty() && !same_host) {
    const bool names = sets.host_kind == HostKind::kName && asks.host_kind == HostKind::kName;
    SPILLWAY_CHECK(names && SiteOf(sets.host) == SiteOf(asks.host));
    SPILLWAY_CHECK(!IsPublicSuffix(asks.host) && !IsPublicSuffix(sets.host));
  }
  SPILLWAY_CHECK(jar.LineFor(asks, kNow) == line);
  const bool none = jar.size() == 0;
  const std::string late = jar.LineFor(asks, kNow + kMaxCookieAge);
  SPILLWAY_CHECK(late.size() <= line.size() && (!none || late.empty()));
}

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  spillway::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
