// A proxy that requests may be sent through.
//
// What it is: ProxyServer is one entry of the configuration's `proxies`, or one that the
// environment names, with its credentials already read. ProxyRule is what a destination says about
// proxies; which one a request takes is decided in transport/connect/route.h.
// Thread safety: plain values; servers are shared as immutable ones.
// Invariants: `password` is a secret: never printed, logged or put in a key; `credential_digest` is
// there for that. An https proxy has a TLS profile, no other has.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "transport/base/header_list.h"
#include "transport/base/no_proxy.h"
#include "transport/base/tls_profile.h"
#include "transport/base/url.h"

namespace spillway {

enum class ProxyKind : std::uint8_t {
  kHttp,     // absolute-form for http URLs, CONNECT for https ones
  kHttps,    // the same inside TLS with the proxy
  kSocks5,   // names are resolved here, so that the address policy sees what is dialled (O-303)
  kSocks5h,  // names are resolved by the proxy, which policy trusts to filter
};
std::string_view Label(ProxyKind kind);  // http, https, socks5, socks5h

struct ProxyServer {
  std::string name;  // of the configuration's entry; "" for one of the environment
  ProxyKind kind = ProxyKind::kHttp;
  std::string host;  // as Url::host
  HostKind host_kind = HostKind::kName;
  std::uint16_t port = 0;
  std::string user;
  std::string password;
  HeaderList connect_headers;  // added to CONNECT only (P5); may hold secrets
  // Hex of SHA-256 over user, password and connect_headers; "" when there are none of them.
  std::string credential_digest;
  bool tunnel_http = false;  // CONNECT for http URLs too (O-289)
  TlsProfilePtr tls;         // kHttps: towards the proxy itself

  bool HasCredentials() const { return !user.empty() || !password.empty(); }
  // "https://proxy.example:3129", never with credentials.
  std::string Text() const;
};

using ProxyServerPtr = std::shared_ptr<const ProxyServer>;

struct ProxyEnvironment;  // transport/base/proxy_environment.h

struct ProxyRule {
  enum class Kind : std::uint8_t {
    kDirect,
    kServers,      // `servers` in this order; when all fail the request fails (O-307)
    kEnvironment,  // what HTTP_PROXY, HTTPS_PROXY and NO_PROXY said when the policy was built (N1)
  } kind = Kind::kDirect;
  std::vector<ProxyServerPtr> servers;
  NoProxy no_proxy;          // kServers: hosts that are reached directly; has no problems()
  bool then_direct = false;  // kServers: after the last server, directly. Off: fail closed
  std::shared_ptr<const ProxyEnvironment> environment = {};  // kEnvironment: never null
};

}  // namespace spillway
