#include "transport/http1/keep_alive.h"

#include <algorithm>
#include <chrono>
#include <string_view>

#include "transport/base/ascii.h"
#include "transport/base/decimal.h"
#include "transport/base/header_list.h"

namespace spillway {
namespace {

// A longer promise than this is junk: no origin keeps an idle connection for a year.
constexpr std::uint64_t kMaxHintSeconds = 365ULL * 24 * 3600;

// One "name=value" of a Keep-Alive field; nullopt when it is not a usable timeout.
std::optional<Duration> TimeoutOf(std::string_view parameter) {
  const std::size_t equals = parameter.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  if (!EqualsIgnoreCase(TrimBlanks(parameter.substr(0, equals)), "timeout")) return std::nullopt;
  const std::optional<std::uint64_t> count =
      ParseDecimal(TrimBlanks(parameter.substr(equals + 1)), kMaxHintSeconds);
  if (!count) return std::nullopt;
  return std::chrono::seconds(*count);
}

// The shortest timeout of all Keep-Alive fields.
std::optional<Duration> IdleHint(const HeaderList& headers) {
  std::optional<Duration> hint;
  for (const HeaderField& field : headers) {
    if (!EqualsIgnoreCase(field.name, "Keep-Alive")) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      const std::optional<Duration> timeout = TimeoutOf(rest.substr(0, comma));
      if (timeout) hint = std::min(hint.value_or(*timeout), *timeout);
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return hint;
}

// A 204 has no body (RFC 9112 6.3). An origin that frames one all the same may well send it, and
// its bytes would stand where the next response is expected (O-074). A 304 or an answer to HEAD
// may describe the body it leaves out (O-072, O-075).
bool FramesForbiddenBody(const ResponseHead& head) {
  if (head.status != 204) return false;
  if (head.headers.Has("Transfer-Encoding")) return true;
  const std::optional<std::string_view> length = head.headers.Find("Content-Length");
  return length && ParseDecimal(*length) != std::uint64_t{0};
}

// A scheme that logs the connection in, not the request, at the start of a challenge.
bool NamesConnectionLogin(std::string_view challenges) {
  while (!challenges.empty()) {
    const std::size_t comma = std::min(challenges.find(','), challenges.size());
    const std::string_view challenge = TrimBlanks(challenges.substr(0, comma));
    const std::string_view scheme = challenge.substr(0, challenge.find(' '));
    if (EqualsIgnoreCase(scheme, "NTLM") || EqualsIgnoreCase(scheme, "Negotiate")) return true;
    challenges.remove_prefix(std::min(comma + 1, challenges.size()));
  }
  return false;
}

}  // namespace

bool BindsConnection(const HeaderList& headers) {
  return std::any_of(headers.begin(), headers.end(), [](const HeaderField& field) {
    const bool login = EqualsIgnoreCase(field.name, "WWW-Authenticate") ||
                       EqualsIgnoreCase(field.name, "Proxy-Authenticate") ||
                       EqualsIgnoreCase(field.name, "Authorization");
    return login && NamesConnectionLogin(field.value);
  });
}

KeepAliveVerdict JudgeHead(const ResponseHead& head, BodyKind body, bool keep_alive_http10) {
  if (head.status < 200) return {};              // 101: handed over, never pooled (O-083)
  if (body == BodyKind::kUntilClose) return {};  // R2, O-068
  // Every Connection field counts, and close beats keep-alive (O-033, O-034).
  if (head.headers.HasToken("Connection", "close")) return {};
  if (head.minor_version == 0 &&
      !(keep_alive_http10 && head.headers.HasToken("Connection", "keep-alive"))) {
    return {};  // O-004, O-005
  }
  if (FramesForbiddenBody(head)) return {};
  if (BindsConnection(head.headers)) return {};
  return {true, IdleHint(head.headers)};
}

bool AllowReuse(const ExchangeFacts& facts) {
  return !facts.request_close && facts.request_fully_written && facts.response_complete &&
         !facts.surplus_bytes && !facts.eof_seen;
}

KeepAliveVerdict JudgeKeepAlive(const ResponseHead& head, BodyKind body, const ExchangeFacts& facts,
                                bool keep_alive_http10) {
  if (!AllowReuse(facts)) return {};
  return JudgeHead(head, body, keep_alive_http10);
}

}  // namespace spillway
