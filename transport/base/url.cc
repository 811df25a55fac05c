#include "transport/base/url.h"

#include <arpa/inet.h>
#include <idn2.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include "transport/base/ascii.h"
#include "transport/base/decimal.h"
#include "transport/base/header_list.h"

namespace spillway {
namespace {

constexpr std::size_t kMaxHostBytes = 253;
constexpr std::size_t kMaxLabelBytes = 63;
// Input to the IDN library: UTF-8 of the longest possible name, with room.
constexpr std::size_t kMaxInternationalBytes = 1024;

struct IdnFree {
  void operator()(char* text) const { idn2_free(text); }
};
using IdnText = std::unique_ptr<char, IdnFree>;

// UTS 46 as today's browsers apply it. The library drops characters that STD3 forbids (a full-width
// "/") instead of failing; without the rule it maps them. So a name must come out the same under
// both, which leaves letters, digits, hyphens and the non-ASCII letters of IDNA.
constexpr int kIdnFlags = IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL;

std::optional<std::string> Convert(const std::string& host, int flags) {
  char* out = nullptr;
  if (idn2_to_ascii_8z(host.c_str(), &out, flags) != IDN2_OK) return std::nullopt;
  const IdnText owner(out);
  return std::string(out);
}

std::optional<std::string> ToAscii(const std::string& host) {
  std::optional<std::string> strict = Convert(host, kIdnFlags | IDN2_USE_STD3_ASCII_RULES);
  if (!strict || strict != Convert(host, kIdnFlags)) return std::nullopt;
  return strict;
}

// An A-label must be what its own Unicode form converts to: "xn--" text that decodes to plain ASCII
// or to another spelling would be a second name for the same thing (C-031).
bool SurvivesRoundTrip(const std::string& host) {
  char* out = nullptr;
  if (idn2_to_unicode_8z8z(host.c_str(), &out, kIdnFlags) != IDN2_OK) return false;
  const IdnText owner(out);
  const std::optional<std::string> again = ToAscii(out);
  return again && *again == host;
}

bool IsAscii(char c) { return static_cast<unsigned char>(c) < 0x80; }
bool IsLabelByte(char c) { return IsAlpha(c) || IsDigit(c) || c == '-' || c == '_'; }

bool IsLabel(std::string_view label) {
  if (label.empty() || label.size() > kMaxLabelBytes) return false;
  if (label.front() == '-' || label.back() == '-') return false;
  return std::all_of(label.begin(), label.end(), IsLabelByte);
}

std::string_view LastLabel(std::string_view host) {
  const std::size_t dot = host.rfind('.');
  return dot == std::string_view::npos ? host : host.substr(dot + 1);
}

// getaddrinfo() takes 127.1, 0x7f.1, 0177.0.0.1 and 2130706433 for addresses without asking DNS: a
// name whose last label reads as a number is a dotted quad or nothing (C-030).
bool EndsInNumber(std::string_view host) {
  std::string_view label = LastLabel(host);
  if (std::all_of(label.begin(), label.end(), IsDigit)) return true;
  if (label.size() < 2 || label[0] != '0' || LowerAscii(label[1]) != 'x') return false;
  label.remove_prefix(2);
  return std::all_of(label.begin(), label.end(), IsHexDigit);
}

bool HasAlabel(std::string_view host) {
  for (std::size_t start = 0; start < host.size();) {
    if (host.substr(start, 4) == "xn--") return true;
    const std::size_t dot = host.find('.', start);
    if (dot == std::string_view::npos) return false;
    start = dot + 1;
  }
  return false;
}

bool IsDottedQuad(const std::string& host) {
  in_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1;
}

bool AreLabels(std::string_view host) {
  if (host.empty() || host.size() > kMaxHostBytes) return false;
  for (;;) {
    const std::size_t dot = host.find('.');
    if (!IsLabel(host.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    host.remove_prefix(dot + 1);
  }
}

std::string Lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), LowerAscii);
  return out;
}

struct Host {
  std::string text;
  HostKind kind = HostKind::kName;
};

// A name or dotted quad in ASCII. Returns why not in `why`.
std::optional<Host> ParseAsciiHost(std::string_view text, std::string_view& why) {
  Host host{Lower(text), HostKind::kName};
  if (!AreLabels(host.text)) {
    why = "the host is not a name of letters, digits and hyphens";
    return std::nullopt;
  }
  if (EndsInNumber(host.text)) {
    host.kind = HostKind::kIpv4;
    if (IsDottedQuad(host.text)) return host;
    why = "the host is a number but not a dotted-quad address";
    return std::nullopt;
  }
  if (HasAlabel(host.text) && !SurvivesRoundTrip(host.text)) {
    why = "the host has an invalid A-label";
    return std::nullopt;
  }
  return host;
}

std::optional<Host> ParseInternationalHost(std::string_view text, std::string_view& why) {
  why = "the host is not a valid internationalised name";
  if (text.size() > kMaxInternationalBytes) return std::nullopt;
  // The library takes C strings and maps some ASCII away: check ours before it sees them.
  if (!std::all_of(text.begin(), text.end(),
                   [](char c) { return !IsAscii(c) || c == '.' || IsLabelByte(c); })) {
    return std::nullopt;
  }
  std::optional<std::string> ascii = ToAscii(std::string(text));
  if (!ascii) return std::nullopt;
  std::optional<Host> host = ParseAsciiHost(*ascii, why);
  // Full-width digits must not become an address.
  if (host && host->kind != HostKind::kName) return std::nullopt;
  return host;
}

// What stands between "[" and "]".
std::optional<Host> ParseIpv6(std::string_view text, std::string_view& why) {
  why = "the host in brackets is not an IPv6 address";
  if (text.find('%') != std::string_view::npos) why = "an address zone is not allowed";
  // Nothing but its own bytes may reach a function that takes C strings.
  if (text.size() >= INET6_ADDRSTRLEN || !std::all_of(text.begin(), text.end(), [](char c) {
        return IsHexDigit(c) || c == ':' || c == '.';
      })) {
    return std::nullopt;
  }
  in6_addr address{};
  if (inet_pton(AF_INET6, std::string(text).c_str(), &address) != 1) return std::nullopt;
  std::array<char, INET6_ADDRSTRLEN> canonical{};
  if (inet_ntop(AF_INET6, &address, canonical.data(), canonical.size()) == nullptr) {
    return std::nullopt;
  }
  return Host{canonical.data(), HostKind::kIpv6};
}

// Plain decimal without leading zero, 1..65535 (C-033).
std::optional<std::uint16_t> ParsePort(std::string_view text) {
  if (text.empty() || text.front() == '0') return std::nullopt;
  const std::optional<std::uint64_t> port = ParseDecimal(text, UINT16_MAX);
  if (!port) return std::nullopt;
  return static_cast<std::uint16_t>(*port);
}

struct Authority {
  Host host;
  std::optional<std::uint16_t> port;
};

enum class HostAlphabet : std::uint8_t { kAscii, kInternational };

std::optional<Authority> ParseAuthority(std::string_view text, HostAlphabet alphabet,
                                        std::string_view& why) {
  if (text.find('@') != std::string_view::npos) {
    why = "userinfo is not allowed";
    return std::nullopt;
  }
  const bool bracketed = !text.empty() && text.front() == '[';
  const std::size_t host_end = bracketed ? text.find(']') : text.find(':');
  if (bracketed && host_end == std::string_view::npos) {
    why = "a bracket is not closed";
    return std::nullopt;
  }
  const std::string_view host_text = text.substr(0, host_end);
  std::string_view port_text =
      text.substr(std::min(host_text.size() + (bracketed ? 1 : 0), text.size()));
  std::optional<Host> host;
  if (bracketed) {
    host = ParseIpv6(host_text.substr(1), why);
  } else if (host_text.empty()) {
    why = "the host is missing";
  } else if (std::all_of(host_text.begin(), host_text.end(), IsAscii)) {
    host = ParseAsciiHost(host_text, why);
  } else if (alphabet == HostAlphabet::kInternational) {
    host = ParseInternationalHost(host_text, why);
  } else {
    why = "the host is not ASCII";
  }
  if (!host) return std::nullopt;
  if (port_text.empty()) return Authority{*std::move(host), std::nullopt};
  const std::optional<std::uint16_t> port =
      port_text.front() == ':' ? ParsePort(port_text.substr(1)) : std::nullopt;
  if (!port) {
    why = "the port is not a plain number from 1 to 65535";
    return std::nullopt;
  }
  return Authority{*std::move(host), port};
}

std::uint16_t DefaultPort(std::string_view scheme) { return scheme == "https" ? 443 : 80; }

// Reads "http://" or "https://" off the front.
std::optional<std::string_view> TakeScheme(std::string_view& text) {
  for (const std::string_view scheme : {std::string_view("http"), std::string_view("https")}) {
    const std::string_view tail = text.substr(std::min(scheme.size(), text.size()));
    if (!EqualsIgnoreCase(text.substr(0, scheme.size()), scheme)) continue;
    if (tail.substr(0, 3) != "://") continue;
    text = tail.substr(3);
    return scheme;
  }
  return std::nullopt;
}

std::string_view CheckTargetBytes(std::string_view target) {
  for (const char c : target) {
    if (IsTargetByte(c)) continue;
    if (c == '#') return "a fragment is not allowed";
    if (c == '\\') return "a backslash is not allowed";
    return "the path or query has a blank, a control or a non-ASCII byte; percent-encode it";
  }
  return {};
}

void AppendHostAndPort(const Url& url, bool with_port, std::string& out) {
  const bool brackets = url.host_kind == HostKind::kIpv6;
  if (brackets) out += '[';
  out += url.host;
  if (brackets) out += ']';
  if (with_port) out.append(":").append(std::to_string(url.port));
}

}  // namespace

bool Url::HasDefaultPort() const { return port == DefaultPort(scheme); }

std::string Url::Authority() const {
  std::string out;
  AppendHostAndPort(*this, !HasDefaultPort(), out);
  return out;
}

std::string Url::HostPort() const {
  std::string out;
  AppendHostAndPort(*this, true, out);
  return out;
}

std::string Url::Text() const { return scheme + "://" + Authority() + target; }

Result<Url> ParseUrl(std::string_view text) {
  if (text.empty()) return BadRequest("url", "is empty");
  if (text.size() > kMaxUrlBytes) return BadRequest("url", "is longer than 16 KiB");
  const std::optional<std::string_view> scheme = TakeScheme(text);
  if (!scheme) return BadRequest("url", "is not an absolute http or https URL");

  const std::size_t authority_end = text.find_first_of("/?#\\");
  const std::string_view rest =
      authority_end == std::string_view::npos ? std::string_view() : text.substr(authority_end);
  if (const std::string_view why = CheckTargetBytes(rest); !why.empty()) {
    return BadRequest("url", why);
  }
  std::string_view why;
  std::optional<Authority> authority =
      ParseAuthority(text.substr(0, authority_end), HostAlphabet::kInternational, why);
  if (!authority) return BadRequest("url", why);

  Url url;
  url.scheme = *scheme;
  url.host = std::move(authority->host.text);
  url.host_kind = authority->host.kind;
  url.port = authority->port.value_or(DefaultPort(url.scheme));
  url.target.reserve(rest.size() + 1);
  if (rest.empty() || rest.front() == '?') url.target = "/";
  url.target += rest;
  return url;
}

bool IsAuthority(std::string_view text) {
  std::string_view why;
  return ParseAuthority(text, HostAlphabet::kAscii, why).has_value();
}

}  // namespace spillway
