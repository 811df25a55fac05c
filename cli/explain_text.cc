#include "cli/explain_text.h"

#include <ctime>
#include <string_view>

#include "cli/text.h"

namespace spillway::cli {
namespace {

constexpr std::size_t kNameWidth = 14;

class Lines {
 public:
  // Nothing for an empty value.
  void Add(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    text_ += PadRight(name, kNameWidth) + OneLine(value) + "\n";
  }
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

std::string DateText(std::int64_t unix_time) {
  const auto seconds = static_cast<std::time_t>(unix_time);
  std::tm parts{};
  char text[32];
  if (::gmtime_r(&seconds, &parts) == nullptr) return "";
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &parts)};
}

std::string TlsText(const spillway::v1::ExplainTls& tls) {
  std::string text = tls.profile().empty() ? "built-in profile" : "profile " + tls.profile();
  if (tls.insecure()) return text + ", INSECURE: whoever answers is believed";
  text += ", trusts " + tls.roots() + " roots, certificate must be for " + tls.verify_name();
  if (!tls.sni().empty() && tls.sni() != tls.verify_name()) text += ", SNI " + tls.sni();
  text += ", TLS " + tls.min_version();
  if (tls.max_version() != tls.min_version()) text += " to " + tls.max_version();
  if (tls.pins() > 0) text += ", pins: " + std::to_string(tls.pins());
  if (!tls.resumption()) text += ", no resumption";
  return text;
}

std::string CertificateText(const spillway::v1::ExplainTls& tls) {
  if (tls.certificate_subject().empty()) return "";
  return tls.certificate_subject() + ", until " + DateText(tls.certificate_expiry().seconds());
}

std::string WayText(const spillway::v1::Way& way) {
  if (way.proxy().empty()) return "direct, to " + way.dialled();
  std::string text = "proxy " + way.proxy();
  if (!way.proxy_name().empty()) text += " (" + way.proxy_name() + ")";
  text += ", " + way.tunnel();
  if (way.resolve_here()) text += ", name resolved here";
  return text;
}

std::string AddressText(const spillway::v1::ExplainResponse& response) {
  std::string text;
  for (const auto& address : response.addresses()) {
    if (!text.empty()) text += ", ";
    text += address.address() + (address.allowed() ? "" : " (refused by policy)");
  }
  if (!response.lookup_error().empty()) text += response.lookup_error();
  return text.empty() ? text : text + " (" + response.address_source() + ")";
}

std::string LimitsText(const spillway::v1::PoolLimits& limits) {
  return std::to_string(limits.max_connections()) + " connections, " +
         std::to_string(limits.max_idle()) + " idle, " + std::to_string(limits.max_waiters()) +
         " waiting, " + std::to_string(limits.max_dials()) + " dials";
}

std::string TimeoutsText(const spillway::v1::ExplainTimeouts& timeouts) {
  std::string text = "connect " + TimeText(DurationOf(timeouts.connect()));
  if (timeouts.has_response_header()) {
    text += ", response header " + TimeText(DurationOf(timeouts.response_header()));
  }
  if (timeouts.has_body_stall()) {
    text += ", body stall " + TimeText(DurationOf(timeouts.body_stall()));
  }
  if (timeouts.has_total()) text += ", total " + TimeText(DurationOf(timeouts.total()));
  return text;
}

}  // namespace

std::string ExplainText(const spillway::v1::ExplainResponse& response) {
  Lines lines;
  lines.Add("url", response.url());
  lines.Add("destination",
            response.destination().empty() ? "none matches: the defaults" : response.destination());
  lines.Add("rule", response.rule());
  lines.Add("policy", "version " + std::to_string(response.policy_version()));
  if (response.has_refusal()) {
    lines.Add("REFUSED", response.refusal().reason() + ": " + response.refusal().message());
    return lines.Take();
  }
  lines.Add("protocol", response.protocol());
  lines.Add("proxy", response.proxy_reason());
  for (const auto& way : response.ways()) {
    lines.Add("way", WayText(way));
    if (!way.has_proxy_tls()) continue;
    lines.Add("  proxy TLS", TlsText(way.proxy_tls()));
    lines.Add("  we are", CertificateText(way.proxy_tls()));
  }
  if (response.has_tls()) {
    lines.Add("TLS", TlsText(response.tls()));
    lines.Add("we are", CertificateText(response.tls()));
  }
  lines.Add("addresses", AddressText(response));
  lines.Add("pool", response.pool_key());
  lines.Add("limits", LimitsText(response.limits()));
  lines.Add("timeouts", TimeoutsText(response.timeouts()));
  if (response.isolate_tenants()) lines.Add("tenants", "never share a connection");
  return lines.Take();
}

}  // namespace spillway::cli
