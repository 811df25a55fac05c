// What the tests of proxies share: destinations behind scripted proxies.
//
// What it is: a scripted origin (tests/origin) plays the proxy and, once its tunnel is open, the
// origin at the far end of it: what one connection carries from the first byte on is in one book.
// Names are looked up as this machine.
// Thread safety: pure functions.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/harness/test_client.h"
#include "tests/harness/test_tls.h"
#include "tests/origin/origin.h"
#include "transport/base/buffered_body.h"
#include "transport/base/no_proxy.h"
#include "transport/base/proxy.h"
#include "transport/tls_profiles.h"

namespace spillway {

inline constexpr const char* kSecret = "hunter2";

inline TlsProfilePtr TrustingProfile() {
  TlsProfile tls;
  tls.system_roots = false;
  tls.roots_pem = TestTls().roots_pem;
  return SealTlsProfile(std::move(tls)).value();
}

// Whether it asks for the credentials "user" and kSecret of the destination.
enum class Login : std::uint8_t { kNone, kUser };

inline ProxyServer ProxyAt(ProxyKind kind, std::uint16_t port, Login login = Login::kNone) {
  ProxyServer proxy;
  proxy.name = "scripted";
  proxy.kind = kind;
  proxy.host = "127.0.0.1";
  proxy.host_kind = HostKind::kIpv4;
  proxy.port = port;
  if (login == Login::kUser) {
    proxy.user = "user";
    proxy.password = kSecret;
    proxy.credential_digest = "digest of user";
  }
  if (kind == ProxyKind::kHttps) proxy.tls = TrustingProfile();
  return proxy;
}

inline Destination Behind(std::vector<ProxyServer> proxies) {
  Destination destination;
  destination.tls = TrustingProfile();
  destination.proxy.kind = ProxyRule::Kind::kServers;
  for (ProxyServer& proxy : proxies) {
    destination.proxy.servers.push_back(std::make_shared<const ProxyServer>(std::move(proxy)));
  }
  return destination;
}

inline TestClient::Options ClientOf(Destination destination) {
  TestClient::Options options;
  options.destination = std::move(destination);
  options.limits.loops = 1;
  options.lookup = [](const std::string&, std::vector<std::string>& addresses) {
    addresses = {"127.0.0.1"};
    return 0;
  };
  return options;
}

// Every connection plays `script`.
inline OriginOptions Playing(std::string_view script) {
  OriginOptions options;
  options.tls_keys = TestTls().keys;
  options.rest = MustParse(script);
  return options;
}

// Waits until every connection to `origin` is closed and gives what it saw.
inline std::vector<SeenConnection> SeenWhenClosed(const Origin& origin, std::size_t connections) {
  origin.log().Await([&](const std::vector<SeenConnection>& seen) {
    if (seen.size() < connections) return false;
    for (const SeenConnection& one : seen) {
      if (!one.closed && one.peer_end == PeerEnd::kOpen) return false;
    }
    return true;
  });
  return origin.seen();
}

}  // namespace spillway
