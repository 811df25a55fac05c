#include "server/call_context.h"

#include "server/caller_identity.h"

namespace spillway {

std::string Identify(const CallContext& context, const grpc::CallbackServerContext& grpc_context) {
  std::string tenant;
  if (context.identify) tenant = CallerIdentity(*grpc_context.auth_context());
  context.observer->OnCaller(tenant);
  return tenant;
}

std::string_view ProtocolOf(const ResponseHead& head, const RoundTripRecord& record) {
  // The origin's own minor version, which the connection's name does not tell.
  if (head.minor_version == 0) return "HTTP/1.0";
  return record.connection != nullptr ? std::string_view(record.connection->protocol) : "";
}

ExchangeParts PartsOf(ExchangeDetail detail) {
  const bool timeline = detail == ExchangeDetail::kTimeline;
  return {.attempt_log = timeline, .timeline = timeline};
}

void AccessNote::Note(const std::string& method, const std::string& url) {
  if (!wanted()) return;
  method_ = method;
  url_ = url;
}

void AccessNote::Write(const std::string& tenant, const Failure* failure,
                       const RoundTripRecord* record) {
  if (context_.access_log == nullptr) return;
  context_.access_log->Write({.method = method_,
                              .url = url_,
                              .identity = tenant,
                              .duration = context_.transport->Now() - started_,
                              .failure = failure,
                              .record = record});
}

}  // namespace spillway
