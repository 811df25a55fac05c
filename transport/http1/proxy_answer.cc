#include "transport/http1/proxy_answer.h"

#include <algorithm>
#include <string>
#include <utility>

namespace spillway {
namespace {

constexpr std::uint32_t kProxyAuthenticationRequiredStatus = 407;

}  // namespace

std::optional<Failure> FailureOfProxyAnswer(const ResponseHead& head, std::string_view proxy_text) {
  if (head.status != kProxyAuthenticationRequiredStatus) return std::nullopt;
  Failure failure{Reason::kProxyAuthenticationRequired, Source::kProxy, Phase::kProxy,
                  Delivery::kUnprocessed};
  failure.message =
      "proxy " + std::string(proxy_text) + " demands other credentials: it answered with 407";
  failure.proxy_status = kProxyAuthenticationRequiredStatus;
  return failure;
}

bool IsProxyField(std::string_view name) {
  return EqualsIgnoreCase(name, "Proxy-Authenticate") ||
         EqualsIgnoreCase(name, "Proxy-Authentication-Info") ||
         EqualsIgnoreCase(name, "Proxy-Connection");
}

void RemoveProxyFields(HeaderList& headers) {
  const auto is_proxy_field = [](const HeaderField& field) { return IsProxyField(field.name); };
  if (std::none_of(headers.begin(), headers.end(), is_proxy_field)) return;
  HeaderList kept;
  for (const HeaderField& field : headers) {
    if (!is_proxy_field(field)) kept.Add(field);
  }
  headers = std::move(kept);
}

}  // namespace spillway
