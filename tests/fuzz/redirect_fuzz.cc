// Any Location into the rules for redirects.
//
// Input: a byte that picks the status and the method, then the URL of the first hop, a line end,
// and the Location; further lines are the Locations of further hops. Oracles: a hop's URL satisfies
// url.h and resolves from itself to itself; another origin never gets a credential, and none comes
// back; no body without a method that carries it; errors repeat nothing of the Location (C-074).

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "transport/base/check.h"
#include "transport/client/redirect.h"

namespace spillway {
namespace {

constexpr std::uint32_t kStatuses[] = {301, 302, 303, 307, 308, 300, 304, 200};
constexpr const char* kMethods[] = {"GET", "HEAD", "POST", "QUERY", "PUT", "CONNECT"};

std::string_view TakeLine(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

void CheckUrl(const Url& url) {
  const Result<Url> again = ParseUrl(url.Text());
  SPILLWAY_CHECK(again.has_value() && *again == url);
  // A reference that is a whole URL means itself, whatever it is seen from. Dot segments of a URL
  // that a caller wrote stay; one that a Location gave has none.
  const auto absolute = ResolveReference(*ParseUrl("http://base.test/a/b?c"), url.Text());
  SPILLWAY_CHECK(absolute.has_value() && absolute->has_value());
  SPILLWAY_CHECK(**absolute == url || url.target.find("/.") != std::string::npos);
  const auto same = ResolveReference(url, "");
  SPILLWAY_CHECK(same.has_value() && same->has_value() && **same == url);
}

void CheckHop(const Hop& from, const Hop& to, bool& left) {
  CheckUrl(to.head.url);
  left = left || !SameOrigin(from.head.url, to.head.url);
  for (const char* name : {"Authorization", "Cookie"}) {
    SPILLWAY_CHECK(to.head.headers.Has(name) == !left);
  }
  SPILLWAY_CHECK(!to.has_body || from.has_body);
  SPILLWAY_CHECK(to.has_body || to.head.method == from.head.method || to.head.method == "GET");
  SPILLWAY_CHECK(!to.has_body || to.head.headers.Has("Content-Type"));
  SPILLWAY_CHECK(to.head.headers.Count("Referer") <= 1);
  const bool downgrade = from.head.url.scheme == "https" && to.head.url.scheme == "http";
  SPILLWAY_CHECK(to.head.headers.Has("Referer") != downgrade);
  if (const auto host = to.head.headers.Find("Host")) {
    SPILLWAY_CHECK(SameOrigin(from.head.url, to.head.url));
  }
}

void Run(std::string_view text) {
  if (text.empty()) return;
  const auto pick = static_cast<unsigned char>(text.front());
  text.remove_prefix(1);
  const Result<Url> url = ParseUrl(TakeLine(text));
  if (url.has_error()) return;
  Hop hop;
  hop.head.method = kMethods[(pick >> 3U) % 6];
  hop.head.url = *url;
  hop.head.headers = HeaderList{{"Host", "named.test"},
                                {"Authorization", "secret"},
                                {"Cookie", "secret=1"},
                                {"Content-Type", "x/y"}};
  hop.has_body = (pick & 0x40U) != 0;
  hop.body_replayable = true;
  bool left = false;
  for (int hops = 0; hops < 10 && !text.empty(); ++hops) {
    const std::string location(TakeLine(text));
    const Result<std::optional<Hop>> next =
        NextHop(hop, kStatuses[pick & 7U], HeaderList{{"Location", location}});
    if (next.has_error()) {
      const Failure& failure = next.error();
      SPILLWAY_CHECK(failure.reason == Reason::kHttpProtocolError && failure.field.empty());
      SPILLWAY_CHECK(location.size() < 24 || failure.message.find(location) == std::string::npos);
      return;
    }
    if (!next->has_value()) return;
    CheckHop(hop, **next, left);
    hop = **next;
  }
}

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  spillway::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
