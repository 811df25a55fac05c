#include "server/listen_address.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include <charconv>
#include <optional>

namespace spillway {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";

std::optional<std::uint16_t> ParsePort(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

bool IsIpv4(const std::string& host) {
  in_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1;
}

bool IsIpv6(const std::string& host) {
  in6_addr address{};
  return inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

Result<ListenAddress> ParseUnix(std::string_view path, std::string_view field) {
  if (!path.starts_with('/')) return BadRequest(field, "unix: needs an absolute path");
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return BadRequest(field, "the path is too long for a Unix socket (107 bytes)");
  }
  for (const char c : path) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return BadRequest(field, "the path holds a control character");
    }
  }
  ListenAddress address;
  address.kind = ListenAddress::Kind::kUnix;
  address.path = path;
  return address;
}

}  // namespace

bool ListenAddress::IsLocal() const {
  if (kind == Kind::kUnix) return true;
  return host == "localhost" || host.starts_with("127.") || host == "::1";
}

std::string ListenAddress::Text() const {
  if (kind == Kind::kUnix) return std::string(kUnixPrefix) + path;
  const bool brackets = host.find(':') != std::string::npos;
  return (brackets ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<ListenAddress> ParseListenAddress(std::string_view text, std::string_view field) {
  if (text.starts_with(kUnixPrefix)) return ParseUnix(text.substr(kUnixPrefix.size()), field);

  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) {
    return BadRequest(field, "must be host:port or unix:PATH");
  }
  const std::optional<std::uint16_t> port = ParsePort(text.substr(colon + 1));
  if (!port.has_value()) return BadRequest(field, "the port must be 0 to 65535");

  std::string host(text.substr(0, colon));
  const bool brackets = host.starts_with('[') && host.ends_with(']');
  if (brackets) host = host.substr(1, host.size() - 2);
  if (brackets ? !IsIpv6(host) : !(IsIpv4(host) || host == "localhost")) {
    return BadRequest(field,
                      "the host must be an IPv4 address, a bracketed IPv6 address or "
                      "localhost");
  }
  ListenAddress address;
  if (brackets) {
    // One spelling, so that ::1 is recognised however it was written.
    in6_addr binary{};
    inet_pton(AF_INET6, host.c_str(), &binary);
    char canonical[INET6_ADDRSTRLEN];
    host = inet_ntop(AF_INET6, &binary, canonical, sizeof canonical);
  }
  address.host = std::move(host);
  address.port = *port;
  return address;
}

}  // namespace spillway
