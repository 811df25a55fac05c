#include "server/explain.h"

#include <chrono>
#include <string_view>
#include <utility>
#include <vector>

#include "server/pool_info.h"
#include "transport/tls_profiles.h"

namespace spillway {
namespace {

std::string_view VersionText(TlsVersion version) {
  return version == TlsVersion::kTls12 ? "1.2" : "1.3";
}

std::string_view RootsText(const TlsProfile& profile) {
  if (profile.insecure) return "nobody is verified";
  if (profile.roots_pem.empty()) return "system";
  return profile.system_roots ? "system and own" : "own";
}

std::string_view TunnelText(const ConnectPlan& plan) {
  if (plan.proxy == nullptr) return "";
  switch (plan.tunnel) {
    case Tunnel::kConnect:
      return "connect";
    case Tunnel::kSocks5:
      return "socks5";
    case Tunnel::kNone:
      break;
  }
  return "absolute-form";
}

void FillTls(const TlsStep& step, v1::ExplainTls& out) {
  const TlsProfile& profile = *step.profile;
  out.set_profile(profile.name);
  out.set_sni(step.sni);
  out.set_verify_name(step.verify_name);
  out.set_insecure(profile.insecure);
  out.set_roots(std::string(RootsText(profile)));
  out.set_min_version(std::string(VersionText(profile.min_version)));
  out.set_max_version(std::string(VersionText(profile.max_version)));
  out.set_pins(static_cast<std::uint32_t>(profile.pins.size()));
  out.set_resumption(profile.resumption);
  const bool both = step.alpn == AlpnOffer::kBoth;
  if (both || step.alpn == AlpnOffer::kHttp2) out.add_alpn("h2");
  if (both || step.alpn == AlpnOffer::kHttp1) out.add_alpn("http/1.1");
  const std::vector<CertificateFact> own = ClientCertificateFacts(profile);
  if (own.empty()) return;
  out.set_certificate_subject(own.front().subject);
  const auto expiry = own.front().not_after.time_since_epoch();
  out.mutable_certificate_expiry()->set_seconds(
      std::chrono::duration_cast<std::chrono::seconds>(expiry).count());
}

std::string HostPortText(const std::string& host, HostKind kind, std::uint16_t port) {
  Url url;
  url.host = host;
  url.host_kind = kind;
  url.port = port;
  return url.HostPort();
}

void FillWay(const ConnectPlan& plan, v1::Way& out) {
  if (plan.proxy != nullptr) {
    out.set_proxy(plan.proxy->Text());
    out.set_proxy_name(plan.proxy->name);
  }
  out.set_tunnel(std::string(TunnelText(plan)));
  out.set_dialled(HostPortText(plan.host, plan.host_kind, plan.port));
  if (plan.proxy_tls.has_value()) FillTls(*plan.proxy_tls, *out.mutable_proxy_tls());
  out.set_resolve_here(plan.resolve_target);
}

void FillAddresses(const Explanation& explanation, v1::ExplainResponse& response) {
  const ConnectPlan& first = explanation.route.plans.front();
  response.set_address_source(!first.addresses.static_addresses.empty() ? "static"
                              : first.host_kind != HostKind::kName      ? "literal"
                                                                        : "resolver");
  for (std::size_t i = 0; i < explanation.addresses.size(); ++i) {
    v1::ExplainAddress& address = *response.add_addresses();
    address.set_address(explanation.addresses[i].Text());
    address.set_allowed(i < explanation.allowed.size() && explanation.allowed[i]);
  }
  if (explanation.lookup_failure.has_value()) {
    response.set_lookup_error(explanation.lookup_failure->message);
  }
}

void FillTimeouts(const Timeouts& timeouts, v1::ExplainTimeouts& out) {
  const auto set = [](Duration value, auto get) {
    if (value != kForever) SetDuration(value, *get());
  };
  set(timeouts.total, [&] { return out.mutable_total(); });
  set(timeouts.connect, [&] { return out.mutable_connect(); });
  set(timeouts.tls_handshake, [&] { return out.mutable_tls_handshake(); });
  set(timeouts.proxy, [&] { return out.mutable_proxy(); });
  set(timeouts.response_header, [&] { return out.mutable_response_header(); });
  set(timeouts.body_stall, [&] { return out.mutable_body_stall(); });
}

}  // namespace

void FillExplainResponse(const std::string& url, const Explanation& explanation,
                         v1::ExplainResponse& response) {
  response.set_policy_version(explanation.policy->version());
  const Result<Url> parsed = ParseUrl(url);
  if (parsed.has_error()) return;
  response.set_url(parsed->Text());
  std::string_view rule;
  const Destination& destination = explanation.policy->Match(*parsed, &rule);
  response.set_destination(destination.name);
  response.set_rule(std::string(rule));
  response.set_isolate_tenants(destination.isolate_tenants);
  if (explanation.refusal.has_value()) {
    response.mutable_refusal()->set_reason(std::string(Label(explanation.refusal->reason)));
    response.mutable_refusal()->set_message(explanation.refusal->message);
    return;
  }
  const Route& route = explanation.route;
  response.set_pool_key(route.key.Text());
  response.set_protocol(route.key.protocol);
  response.set_proxy_reason(route.proxy_reason);
  for (const ConnectPlan& plan : route.plans) FillWay(plan, *response.add_ways());
  const ConnectPlan& first = route.plans.front();
  if (first.origin_tls.has_value()) FillTls(*first.origin_tls, *response.mutable_tls());
  FillAddresses(explanation, response);
  SetPoolLimits(destination.pool, *response.mutable_limits());
  FillTimeouts(destination.timeouts, *response.mutable_timeouts());
}

}  // namespace spillway
