// A proxy as a URL, the way environment variables and configuration files write it.
//
// Thread safety: pure functions.
// Errors never hold the text: it may have a password in it.

#pragma once

#include <string_view>

#include "transport/base/failure.h"
#include "transport/base/proxy.h"

namespace spillway {

inline constexpr std::size_t kMaxProxyUrlBytes = std::size_t{4} * 1024;

// Reads scheme://[user[:password]@]host[:port][/]; the scheme is http, https, socks5 or socks5h
// (P2, P13), the port by default 80, 443 or 1080, user and password are percent-decoded. The host
// has the rules of ParseUrl. Fills kind, host, host_kind, port, user and password; the digest of
// the credentials, and what a URL does not say, are the caller's. Errors: BadRequest(field, why).
Result<ProxyServer> ParseProxyUrl(std::string_view text, std::string_view field);

// What is wrong with `proxy`; "" when it can be used. Credentials that its protocol cannot carry
// (O-298, RFC 7617), static headers that are malformed or not the configuration's to set, or that
// no CONNECT would ever carry.
std::string_view ProblemOf(const ProxyServer& proxy);

}  // namespace spillway
