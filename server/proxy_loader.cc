#include "server/proxy_loader.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "server/listen_address.h"
#include "transport/base/ascii.h"
#include "transport/base/ip_address.h"
#include "transport/base/proxy_url.h"
#include "transport/tls_profiles.h"

namespace spillway {
namespace {

constexpr std::size_t kMaxCredentialBytes = 255;  // SOCKS5's limit for each of the two (O-298)

// Framing, routing and credentials have places of their own.
bool MayBeSent(const std::string& name) {
  static constexpr std::array<std::string_view, 11> kOurs = {"host",
                                                             "connection",
                                                             "proxy-connection",
                                                             "keep-alive",
                                                             "content-length",
                                                             "transfer-encoding",
                                                             "upgrade",
                                                             "te",
                                                             "trailer",
                                                             "expect",
                                                             "proxy-authorization"};
  return std::none_of(kOurs.begin(), kOurs.end(),
                      [&name](std::string_view own) { return EqualsIgnoreCase(name, own); });
}

// Of everything that the proxy could tell users apart by; "" when it gets nothing of the kind.
std::string CredentialDigest(const ProxyServer& server) {
  if (server.user.empty() && server.connect_headers.empty()) return "";
  std::string text = server.user + '\0' + server.password;  // neither holds NUL, nor does a header
  for (const HeaderField& field : server.connect_headers) {
    text += '\0' + field.name + '\0' + field.value;
  }
  return Sha256Hex(text);
}

HostKind HostKindOf(const std::string& host) {
  const std::optional<IpAddress> address = IpAddress::Parse(host);
  if (!address.has_value()) return HostKind::kName;
  return address->family == IpAddress::Family::kIpv4 ? HostKind::kIpv4 : HostKind::kIpv6;
}

bool IsLoopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

// Whether a connection to `proxy` would arrive at a listener on `listener`, as far as the two texts
// tell; what only the resolver knows, the dial refuses.
bool Reaches(const std::string& proxy, const std::string& listener) {
  const bool any = listener == "0.0.0.0" || listener == "::";
  return proxy == listener || (IsLoopback(proxy) && (any || listener == "localhost")) ||
         (proxy == "localhost" && IsLoopback(listener));
}

}  // namespace

bool ProxyLoader::Bad(const std::string& path, ConfigCause cause, std::string why) {
  report_(path, cause, std::move(why));
  return false;
}

ProxyServerPtr ProxyLoader::Load(const ProxySettings& settings, const std::string& path) {
  ProxyServer server;
  server.name = settings.name;
  server.connect_headers = settings.connect_headers;
  server.tunnel_http = settings.tunnel_http;
  bool good = SetAddress(settings, path, server);
  good = SetCredentials(settings, path, server) && good;
  good = SetTls(settings, path, server) && good;
  good = CheckHeaders(settings.connect_headers, path) && good;
  if (!good) return nullptr;
  server.credential_digest = CredentialDigest(server);
  return std::make_shared<const ProxyServer>(std::move(server));
}

bool ProxyLoader::SetAddress(const ProxySettings& settings, const std::string& path,
                             ProxyServer& server) {
  const bool parts = settings.kind.has_value() || !settings.host.empty() || settings.port != 0;
  if (!settings.url.empty()) {
    if (parts) return Bad(path + ".url", ConfigCause::kValue, "not beside kind, host and port");
    return SetUrl(settings, path, server);
  }
  if (!settings.kind.has_value() || settings.host.empty() || settings.port == 0) {
    return Bad(path, ConfigCause::kValue, "needs a url, or kind, host and port");
  }
  server.kind = *settings.kind;
  server.host = settings.host;
  server.host_kind = HostKindOf(server.host);
  server.port = static_cast<std::uint16_t>(settings.port);
  return CheckLoop(path + ".host", server);
}

bool ProxyLoader::SetUrl(const ProxySettings& settings, const std::string& path,
                         ProxyServer& server) {
  const std::string key = path + ".url";
  const Result<ProxyServer> url = ParseProxyUrl(settings.url, key);
  if (!url.has_value()) {
    const std::string& message = url.error().message;  // "KEY: why"
    return Bad(key, ConfigCause::kValue, message.substr(key.size() + 2));
  }
  if (url->HasCredentials()) {
    return Bad(key, ConfigCause::kValue, "credentials have a key of their own");
  }
  server.kind = url->kind;
  server.host = url->host;
  server.host_kind = url->host_kind;
  server.port = url->port;
  return CheckLoop(key, server);
}

// A proxy that is a listener of our own would ask us for ever.
bool ProxyLoader::CheckLoop(const std::string& path, const ProxyServer& server) {
  std::vector<std::string> texts = own_.grpc;
  texts.push_back(own_.http);
  texts.push_back(own_.admin);
  for (const std::string& text : texts) {
    const Result<ListenAddress> address = ParseListenAddress(text, "address");
    const bool tcp = address.has_value() && address->kind == ListenAddress::Kind::kTcp;
    if (!tcp || address->port != server.port || !Reaches(server.host, address->host)) continue;
    return Bad(path, ConfigCause::kProxy, "this is an address of the daemon itself");
  }
  return true;
}

bool ProxyLoader::CheckHeaders(const HeaderList& headers, const std::string& path) {
  bool good = true;
  for (std::size_t i = 0; i < headers.size(); ++i) {
    if (MayBeSent(headers[i].name)) continue;
    good = Bad(path + ".connect_headers[" + std::to_string(i) + "].name", ConfigCause::kValue,
               "this field is not for a configuration to set");
  }
  return good;
}

bool ProxyLoader::SetCredentials(const ProxySettings& settings, const std::string& path,
                                 ProxyServer& server) {
  const bool file = !settings.credential_file.empty();
  const bool variable = !settings.credential_variable.empty();
  if (!file && !variable) return true;
  const std::string key = path + ".credentials" + (file ? ".file" : ".environment");
  const auto bad = [&](const char* why) { return Bad(key, ConfigCause::kProxy, why); };
  if (file && variable) return bad("either a file or an environment variable, not both");
  std::string text;
  if (file) {
    if (!inputs_.Read(settings.credential_file, key, text)) return false;
    if (text.ends_with('\n')) text.pop_back();
    if (text.ends_with('\r')) text.pop_back();
  } else {
    std::optional<std::string> value = inputs_.Variable(settings.credential_variable);
    if (!value.has_value()) return bad("this environment variable is not set");
    text = *std::move(value);
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos || colon == 0) return bad("does not hold user:password");
  const bool control = std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
  });
  if (control) return bad("holds a control byte");
  server.user = text.substr(0, colon);
  server.password = text.substr(colon + 1);
  if (server.user.size() > kMaxCredentialBytes || server.password.size() > kMaxCredentialBytes) {
    return bad("user and password have at most 255 bytes each");
  }
  return true;
}

bool ProxyLoader::SetTls(const ProxySettings& settings, const std::string& path,
                         ProxyServer& server) {
  const bool https = server.kind == ProxyKind::kHttps;
  const std::string key = path + ".tls_profile";
  if (settings.tls_profile.empty()) {
    return https ? Bad(path, ConfigCause::kProxy, "an https proxy needs a tls_profile") : true;
  }
  const auto profile = tls_.find(settings.tls_profile);
  if (profile == tls_.end()) {
    return Bad(key, ConfigCause::kProxy, "no entry of tls_profiles has this name");
  }
  if (!https) return Bad(key, ConfigCause::kProxy, "only for an https proxy");
  server.tls = profile->second;
  return server.tls != nullptr;
}

}  // namespace spillway
