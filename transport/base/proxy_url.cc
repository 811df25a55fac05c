#include "transport/base/proxy_url.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "transport/base/ascii.h"
#include "transport/base/field_rules.h"
#include "transport/base/header_list.h"
#include "transport/base/url.h"

namespace spillway {
namespace {

constexpr std::size_t kMaxSocksField = 255;
// Limit on what credentials and static headers may add to a CONNECT.
constexpr std::size_t kMaxBasicField = 1024;
constexpr std::size_t kMaxConnectHeaderBytes = std::size_t{8} * 1024;

struct Scheme {
  ProxyKind kind;
  std::uint16_t port;
};
constexpr std::array<Scheme, 4> kSchemes = {{{ProxyKind::kHttp, 80},
                                             {ProxyKind::kHttps, 443},
                                             {ProxyKind::kSocks5, 1080},
                                             {ProxyKind::kSocks5h, 1080}}};

std::optional<std::string> PercentDecode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (text.size() - i < 3 || !IsHexDigit(text[i + 1]) || !IsHexDigit(text[i + 2])) {
      return std::nullopt;
    }
    out += static_cast<char>(HexValue(text[i + 1]) * 16 + HexValue(text[i + 2]));
    i += 2;
  }
  return out;
}

bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7f;
  });
}

// Returns what is wrong; "" when user and password were read.
std::string_view TakeCredentials(std::string_view userinfo, ProxyServer& proxy) {
  const std::size_t colon = userinfo.find(':');
  std::optional<std::string> user = PercentDecode(userinfo.substr(0, colon));
  std::optional<std::string> password = PercentDecode(
      colon == std::string_view::npos ? std::string_view() : userinfo.substr(colon + 1));
  if (!user || !password) return "has credentials with a malformed percent-encoding";
  if (user->empty() && password->empty()) return "has an \"@\" but no credentials";
  proxy.user = *std::move(user);
  proxy.password = *std::move(password);
  return {};
}

bool HasPort(std::string_view authority) {
  const std::size_t bracket = authority.rfind(']');
  return authority.find(':', bracket == std::string_view::npos ? 0 : bracket) !=
         std::string_view::npos;
}

std::string_view ProblemOfHeader(const HeaderField& field) {
  static constexpr std::array<std::string_view, 14> kOurs = {"host",
                                                             "content-length",
                                                             "transfer-encoding",
                                                             "connection",
                                                             "keep-alive",
                                                             "te",
                                                             "trailer",
                                                             "upgrade",
                                                             "expect",
                                                             "http2-settings",
                                                             "authorization",
                                                             "proxy-authorization",
                                                             "proxy-connection",
                                                             "cookie"};
  if (!IsToken(field.name)) return "a header name is not a token";
  if (!IsFieldValue(field.value)) return "a header value has a control or a blank at an end";
  for (const std::string_view name : kOurs) {
    if (!EqualsIgnoreCase(field.name, name)) continue;
    return "headers of framing, connection or credentials are not for configuration to set";
  }
  return {};
}

}  // namespace

Result<ProxyServer> ParseProxyUrl(std::string_view text, std::string_view field) {
  if (text.size() > kMaxProxyUrlBytes) return BadRequest(field, "is longer than 4 KiB");
  const std::size_t scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) {
    return BadRequest(field, "is not a URL of the form scheme://host:port");
  }
  const auto* const scheme =
      std::find_if(kSchemes.begin(), kSchemes.end(), [&](const Scheme& known) {
        return EqualsIgnoreCase(text.substr(0, scheme_end), Label(known.kind));
      });
  if (scheme == kSchemes.end()) {
    return BadRequest(field, "has a scheme that is not http, https, socks5 or socks5h");
  }
  ProxyServer proxy;
  proxy.kind = scheme->kind;
  std::string_view rest = text.substr(scheme_end + 3);
  if (const std::size_t end = rest.find_first_of("/?#"); end != std::string_view::npos) {
    if (rest.substr(end) != "/") return BadRequest(field, "has a path, query or fragment");
    rest = rest.substr(0, end);
  }
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    const std::string_view why = TakeCredentials(rest.substr(0, at), proxy);
    if (!why.empty()) return BadRequest(field, why);
    rest.remove_prefix(at + 1);
  }
  if (rest.find('\\') != std::string_view::npos) return BadRequest(field, "has a backslash");
  Result<Url> url = ParseUrl("http://" + std::string(rest) + "/");
  // Its message is "url: " and constant text about a host or port.
  if (!url) return BadRequest(field, url.error().message.substr(std::string_view("url: ").size()));
  proxy.host = std::move(url->host);
  proxy.host_kind = url->host_kind;
  proxy.port = HasPort(rest) ? url->port : scheme->port;
  if (const std::string_view why = ProblemOf(proxy); !why.empty()) return BadRequest(field, why);
  return proxy;
}

std::string_view ProblemOf(const ProxyServer& proxy) {
  const bool socks = proxy.kind == ProxyKind::kSocks5 || proxy.kind == ProxyKind::kSocks5h;
  if (proxy.HasCredentials() && socks) {
    if (proxy.user.empty()) return "has a password but no user, which SOCKS5 cannot carry";
    if (proxy.user.size() > kMaxSocksField) return "has a user longer than SOCKS5's 255 bytes";
    if (proxy.password.size() > kMaxSocksField) {
      return "has a password longer than SOCKS5's 255 bytes";
    }
  }
  if (proxy.HasCredentials() && !socks) {
    if (proxy.user.find(':') != std::string::npos) {
      return "has a user with a colon, which Basic authentication cannot carry";
    }
    if (HasControl(proxy.user) || HasControl(proxy.password)) {
      return "has credentials with a control character, which Basic authentication cannot carry";
    }
    if (proxy.user.size() > kMaxBasicField || proxy.password.size() > kMaxBasicField) {
      return "has a user or password longer than 1024 bytes";
    }
  }
  if (socks && !proxy.connect_headers.empty()) return "has CONNECT headers, but is a SOCKS5 proxy";
  std::size_t bytes = 0;
  for (const HeaderField& field : proxy.connect_headers) {
    if (const std::string_view why = ProblemOfHeader(field); !why.empty()) return why;
    bytes += field.name.size() + field.value.size() + 4;
  }
  if (bytes > kMaxConnectHeaderBytes) return "has more than 8 KiB of CONNECT headers";
  return {};
}

}  // namespace spillway
