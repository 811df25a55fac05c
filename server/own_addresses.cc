#include "server/own_addresses.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

namespace spillway {
namespace {

constexpr std::string_view kMappedPrefix("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);

template <typename T>
std::string BytesOf(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

// The address that a packet to `bytes` arrives at.
std::string Effective(std::string bytes) {
  if (bytes.size() == 16 && bytes.starts_with(kMappedPrefix)) bytes.erase(0, 12);
  if (bytes == std::string(4, '\0')) return {"\x7f\0\0\1", 4};
  if (bytes == std::string(16, '\0')) bytes.back() = 1;
  return bytes;
}

// Whether an interface has the address now; they come and go, and this is asked for dials to our
// own ports alone.
bool IsOfThisMachine(const std::string& address) {
  if (address.size() == sizeof(in_addr) && address.front() == '\x7f') return true;
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return true;  // cannot tell: refuse rather than reach ourselves
  bool found = false;
  for (const ifaddrs* one = all; one != nullptr && !found; one = one->ifa_next) {
    if (one->ifa_addr == nullptr) continue;
    if (one->ifa_addr->sa_family == AF_INET) {
      sockaddr_in v4{};
      std::memcpy(&v4, one->ifa_addr, sizeof v4);
      found = BytesOf(v4.sin_addr) == address;
    } else if (one->ifa_addr->sa_family == AF_INET6) {
      sockaddr_in6 v6{};
      std::memcpy(&v6, one->ifa_addr, sizeof v6);
      found = BytesOf(v6.sin6_addr) == address;
    }
  }
  ::freeifaddrs(all);
  return found;
}

}  // namespace

OwnAddresses::OwnAddresses(const std::vector<ListenAddress>& listeners) {
  for (const ListenAddress& listener : listeners) {
    if (listener.kind != ListenAddress::Kind::kTcp) continue;
    const std::string host = listener.host == "localhost" ? "127.0.0.1" : listener.host;
    in_addr v4{};
    in6_addr v6{};
    if (host == "0.0.0.0" || host == "::") {
      everywhere_.push_back({listener.port, host == "::"});
    } else if (inet_pton(AF_INET, host.c_str(), &v4) == 1) {
      endpoints_.push_back({BytesOf(v4), listener.port});
    } else if (inet_pton(AF_INET6, host.c_str(), &v6) == 1) {
      endpoints_.push_back({Effective(BytesOf(v6)), listener.port});
    }
  }
}

bool OwnAddresses::Contains(const sockaddr* address, unsigned length) const {
  Endpoint to;
  if (address->sa_family == AF_INET && length >= sizeof(sockaddr_in)) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    to = {Effective(BytesOf(v4.sin_addr)), ntohs(v4.sin_port)};
  } else if (address->sa_family == AF_INET6 && length >= sizeof(sockaddr_in6)) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address, sizeof v6);
    to = {Effective(BytesOf(v6.sin6_addr)), ntohs(v6.sin6_port)};
  } else {
    return false;
  }
  const bool one = std::any_of(endpoints_.begin(), endpoints_.end(), [&to](const Endpoint& own) {
    return own.port == to.port && own.address == to.address;
  });
  const bool v6 = to.address.size() == sizeof(in6_addr);
  return one || (std::any_of(everywhere_.begin(), everywhere_.end(),
                             [&](const Everywhere& own) {
                               // A listener on every IPv6 address takes IPv4, too.
                               return own.port == to.port && (own.v6 || !v6);
                             }) &&
                 IsOfThisMachine(to.address));
}

}  // namespace spillway
