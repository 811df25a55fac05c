// How to get from nothing to a connection that speaks HTTP with an origin.
//
// What it is: one way, as data: where TCP goes, what each hop asks for after that. A route
// (transport/connect/route.h) has one plan per proxy that policy allows, in their order. The dial
// (transport/io/dialer.h) does what it says.
// Thread safety: plain values.
// Invariants: `origin_tls` exactly for https URLs; `proxy_tls` exactly for https proxies; `tunnel`
// is kNone without a proxy. Order of steps: TCP, proxy_tls, tunnel, origin_tls.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "transport/base/instant.h"
#include "transport/base/ip_address.h"
#include "transport/base/policy.h"
#include "transport/base/proxy.h"
#include "transport/base/tls_profile.h"
#include "transport/base/url.h"

namespace spillway {

enum class AlpnOffer : std::uint8_t { kNone, kHttp1, kHttp2, kBoth };

// TLS with one hop.
struct TlsStep {
  TlsProfilePtr profile;  // never null
  std::string sni;        // "" sends none (IP addresses)
  std::string verify_name;
  HostKind verify_kind = HostKind::kName;  // an address is checked against iPAddress SANs alone
  AlpnOffer alpn = AlpnOffer::kNone;
  // Sessions are offered only within equal keys: the pool key's text and the hop (O-237, O-291).
  std::string session_key;
};

enum class Tunnel : std::uint8_t { kNone, kConnect, kSocks5 };

struct ConnectPlan {
  // TCP: the proxy, or the origin.
  std::string host;
  HostKind host_kind = HostKind::kName;
  std::uint16_t port = 0;
  AddressChoice addresses;  // of `host`; those of the destination only when there is no proxy

  ProxyServerPtr proxy;  // null: direct
  std::optional<TlsStep> proxy_tls;
  Tunnel tunnel = Tunnel::kNone;  // with a proxy and kNone: absolute-form requests
  // kSocks5 with a name that is to be resolved here: the address goes to the proxy.
  bool resolve_target = false;
  std::string target_host;  // of the origin
  HostKind target_kind = HostKind::kName;
  std::uint16_t target_port = 0;
  AddressChoice target_addresses;

  std::optional<TlsStep> origin_tls;
  Protocol protocol = Protocol::kAuto;

  Duration budget = kForever;  // all of it, all plans of a route together
  Duration attempt_gap{};
  Duration tls_timeout = kForever;
  Duration proxy_timeout = kForever;
};

}  // namespace spillway
