#include "transport/base/proxy_environment.h"

#include <utility>

#include "transport/base/proxy_url.h"

namespace spillway {
namespace {

struct Variable {
  std::string name;
  std::string value;
};

// Lower case wins, as from Go 1.28 on (N1).
Variable Find(const VariableLookup& lookup, const std::string& lower, const std::string& upper) {
  Variable found{lower, lookup(lower)};
  if (found.value.empty()) found = {upper, lookup(upper)};
  return found;
}

Failure Unusable(const Variable& variable, std::string_view why) {
  Failure failure{Reason::kProxyConfigurationError, Source::kPolicy, Phase::kProxy,
                  Delivery::kNotSent};
  failure.message = "environment variable " + variable.name + " " + std::string(why);
  return failure;
}

Result<ProxyServerPtr> ParseServer(const Variable& variable, const CredentialDigest& digest,
                                   const TlsProfilePtr& proxy_tls) {
  if (variable.value.empty()) return ProxyServerPtr();
  // "proxy.corp:3128" is an http proxy (N3).
  const bool has_scheme = variable.value.find("://") != std::string::npos;
  Result<ProxyServer> parsed =
      ParseProxyUrl(has_scheme ? variable.value : "http://" + variable.value, variable.name);
  if (!parsed) {
    const std::string prefix = variable.name + ": ";
    return Unusable(variable, parsed.error().message.substr(prefix.size()));
  }
  if (parsed->HasCredentials()) {
    parsed->credential_digest = digest(parsed->user, parsed->password);
  }
  if (parsed->kind == ProxyKind::kHttps) parsed->tls = proxy_tls;
  return std::make_shared<const ProxyServer>(*std::move(parsed));
}

}  // namespace

std::shared_ptr<const ProxyEnvironment> ReadProxyEnvironment(const VariableLookup& lookup,
                                                             const CredentialDigest& digest,
                                                             const TlsProfilePtr& proxy_tls) {
  auto out = std::make_shared<ProxyEnvironment>();
  const Variable http = Find(lookup, "http_proxy", "HTTP_PROXY");
  out->http = {http.name, ParseServer(http, digest, proxy_tls)};
  if (!http.value.empty() && !lookup("REQUEST_METHOD").empty()) {
    out->http.server =
        Unusable(http, "is not used where REQUEST_METHOD is set: in CGI a caller can set it");
  }
  const Variable https = Find(lookup, "https_proxy", "HTTPS_PROXY");
  out->https = {https.name, ParseServer(https, digest, proxy_tls)};
  const Variable no_proxy = Find(lookup, "no_proxy", "NO_PROXY");
  out->no_proxy = NoProxy::Parse(no_proxy.value);
  out->no_proxy_variable = no_proxy.name;
  return out;
}

}  // namespace spillway
