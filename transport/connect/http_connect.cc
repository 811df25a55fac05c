#include "transport/connect/http_connect.h"

#include <algorithm>
#include <array>
#include <utility>

#include "transport/base/ascii.h"
#include "transport/base/header_list.h"

namespace spillway {
namespace {

constexpr std::size_t kMaxReasonShown = 60;
constexpr std::string_view kVersion = "HTTP/1.";
constexpr std::size_t kCodeStart = 9;  // "HTTP/1.1 "
constexpr std::size_t kReasonStart = kCodeStart + 3;

void AppendBase64(std::string_view bytes, std::string& out) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t n = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < n ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out += k <= n ? kAlphabet[group >> (18 - 6 * k) & 63U] : '=';
    }
  }
}

void AppendField(std::string_view name, std::string_view value, std::string& out) {
  out.append(name).append(": ").append(value).append("\r\n");
}

// Whether the bytes so far can still begin a status line: what speaks another protocol is refused
// at its first byte.
bool MayBeVersion(std::string_view line) {
  const std::size_t n = std::min(line.size(), kVersion.size());
  return line.substr(0, n) == kVersion.substr(0, n);
}

// `HTTP/1.[01] SP 3DIGIT [SP reason]`; 0 when it is anything else.
std::uint32_t StatusOf(std::string_view line) {
  if (line.size() < kReasonStart || !line.starts_with(kVersion)) return 0;
  const char minor = line[kVersion.size()];
  if ((minor != '0' && minor != '1') || line[kCodeStart - 1] != ' ') return 0;
  std::uint32_t status = 0;
  for (const char c : line.substr(kCodeStart, 3)) {
    if (!IsDigit(c)) return 0;
    status = status * 10 + static_cast<std::uint32_t>(c - '0');
  }
  if (line.size() > kReasonStart && line[kReasonStart] != ' ') return 0;
  return status < 100 ? 0 : status;
}

}  // namespace

std::string ProxyAuthorization(const ProxyServer& proxy) {
  if (!proxy.HasCredentials()) return {};
  std::string out = "Basic ";
  AppendBase64(proxy.user + ":" + proxy.password, out);
  return out;
}

void AppendConnectRequest(const ProxyServer& proxy, std::string_view host, HostKind host_kind,
                          std::uint16_t port, std::string& out) {
  std::string authority;
  if (host_kind == HostKind::kIpv6) authority += '[';
  authority += host;
  if (host_kind == HostKind::kIpv6) authority += ']';
  authority.append(":").append(std::to_string(port));

  out.append("CONNECT ").append(authority).append(" HTTP/1.1\r\n");
  AppendField("Host", authority, out);
  for (const HeaderField& field : proxy.connect_headers) {
    AppendField(field.name, field.value, out);
  }
  if (const std::string credentials = ProxyAuthorization(proxy); !credentials.empty()) {
    AppendField("Proxy-Authorization", credentials, out);
  }
  out += "\r\n";
}

ConnectAnswer::ConnectAnswer(std::string proxy_text) : proxy_text_(std::move(proxy_text)) {}

ConnectAnswer::State ConnectAnswer::Feed(std::string_view bytes) {
  while (!bytes.empty() && state_ != State::kFailed) {
    if (state_ == State::kOpen) {
      Fail(Reason::kProxyProtocolError, "sent bytes after its answer to CONNECT");
      break;
    }
    const std::size_t room = kMaxConnectAnswerBytes - bytes_;
    const std::size_t lf = bytes.substr(0, room).find('\n');
    const bool whole = lf != std::string_view::npos;
    const std::size_t taken = whole ? lf + 1 : std::min(room, bytes.size());
    line_.append(bytes.substr(0, taken));
    bytes.remove_prefix(taken);
    bytes_ += taken;
    if (status_ == 0 && !MayBeVersion(line_)) {
      Fail(Reason::kProxyProtocolError, "did not answer CONNECT in HTTP/1");
    } else if (whole) {
      TakeLine(line_);
      line_.clear();
    } else if (bytes_ == kMaxConnectAnswerBytes) {
      Fail(Reason::kProxyProtocolError, "answered CONNECT with more than 16 KiB of headers");
    }
  }
  return state_;
}

ConnectAnswer::State ConnectAnswer::End() {
  if (state_ == State::kMore) {
    Fail(Reason::kConnectionTerminated, "closed the connection before it answered CONNECT");
  }
  return state_;
}

void ConnectAnswer::TakeLine(std::string_view line) {
  if (!line.ends_with("\r\n")) {
    Fail(Reason::kProxyProtocolError, "ended a line of its answer to CONNECT with a bare LF");
    return;
  }
  line.remove_suffix(2);
  if (status_ == 0) {
    TakeStatusLine(line);
    return;
  }
  if (line.empty()) {
    FinishHead();
    return;
  }
  // Fields are checked, as an answer that two readers could read differently is no answer (O-281),
  // and not used: not even those of framing (O-275).
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0 || !AreTokenBytes(line.substr(0, colon)) ||
      !AreFieldBytes(line.substr(colon + 1))) {
    Fail(Reason::kProxyProtocolError, "answered CONNECT with a malformed header line");
  }
}

void ConnectAnswer::TakeStatusLine(std::string_view line) {
  status_ = StatusOf(line);
  if (status_ == 0 || !AreFieldBytes(line)) {
    status_ = 0;
    Fail(Reason::kProxyProtocolError, "answered CONNECT with a malformed status line");
    return;
  }
  reason_ = line.size() > kReasonStart + 1
                ? EscapeForError(line.substr(kReasonStart + 1), kMaxReasonShown)
                : std::string();
}

void ConnectAnswer::FinishHead() {
  if (status_ == 200) {
    state_ = State::kOpen;
    return;
  }
  if (status_ == 407) {
    Fail(Reason::kProxyAuthenticationRequired, "demands other credentials: it answered CONNECT");
  } else if (status_ == 101 || status_ >= 200) {
    // Of 2xx only 200 opens a tunnel (P6), and nothing was asked to be upgraded.
    Fail(Reason::kProxyDenied, "refused the tunnel: it answered CONNECT");
  } else if (++informational_ > kMaxConnectInformational) {
    Fail(Reason::kProxyProtocolError, "answered CONNECT with too many informational responses");
  } else {
    status_ = 0;
  }
}

void ConnectAnswer::Fail(Reason reason, std::string_view what) {
  state_ = State::kFailed;
  failure_.reason = reason;
  failure_.source = Source::kProxy;
  failure_.phase = Phase::kProxy;
  failure_.delivery = Delivery::kNotSent;
  failure_.proxy_status = status_;
  failure_.message = "proxy " + proxy_text_ + " ";
  failure_.message += what;
  const bool answered =
      reason == Reason::kProxyDenied || reason == Reason::kProxyAuthenticationRequired;
  if (answered) {
    failure_.message += " with " + std::to_string(status_);
    if (!reason_.empty()) failure_.message += " \"" + reason_ + "\"";
  }
}

}  // namespace spillway
