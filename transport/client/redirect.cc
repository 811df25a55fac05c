#include "transport/client/redirect.h"

#include <algorithm>
#include <array>
#include <utility>

#include "transport/base/ascii.h"

namespace spillway {
namespace {

// What tells an origin who the caller is. Proxy-* is not for origins at all.
constexpr std::array<std::string_view, 4> kCredentials = {"authorization", "cookie", "cookie2",
                                                          "www-authenticate"};

// What describes a body (RFC 9110 15.4), its framing and the handshake about it.
constexpr std::array<std::string_view, 12> kOfBody = {
    "content-encoding", "content-language", "content-length", "content-location",
    "content-type",     "content-range",    "content-md5",    "content-digest",
    "digest",           "last-modified",    "expect",         "trailer"};

bool IsOneOf(std::string_view name, const auto& names) {
  return std::any_of(names.begin(), names.end(),
                     [name](std::string_view known) { return EqualsIgnoreCase(name, known); });
}

bool IsCredential(std::string_view name) {
  constexpr std::string_view kProxy = "proxy-";
  return EqualsIgnoreCase(name.substr(0, kProxy.size()), kProxy) || IsOneOf(name, kCredentials);
}

Failure BadLocation(std::string_view why) {
  Failure failure{Reason::kHttpProtocolError, Source::kOrigin, Phase::kFirstByte,
                  Delivery::kAnswered};
  failure.message = std::string("the redirect cannot be followed: its Location ").append(why);
  return failure;
}

// --- The method (C1) ---

struct Turn {
  std::string_view method;
  bool body = false;
};

// QUERY is safe and its body is the question: 301 and 302 ask it again.
std::optional<Turn> TurnOf(std::string_view method, std::uint32_t status) {
  const bool plain = method == "GET" || method == "HEAD";
  switch (status) {
    case 301:
    case 302:
      if (method == "QUERY") return Turn{method, true};
      return Turn{plain ? method : "GET", false};
    case 303:
      return Turn{plain ? method : "GET", false};
    case 307:
    case 308:
      return Turn{method, true};
    default:
      return std::nullopt;
  }
}

// --- The reference (RFC 3986 5.2) ---

bool IsSchemeByte(char c) { return IsAlpha(c) || IsDigit(c) || c == '+' || c == '-' || c == '.'; }

// The scheme that `text` begins with; "" when it has none.
std::string_view SchemeOf(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || !IsAlpha(text.front())) return {};
  const std::string_view scheme = text.substr(0, colon);
  return std::all_of(scheme.begin(), scheme.end(), IsSchemeByte) ? scheme : std::string_view();
}

// 5.2.4. Works on segments: "." is dropped, ".." drops the one before it, too.
std::string WithoutDotSegments(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    // Each turn begins at a "/".
    const std::size_t next = std::min(path.find('/', 1), path.size());
    const std::string_view segment = path.substr(0, next);
    const bool last = next == path.size();
    path.remove_prefix(next);
    if (segment == "/.") {
      if (last) out += '/';
    } else if (segment == "/..") {
      out.resize(out.rfind('/') == std::string::npos ? 0 : out.rfind('/'));
      if (last) out += '/';
    } else {
      out += segment;
    }
  }
  return out.empty() ? "/" : out;
}

// Percent-encodes blanks and bytes beyond ASCII.
std::string Encoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c != ' ' && byte < 0x80) {
      out += c;
      continue;
    }
    out += '%';
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

struct PathAndQuery {
  std::string_view path;
  std::string_view query;  // with its "?"
};

PathAndQuery Split(std::string_view text) {
  const std::size_t mark = std::min(text.find('?'), text.size());
  return {text.substr(0, mark), text.substr(mark)};
}

// Of a reference that has no authority.
std::string TargetFrom(const Url& base, std::string_view reference) {
  const PathAndQuery from = Split(base.target);
  const PathAndQuery to = Split(reference);
  if (to.path.empty()) {
    return std::string(from.path).append(to.query.empty() ? from.query : to.query);
  }
  std::string merged;
  if (to.path.front() != '/') merged = from.path.substr(0, from.path.rfind('/') + 1);
  merged += to.path;
  return WithoutDotSegments(merged).append(to.query);
}

Result<std::optional<Url>> Parsed(const std::string& text) {
  Result<Url> url = ParseUrl(text);
  if (url.has_value()) return std::optional<Url>(*std::move(url));
  // "url: is ..." without its field: no field of the caller's is at fault.
  const std::size_t why = url.error().message.find(": ");
  return BadLocation(std::string_view(url.error().message).substr(why + 2));
}

// --- The header ---

// Whether the next hop's request still has this field.
struct Keep {
  bool same_origin = false;
  bool body = false;
  bool host = false;
  bool referer = false;

  bool operator()(std::string_view name) const {
    if (!same_origin && IsCredential(name)) return false;
    if (!body && IsOneOf(name, kOfBody)) return false;
    if (!host && EqualsIgnoreCase(name, "host")) return false;
    return referer || !EqualsIgnoreCase(name, "referer");
  }
};

// The one Location; nothing when there is none. Several that differ are as bad as none that reads.
Result<std::string_view> LocationOf(const HeaderList& headers) {
  std::string_view location;
  for (const HeaderField& field : headers) {
    if (!EqualsIgnoreCase(field.name, "location") || field.value.empty()) continue;
    if (!location.empty() && location != field.value) return BadLocation("is given twice");
    location = field.value;
  }
  return location;
}

}  // namespace

bool SameOrigin(const Url& a, const Url& b) {
  return a.scheme == b.scheme && a.host == b.host && a.port == b.port;
}

Result<std::optional<Url>> ResolveReference(const Url& base, std::string_view reference,
                                            bool* absolute) {
  reference = reference.substr(0, reference.find('#'));
  const std::string_view scheme = SchemeOf(reference);
  const bool ours = EqualsIgnoreCase(scheme, "http") || EqualsIgnoreCase(scheme, "https");
  if (!scheme.empty() && !ours) return std::optional<Url>();
  std::string text;
  std::string_view rest = reference;
  if (!scheme.empty()) {
    rest.remove_prefix(scheme.size() + 1);
    if (!rest.starts_with("//")) return BadLocation("has a scheme and no host");
  }
  const bool has_authority = rest.starts_with("//");
  if (absolute != nullptr) *absolute = has_authority;
  if (has_authority) {
    const std::size_t end = std::min(rest.find_first_of("/?", 2), rest.size());
    const PathAndQuery tail = Split(rest.substr(end));
    text = scheme.empty() ? base.scheme : std::string(scheme);
    text.append(":").append(rest.substr(0, end));
    if (!tail.path.empty()) text += Encoded(WithoutDotSegments(tail.path));
    text += Encoded(tail.query);
  } else {
    text = base.scheme + "://" + base.Authority() + Encoded(TargetFrom(base, rest));
  }
  return Parsed(text);
}

Result<std::optional<Hop>> NextHop(const Hop& hop, std::uint32_t status,
                                   const HeaderList& response_headers) {
  const RequestHead& sent = hop.head;
  const std::optional<Turn> turn = TurnOf(sent.method, status);
  const bool switching = sent.method == "CONNECT" || sent.headers.Has("Upgrade");
  if (!turn.has_value() || switching) return std::optional<Hop>();
  const Result<std::string_view> location = LocationOf(response_headers);
  if (location.has_error()) return location.error();
  if (location->empty()) return std::optional<Hop>();
  if (turn->body && hop.has_body && !hop.body_replayable) return std::optional<Hop>();
  bool absolute = false;
  Result<std::optional<Url>> url = ResolveReference(sent.url, *location, &absolute);
  if (url.has_error()) return url.error();
  if (!url->has_value()) return std::optional<Hop>();

  Hop next;
  next.head.method = turn->method;
  next.head.url = **std::move(url);
  next.has_body = hop.has_body && turn->body;
  next.body_replayable = hop.body_replayable;
  const bool downgrade = sent.url.scheme == "https" && next.head.url.scheme == "http";
  const bool callers_referer = sent.headers.Has("Referer") && !hop.own_referer;
  const Keep keep{SameOrigin(sent.url, next.head.url), turn->body, !absolute,
                  callers_referer && !downgrade};
  for (const HeaderField& field : sent.headers) {
    if (keep(field.name)) next.head.headers.Add(field);
  }
  if (!downgrade && !callers_referer) {
    next.head.headers.Add("Referer", sent.url.Text());
    next.own_referer = true;
  }
  return std::optional<Hop>(std::move(next));
}

}  // namespace spillway
