#include "transport/base/field_rules.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "transport/base/ascii.h"
#include "transport/base/decimal.h"
#include "transport/base/trailer_rules.h"

namespace spillway {
namespace {

constexpr std::size_t kMaxNameInError = 64;

// What CheckRequest does with a name it knows.
enum class Rule : std::uint8_t {
  kFree,
  kRefused,  // the daemon's own business: framing of this hop, proxies, upgrades by prior knowledge
  kHost,
  kConnection,
  kContentLength,
  kTe,
  kTrailer,
  kExpect,
  kUpgrade,
  kIdempotencyKey,
};

struct NamedRule {
  std::string_view name;
  Rule rule;
};

constexpr std::array<NamedRule, 13> kRules = {{
    {"host", Rule::kHost},
    {"connection", Rule::kConnection},
    {"content-length", Rule::kContentLength},
    {"transfer-encoding", Rule::kRefused},
    {"keep-alive", Rule::kRefused},
    {"http2-settings", Rule::kRefused},
    {"te", Rule::kTe},
    {"trailer", Rule::kTrailer},
    {"expect", Rule::kExpect},
    {"upgrade", Rule::kUpgrade},
    {"idempotency-key", Rule::kIdempotencyKey},
    {"x-idempotency-key", Rule::kIdempotencyKey},
    {"proxy", Rule::kRefused},  // read as HTTP_PROXY by CGI programs
}};

Rule RuleOf(std::string_view name) {
  constexpr std::string_view kProxy = "proxy-";
  if (EqualsIgnoreCase(name.substr(0, kProxy.size()), kProxy)) return Rule::kRefused;
  for (const NamedRule& entry : kRules) {
    if (entry.name.size() == name.size() && EqualsIgnoreCase(entry.name, name)) return entry.rule;
  }
  return Rule::kFree;
}

// Origins behind CGI-like gateways read "_" as "-": such a spelling of a name that has a rule would
// pass us as free text and be obeyed there (C-016).
Rule RuleOfAnySpelling(std::string_view name) {
  const Rule rule = RuleOf(name);
  if (rule != Rule::kFree || name.find('_') == std::string_view::npos) return rule;
  std::string dashed(name);
  std::replace(dashed.begin(), dashed.end(), '_', '-');
  const Rule disguised = RuleOf(dashed);
  return disguised == Rule::kFree || disguised == Rule::kIdempotencyKey ? Rule::kFree
                                                                        : Rule::kRefused;
}

std::string FieldAt(std::size_t index) { return "headers[" + std::to_string(index) + "]"; }

// "<name> <why>" for a name that is a token; names are the caller's own text, so they are cut.
Failure RefuseField(std::size_t index, std::string_view name, std::string_view why) {
  std::string text(name.substr(0, kMaxNameInError));
  if (name.size() > kMaxNameInError) text += "...";
  return BadRequest(FieldAt(index), text.append(" ").append(why));
}

constexpr std::string_view kNeedsStream = "needs the Stream method";

std::optional<Failure> CheckMethod(std::string_view method, bool streamed) {
  if (method.empty()) return BadRequest("method", "is empty");
  if (method.size() > kMaxMethodBytes) return BadRequest("method", "is longer than 32 bytes");
  if (!IsToken(method)) return BadRequest("method", "is not a token");
  if (method == "CONNECT") {
    if (streamed) return std::nullopt;
    return BadRequest("method", std::string("CONNECT ").append(kNeedsStream));
  }
  // Methods are case-sensitive, but an origin that folds case must not be tricked either (C-004).
  for (const std::string_view refused : {"CONNECT", "TRACE", "PRI"}) {
    if (EqualsIgnoreCase(method, refused)) return BadRequest("method", "may not be sent");
  }
  return std::nullopt;
}

bool HasPort(std::string_view authority) {
  const std::size_t colon = authority.rfind(':');
  return colon != std::string_view::npos && colon + 1 < authority.size() &&
         authority.find(']', colon) == std::string_view::npos;
}

std::optional<Failure> CheckTarget(const RequestHead& head) {
  if (head.method == "CONNECT") {
    if (IsAuthority(head.target) && HasPort(head.target)) return std::nullopt;
    return BadRequest("request_target", "CONNECT needs host:port");
  }
  if (head.target.empty()) return std::nullopt;
  if (head.target != "*") return BadRequest("request_target", "is neither empty nor \"*\"");
  if (head.method != "OPTIONS") return BadRequest("request_target", "\"*\" is only for OPTIONS");
  return std::nullopt;
}

// Walks the headers once; keeps what must not appear twice.
class HeaderCheck {
 public:
  HeaderCheck(const RequestHead& head, const RequestShape& shape)
      : headers_(head.headers), shape_(shape) {
    if (head.method == "CONNECT") facts_.switching = ProtocolSwitch::kConnect;
  }

  std::optional<Failure> Check(std::size_t index) {
    const auto& [name, value] = headers_[index];
    if (!IsToken(name)) return BadRequest(FieldAt(index), "the name is not a token");
    if (!IsFieldValue(value)) {
      return RefuseField(index, name, "has a control byte, or a blank at an end of its value");
    }
    switch (RuleOfAnySpelling(name)) {
      case Rule::kFree:
        return std::nullopt;
      case Rule::kRefused:
        return RefuseField(index, name, "may not be set by a caller");
      case Rule::kHost:
        return CheckHost(index, name, value);
      case Rule::kConnection:
        return CheckConnection(index, name, value);
      case Rule::kContentLength:
        return CheckContentLength(index, name, value);
      case Rule::kTe:
        if (EqualsIgnoreCase(value, "trailers")) return std::nullopt;
        return RefuseField(index, name, "may only be \"trailers\"");
      case Rule::kTrailer:
        return CheckTrailer(index, name, value);
      case Rule::kExpect:
        return CheckExpect(index, name, value);
      case Rule::kUpgrade:
        return CheckUpgrade(index, name, value);
      case Rule::kIdempotencyKey:
        facts_.idempotency_key = true;
        return std::nullopt;
    }
    return std::nullopt;
  }

  const RequestFacts& facts() const { return facts_; }

 private:
  std::optional<Failure> CheckHost(std::size_t index, std::string_view name,
                                   std::string_view value) {
    if (has_host_) return RefuseField(index, name, "is given twice");
    has_host_ = true;
    if (IsAuthority(value)) return std::nullopt;
    return RefuseField(index, name, "is not host[:port]");
  }

  std::optional<Failure> CheckConnection(std::size_t index, std::string_view name,
                                         std::string_view value) {
    if (EqualsIgnoreCase(value, "close")) {
      facts_.close = true;
      return std::nullopt;
    }
    if (EqualsIgnoreCase(value, "upgrade") && headers_.Has("Upgrade")) {
      return shape_.streamed ? std::nullopt : Refusal(RefuseField(index, name, kNeedsStream));
    }
    return RefuseField(index, name, "may only be \"close\"");
  }

  std::optional<Failure> CheckUpgrade(std::size_t index, std::string_view name,
                                      std::string_view value) {
    if (!headers_.HasToken("Connection", "upgrade")) {
      return RefuseField(index, name, "needs \"Connection: upgrade\"");
    }
    if (!shape_.streamed) return RefuseField(index, name, kNeedsStream);
    if (facts_.switching != ProtocolSwitch::kNone)
      return RefuseField(index, name, "is given twice");
    // HTTP/2 is chosen by policy and ALPN; an origin must not be led there behind our back.
    if (value.empty() || EqualsIgnoreCase(value, "h2c") || EqualsIgnoreCase(value, "h2")) {
      return RefuseField(index, name, "names no protocol that may be asked for");
    }
    facts_.switching = ProtocolSwitch::kUpgrade;
    return std::nullopt;
  }

  std::optional<Failure> CheckExpect(std::size_t index, std::string_view name,
                                     std::string_view value) {
    if (!EqualsIgnoreCase(value, "100-continue")) {
      return RefuseField(index, name, "may only be \"100-continue\"");
    }
    if (!shape_.streamed) return RefuseField(index, name, kNeedsStream);
    facts_.expect_continue = true;
    return std::nullopt;
  }

  std::optional<Failure> CheckTrailer(std::size_t index, std::string_view name,
                                      std::string_view value) {
    if (shape_.body_size.has_value()) {
      return RefuseField(index, name,
                         shape_.streamed ? "needs a body of unknown length" : kNeedsStream);
    }
    while (!value.empty()) {
      const std::size_t comma = std::min(value.find(','), value.size());
      const std::string_view announced = TrimBlanks(value.substr(0, comma));
      if (!IsToken(announced) || RuleOfTrailer(announced) != TrailerRule::kDeliver) {
        return RefuseField(index, name, "names a field that may not be a trailer");
      }
      value.remove_prefix(std::min(comma + 1, value.size()));
    }
    return std::nullopt;
  }

  std::optional<Failure> CheckContentLength(std::size_t index, std::string_view name,
                                            std::string_view value) {
    if (has_length_) return RefuseField(index, name, "is given twice");
    has_length_ = true;
    const std::optional<std::uint64_t> length = ParseDecimal(value);
    if (!length) return RefuseField(index, name, "is not a decimal number");
    if (facts_.switching != ProtocolSwitch::kNone || headers_.Has("Upgrade")) {
      return RefuseField(index, name, "has no meaning for a tunnel");
    }
    if (length != shape_.body_size)
      return RefuseField(index, name, "differs from the body's length");
    return std::nullopt;
  }

  using Refusal = std::optional<Failure>;

  const HeaderList& headers_;
  const RequestShape& shape_;
  RequestFacts facts_;
  bool has_host_ = false;
  bool has_length_ = false;
};

}  // namespace

bool IsToken(std::string_view text) { return !text.empty() && AreTokenBytes(text); }

bool IsFieldValue(std::string_view text) {
  if (text.empty()) return true;
  if (IsBlank(text.front()) || IsBlank(text.back())) return false;
  return AreFieldBytes(text);
}

Result<RequestFacts> CheckRequest(const RequestHead& head, const RequestShape& shape,
                                  const RequestFieldLimits& limits) {
  if (std::optional<Failure> failure = CheckMethod(head.method, shape.streamed))
    return *std::move(failure);
  if (std::optional<Failure> failure = CheckTarget(head)) return *std::move(failure);
  if (head.headers.size() > limits.max_fields) return BadRequest("headers", "too many fields");
  HeaderCheck check(head, shape);
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < head.headers.size(); ++i) {
    bytes += head.headers[i].name.size() + head.headers[i].value.size() + 4;
    if (bytes > limits.max_bytes) return BadRequest(FieldAt(i), "the headers are too large");
    if (std::optional<Failure> failure = check.Check(i)) return *std::move(failure);
  }
  return check.facts();
}

std::optional<Failure> CheckTrailers(const HeaderList& trailers, const RequestFieldLimits& limits) {
  if (trailers.size() > limits.max_fields) return BadRequest("trailers", "too many fields");
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < trailers.size(); ++i) {
    const std::string field = "trailers[" + std::to_string(i) + "]";
    const auto& [name, value] = trailers[i];
    bytes += name.size() + value.size() + 4;
    if (bytes > limits.max_bytes) return BadRequest(field, "the trailers are too large");
    if (!IsToken(name)) return BadRequest(field, "the name is not a token");
    if (!IsFieldValue(value)) {
      return BadRequest(field, "has a control byte, or a blank at an end of its value");
    }
    if (RuleOfTrailer(name) != TrailerRule::kDeliver) {
      return BadRequest(field, "the field may not be a trailer");
    }
  }
  return std::nullopt;
}

bool IsReplayableMethod(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE";
}

}  // namespace spillway
