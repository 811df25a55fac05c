#include "transport/base/ip_address.h"

#include <arpa/inet.h>

namespace spillway {

std::string IpAddress::Text() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family_number = family == Family::kIpv4 ? AF_INET : AF_INET6;
  inet_ntop(family_number, bytes.data(), text.data(), text.size());
  return text.data();
}

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  const std::string terminated(text);
  IpAddress address;
  if (inet_pton(AF_INET, terminated.c_str(), address.bytes.data()) == 1) return address;
  address.family = Family::kIpv6;
  if (inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) == 1) return address;
  return std::nullopt;
}

}  // namespace spillway
