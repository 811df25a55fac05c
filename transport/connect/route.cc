#include "transport/connect/route.h"

#include <algorithm>
#include <array>
#include <utility>

#include "transport/connect/proxy_choice.h"

namespace spillway {
namespace {

// What a destination without a TLS profile uses. Its digest is that of nothing special: equal for
// all who use it.
const TlsProfilePtr& BuiltInTls() {
  static const TlsProfilePtr profile = std::make_shared<const TlsProfile>();
  return profile;
}

AlpnOffer OfferFor(Protocol protocol, bool http1_only) {
  if (http1_only || protocol == Protocol::kHttp1) return AlpnOffer::kHttp1;
  return protocol == Protocol::kHttp2 ? AlpnOffer::kHttp2 : AlpnOffer::kBoth;
}

std::string_view Label(AlpnOffer offer) {
  static constexpr std::array<std::string_view, 4> kLabels = {"", "http/1.1", "h2", "h2,http/1.1"};
  return kLabels.at(static_cast<std::size_t>(offer));
}

TlsStep StepFor(const TlsProfilePtr& given, const std::string& host, HostKind kind,
                AlpnOffer offer) {
  TlsStep step;
  step.profile = given != nullptr ? given : BuiltInTls();
  // An address is never sent as SNI (RFC 6066 section 3).
  step.sni = !step.profile->sni.empty() ? step.profile->sni : kind == HostKind::kName ? host : "";
  step.verify_kind = step.profile->verify_name.empty() ? kind : HostKind::kName;
  step.verify_name = step.profile->verify_name.empty() ? host : step.profile->verify_name;
  step.alpn = offer;
  return step;
}

void KeyTls(const TlsStep& step, PoolKey& key) {
  const TlsProfile& profile = *step.profile;
  key.sni = step.sni;
  key.verify_name = step.verify_name;
  key.verify_mode = profile.insecure ? "none" : "peer";
  key.tls_digest = profile.digest;
  key.roots_digest = profile.roots_digest;
  key.trust_flags = profile.system_roots ? "system" : "own";
  key.client_certificate_digest = profile.certificate_digest;
  key.client_key_digest = profile.key_digest;
  key.tls_versions = std::string(profile.min_version == TlsVersion::kTls12 ? "1.2" : "1.3") + "-" +
                     (profile.max_version == TlsVersion::kTls12 ? "1.2" : "1.3");
  if (!profile.ciphers.empty() || !profile.cipher_suites.empty() || !profile.groups.empty()) {
    key.tls_lists = profile.ciphers + "|" + profile.cipher_suites + "|" + profile.groups;
  }
  key.alpn = Label(step.alpn);
}

void KeyAddresses(const AddressChoice& addresses, PoolKey& key) {
  if (addresses.family != AddressFamily::kAny) key.address_family = Label(addresses.family);
  if (addresses.source.has_value()) key.local_bind = addresses.source->Text();
  key.resolver_override = addresses.host_alias;
  for (const IpAddress& address : addresses.static_addresses) {
    key.resolver_override += (key.resolver_override.empty() ? "=" : ",") + address.Text();
  }
}

void KeyProxies(const std::vector<ConnectPlan>& plans, PoolKey& key) {
  for (const ConnectPlan& plan : plans) {
    if (!key.proxy_chain.empty()) key.proxy_chain += ",";
    if (plan.proxy == nullptr) {
      key.proxy_chain += plans.size() > 1 ? "direct" : "";
      continue;
    }
    const ProxyServer& proxy = *plan.proxy;
    key.proxy_chain += proxy.Text();
    if (plan.tunnel == Tunnel::kConnect) key.proxy_chain += "+connect";
    key.proxy_credential_digest += proxy.credential_digest + ";";
    if (plan.proxy_tls.has_value()) key.proxy_tls_digest += plan.proxy_tls->profile->digest + ";";
  }
}

ConnectPlan PlanFor(const RouteRequest& request, const Destination& destination,
                    const ProxyServerPtr& proxy) {
  const Url& url = request.url;
  const bool secure = url.scheme == "https";
  ConnectPlan plan;
  plan.proxy = proxy;
  plan.target_host = url.host;
  plan.target_kind = url.host_kind;
  plan.target_port = url.port;
  plan.target_addresses = destination.addresses;
  plan.protocol = request.http1_only ? Protocol::kHttp1 : destination.protocol;
  plan.budget = destination.timeouts.connect;
  plan.attempt_gap = destination.timeouts.connect_attempt_gap;
  plan.tls_timeout = destination.timeouts.tls_handshake;
  plan.proxy_timeout = destination.timeouts.proxy;
  if (proxy == nullptr) {
    plan.host = url.host;
    plan.host_kind = url.host_kind;
    plan.port = url.port;
    plan.addresses = destination.addresses;
  } else {
    plan.host = proxy->host;
    plan.host_kind = proxy->host_kind;
    plan.port = proxy->port;
    plan.addresses.source = destination.addresses.source;
    const bool socks = proxy->kind == ProxyKind::kSocks5 || proxy->kind == ProxyKind::kSocks5h;
    if (proxy->kind == ProxyKind::kHttps) {
      plan.proxy_tls = StepFor(proxy->tls, proxy->host, proxy->host_kind, AlpnOffer::kHttp1);
    }
    const bool clear_h2 = plan.protocol == Protocol::kH2c;
    plan.tunnel = socks                                                           ? Tunnel::kSocks5
                  : secure || clear_h2 || request.switching || proxy->tunnel_http ? Tunnel::kConnect
                                                                                  : Tunnel::kNone;
    plan.resolve_target = proxy->kind == ProxyKind::kSocks5;
  }
  if (secure) {
    plan.origin_tls = StepFor(destination.tls, url.host, url.host_kind,
                              OfferFor(destination.protocol, request.http1_only));
  }
  return plan;
}

// Without TLS there is nothing to choose from.
std::string_view ProtocolKey(Protocol protocol, const RouteRequest& request) {
  const bool auto_in_clear = protocol == Protocol::kAuto && request.url.scheme == "http";
  return Label(request.http1_only || auto_in_clear ? Protocol::kHttp1 : protocol);
}

}  // namespace

Result<Route> PlanRoute(const Policy& policy, const RouteRequest& request) {
  Route route;
  std::string_view rule;
  const Destination& destination = policy.Match(request.url, &rule);
  route.rule = rule;
  route.destination = &destination;
  if (destination.refuse) {
    return Failure{Reason::kHttpRequestDenied, Source::kPolicy, Phase::kNone, Delivery::kNotSent,
                   destination.name.empty() ? "policy refuses destinations that it does not name"
                                            : "policy refuses this destination"};
  }
  const Result<ProxyChoice> proxies = ChooseProxies(destination.proxy, request.url);
  if (proxies.has_error()) return proxies.error();
  route.proxy_reason = proxies->reason;
  for (const ProxyServerPtr& proxy : proxies->servers) {
    route.plans.push_back(PlanFor(request, destination, proxy));
  }

  PoolKey& key = route.key;
  key.scheme = request.url.scheme;
  key.host = request.url.host;
  key.port = request.url.port;
  key.destination = destination.name;
  key.protocol = ProtocolKey(destination.protocol, request);
  if (destination.isolate_tenants) key.isolation = request.tenant;
  if (route.plans.front().origin_tls.has_value()) KeyTls(*route.plans.front().origin_tls, key);
  KeyAddresses(destination.addresses, key);
  KeyProxies(route.plans, key);

  const std::string session_scope = key.Text();
  for (ConnectPlan& plan : route.plans) {
    if (plan.origin_tls.has_value()) plan.origin_tls->session_key = "origin " + session_scope;
    if (plan.proxy_tls.has_value()) {
      plan.proxy_tls->session_key = "proxy " + plan.proxy->Text() + " " + session_scope;
    }
  }
  return route;
}

}  // namespace spillway
