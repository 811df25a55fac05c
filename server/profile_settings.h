// What the configuration file says about TLS profiles and proxies, before any file is read.
//
// What it is: names of files and of other entries; server/profile_loader.h makes the transport's
// TlsProfile and ProxyServer of them.
// Thread safety: plain values.
// Invariants: no secrets but `value` of a connect header.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "transport/base/header_list.h"
#include "transport/base/policy.h"
#include "transport/base/proxy.h"
#include "transport/base/tls_profile.h"

namespace spillway {

struct TlsProfileSettings {
  std::string name;
  std::optional<bool> system_roots;  // nullopt: when there are no others, unless insecure
  std::vector<std::string> root_files;
  std::string inline_roots;      // PEM
  std::string certificate_file;  // both or none
  std::string key_file;
  std::string sni;
  std::string verify_name;
  TlsVersion min_version = TlsVersion::kTls12;
  TlsVersion max_version = TlsVersion::kTls13;
  std::string ciphers;
  std::string cipher_suites;
  std::string groups;
  std::vector<std::string> pins;  // "sha256/..."
  bool resumption = true;
  bool insecure = false;

  bool UsesSystemRoots() const {
    return system_roots.value_or(!insecure && root_files.empty() && inline_roots.empty());
  }
  bool operator==(const TlsProfileSettings&) const = default;
};

struct ProxySettings {
  std::string name;
  std::string url;                // either this
  std::optional<ProxyKind> kind;  // or these three
  std::string host;
  std::uint32_t port = 0;
  std::string credential_file;  // at most one of the two
  std::string credential_variable;
  std::string tls_profile;
  HeaderList connect_headers;
  bool tunnel_http = false;

  bool operator==(const ProxySettings&) const = default;
};

// What a destination, or `defaults`, says by name.
struct RouteSettings {
  std::string tls_profile;  // "": the built-in one
  std::optional<ProxyRule::Kind> proxy_mode;
  std::vector<std::string> proxy_servers;
  std::vector<std::string> no_proxy;
  bool then_direct = false;

  ProxyRule::Kind ProxyMode() const {
    return proxy_mode.value_or(proxy_servers.empty() ? ProxyRule::Kind::kDirect
                                                     : ProxyRule::Kind::kServers);
  }
  bool operator==(const RouteSettings&) const = default;
};

}  // namespace spillway
