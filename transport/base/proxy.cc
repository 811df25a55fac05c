#include "transport/base/proxy.h"

#include <array>

namespace spillway {

std::string_view Label(ProxyKind kind) {
  static constexpr std::array<std::string_view, 4> kLabels = {"http", "https", "socks5", "socks5h"};
  return kLabels.at(static_cast<std::size_t>(kind));
}

std::string ProxyServer::Text() const {
  const bool brackets = host_kind == HostKind::kIpv6;
  return std::string(Label(kind)) + "://" + (brackets ? "[" + host + "]" : host) + ":" +
         std::to_string(port);
}

}  // namespace spillway
