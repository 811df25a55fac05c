#include "server/remote_rule.h"

#include <string>

namespace spillway {
namespace {

// "" when nothing is missing.
std::string_view Missing(ListenerKind kind, const FrontTlsFiles& tls) {
  if (kind == ListenerKind::kHttp) return "this listener has no TLS";
  if (tls.certificate_file.empty()) {
    return "without TLS anybody could send requests; set listen.tls (--grpc_tls_certificate, "
           "--grpc_tls_key)";
  }
  const bool mutual = !tls.client_ca_file.empty() && tls.require_client_certificate;
  if (kind == ListenerKind::kAdmin && !mutual) {
    return "operators must show a certificate; set listen.tls.client_ca_file "
           "(--grpc_tls_client_ca) and leave require_client_certificate true";
  }
  return "";
}

}  // namespace

std::string_view FlagOf(ListenerKind kind) {
  switch (kind) {
    case ListenerKind::kGrpc:
      return "--grpc_listen";
    case ListenerKind::kAdmin:
      return "--admin_listen";
    case ListenerKind::kHttp:
      return "--http_listen";
  }
  return "";
}

Result<bool> IsInsecureRemote(const ListenAddress& address, ListenerKind kind,
                              const ListenOptions& options) {
  if (address.IsLocal()) return false;
  const std::string_view missing = Missing(kind, options.tls);
  if (missing.empty()) return false;
  // Whoever administers the daemon decides where all requests go.
  if (options.allow_insecure_remote && kind != ListenerKind::kAdmin) return true;
  const std::string flag(FlagOf(kind));
  return Failure{.reason = Reason::kInternalError,
                 .source = Source::kService,
                 .phase = Phase::kNone,
                 .delivery = Delivery::kNotSent,
                 .message = "cannot listen on " + address.Text() + " (" + flag +
                            "): other machines could reach it, and " + std::string(missing) +
                            (kind == ListenerKind::kAdmin ? std::string()
                                                          : "; or say --allow_insecure_remote"),
                 .field = flag,
                 .response_status = 0};
}

}  // namespace spillway
