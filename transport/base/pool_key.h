// When are two connections interchangeable? When their PoolKeys are equal, field by field.
//
// What it is: every fact that decides how an origin is reached and with which identity (K1, K2, K6,
// hostile-cases.md 3.5). One field list (Fields) serves equality, hash and printing, so a field
// cannot be forgotten in one of them; the flip test walks the same list.
// Thread safety: plain values.
// Invariants: secrets appear only as digests. The hash is only a hash; equality compares values.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

namespace spillway {

struct PoolKey {
  std::string scheme;  // "http" or "https"
  std::string host;    // Url::host
  std::uint16_t port = 0;
  std::string destination;            // name of the policy entry: its limits and addresses apply
  std::string protocol = "http/1.1";  // Label(Protocol); auto on http is http/1.1
  std::string sni;
  std::string verify_name;
  std::string verify_mode;
  std::string tls_digest;  // of the whole profile, whatever has no field of its own
  std::string roots_digest;
  std::string revocation_mode;
  std::string trust_flags;
  std::string client_certificate_digest;
  std::string client_key_digest;
  std::string tls_versions;
  std::string tls_lists;  // ciphers, groups, signature algorithms
  std::string alpn;
  std::string early_data;
  std::string proxy_chain;  // kind, host, port of each hop
  std::string proxy_tls_digest;
  std::string proxy_credential_digest;
  std::string local_bind;  // address, interface, mark
  std::string ipv6_zone;
  std::string address_family;
  std::string address_policy;  // class and version
  std::string resolver_override;
  std::string isolation;        // tenant, unless policy shares the pool
  std::string connection_auth;  // identity once a connection-level login tainted it

  // name, member: the single list.
  static constexpr auto Fields() {
    return std::make_tuple(
        std::pair("scheme", &PoolKey::scheme), std::pair("host", &PoolKey::host),
        std::pair("port", &PoolKey::port), std::pair("destination", &PoolKey::destination),
        std::pair("protocol", &PoolKey::protocol), std::pair("sni", &PoolKey::sni),
        std::pair("verify_name", &PoolKey::verify_name),
        std::pair("verify_mode", &PoolKey::verify_mode),
        std::pair("tls_digest", &PoolKey::tls_digest),
        std::pair("roots_digest", &PoolKey::roots_digest),
        std::pair("revocation_mode", &PoolKey::revocation_mode),
        std::pair("trust_flags", &PoolKey::trust_flags),
        std::pair("client_certificate_digest", &PoolKey::client_certificate_digest),
        std::pair("client_key_digest", &PoolKey::client_key_digest),
        std::pair("tls_versions", &PoolKey::tls_versions),
        std::pair("tls_lists", &PoolKey::tls_lists), std::pair("alpn", &PoolKey::alpn),
        std::pair("early_data", &PoolKey::early_data),
        std::pair("proxy_chain", &PoolKey::proxy_chain),
        std::pair("proxy_tls_digest", &PoolKey::proxy_tls_digest),
        std::pair("proxy_credential_digest", &PoolKey::proxy_credential_digest),
        std::pair("local_bind", &PoolKey::local_bind), std::pair("ipv6_zone", &PoolKey::ipv6_zone),
        std::pair("address_family", &PoolKey::address_family),
        std::pair("address_policy", &PoolKey::address_policy),
        std::pair("resolver_override", &PoolKey::resolver_override),
        std::pair("isolation", &PoolKey::isolation),
        std::pair("connection_auth", &PoolKey::connection_auth));
  }

  bool operator==(const PoolKey& other) const;
  // "http://host:port destination=payments ..." with only the fields that are not empty.
  std::string Text() const;
};

struct PoolKeyHash {
  std::size_t operator()(const PoolKey& key) const;
};

}  // namespace spillway
