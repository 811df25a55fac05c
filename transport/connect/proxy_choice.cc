#include "transport/connect/proxy_choice.h"

#include <optional>
#include <string_view>
#include <utility>

#include "transport/base/no_proxy.h"
#include "transport/base/proxy_environment.h"

namespace spillway {
namespace {

Failure Unusable(std::string message) {
  Failure failure{Reason::kProxyConfigurationError, Source::kPolicy, Phase::kProxy,
                  Delivery::kNotSent};
  failure.message = std::move(message);
  return failure;
}

ProxyChoice Direct(std::string reason) { return {{nullptr}, std::move(reason)}; }

std::string EntryText(std::string_view list, std::string_view entry) {
  return std::string(list) + " entry " + EscapeForError(entry);
}

Result<ProxyChoice> FromServers(const ProxyRule& rule, const Url& url) {
  if (const std::optional<std::string_view> entry = rule.no_proxy.Match(url)) {
    return Direct(EntryText("no_proxy", *entry));
  }
  if (rule.servers.empty()) return Unusable("the destination names no proxy");
  ProxyChoice choice{rule.servers, "the destination's proxies"};
  if (rule.then_direct) choice.servers.push_back(nullptr);
  return choice;
}

Result<ProxyChoice> FromEnvironment(const ProxyEnvironment& environment, const Url& url) {
  const ProxyEnvironment::Choice& choice =
      url.scheme == "https" ? environment.https : environment.http;
  // A value that cannot be used comes first, as in Go: it is told to everyone, not only to those
  // whom NO_PROXY does not name.
  if (!choice.server) return choice.server.error();
  if (*choice.server == nullptr) return Direct(choice.variable + " is not set");
  if (const std::string_view loopback = LoopbackName(url); !loopback.empty()) {
    return Direct("environment: a " + std::string(loopback) + " is never proxied");
  }
  if (const std::optional<std::string_view> entry = environment.no_proxy.Match(url)) {
    return Direct(EntryText(environment.no_proxy_variable, *entry));
  }
  return ProxyChoice{{*choice.server}, "environment variable " + choice.variable};
}

}  // namespace

Result<ProxyChoice> ChooseProxies(const ProxyRule& rule, const Url& url) {
  switch (rule.kind) {
    case ProxyRule::Kind::kDirect:
      break;
    case ProxyRule::Kind::kServers:
      return FromServers(rule, url);
    case ProxyRule::Kind::kEnvironment:
      if (rule.environment == nullptr) return Unusable("the environment's proxies were not read");
      return FromEnvironment(*rule.environment, url);
  }
  return Direct("the destination is reached directly");
}

}  // namespace spillway
