#include "server/unary_call.h"

#include <utility>

#include "server/call_support.h"
#include "server/caller_identity.h"
#include "server/request_mapping.h"
#include "server/wire_decode.h"
#include "server/wire_encode.h"

namespace spillway {

grpc::ServerUnaryReactor* UnaryCall::Start(const CallContext& context,
                                           const grpc::CallbackServerContext& grpc_context,
                                           const grpc::ByteBuffer& request,
                                           grpc::ByteBuffer& response) {
  const std::shared_ptr<UnaryCall> call(new UnaryCall(context, request.Length(), response));
  call->self_ = call;
  call->Begin(grpc_context, request);
  return call.get();
}

UnaryCall::UnaryCall(const CallContext& context, std::uint64_t request_bytes,
                     grpc::ByteBuffer& response)
    : Collector(*context.admission, request_bytes),
      context_(context),
      response_(response),
      started_(context.transport->Now()) {}

void UnaryCall::Begin(const grpc::CallbackServerContext& grpc_context,
                      const grpc::ByteBuffer& request) {
  context_.observer->OnCallStarted(kMethod);
  Identify(grpc_context);
  if (const std::optional<Failure> refusal = context_.admission->Admit(held_bytes())) {
    return Refuse(*refusal);
  }
  admitted_ = true;
  WireRequest wire;
  if (!DecodeHttpRequest(request, wire)) {
    return Refuse(UndecodableMessage("spillway.v1.HttpRequest"));
  }
  if (context_.access_log != nullptr && context_.access_log->wants_any()) {
    method_ = wire.method;
    url_ = wire.url;
  }
  Result<MappedRequest> mapped =
      MapRequest(std::move(wire), {.now = started_,
                                   .grpc_time_left = GrpcTimeLeft(grpc_context),
                                   .max_response_bytes = context_.max_response_bytes});
  if (!mapped.has_value()) return Refuse(mapped.error());
  detail_ = mapped->detail;
  if (mapped->informational) WantInformational();
  mapped->request.request.tenant = tenant_;
  handle_ = context_.client->Start(std::move(mapped->request), self_);
  cancellable_.store(handle_.get(), std::memory_order_release);
}

void UnaryCall::Identify(const grpc::CallbackServerContext& grpc_context) {
  if (context_.identify) tenant_ = CallerIdentity(*grpc_context.auth_context());
  context_.observer->OnCaller(tenant_);
}

void UnaryCall::WriteAccess(const Failure* failure, const RoundTripRecord* record) {
  if (context_.access_log == nullptr) return;
  context_.access_log->Write({.method = method_,
                              .url = url_,
                              .identity = tenant_,
                              .duration = context_.transport->Now() - started_,
                              .failure = failure,
                              .record = record});
}

void UnaryCall::Cancel() {
  RoundTripHandle* handle = cancellable_.load(std::memory_order_acquire);
  if (handle != nullptr) handle->Cancel();
}

void UnaryCall::OnCancel() { Cancel(); }

void UnaryCall::OnDone() {
  // Only now has gRPC let go of the response: a caller that does not read keeps its share of the
  // memory, and a drain waits for it.
  if (admitted_) context_.admission->End(held_bytes(), outcome_);
  // The handle may hold the sink, which is this.
  handle_.reset();
  self_.reset();
}

void UnaryCall::OnMemoryExhausted() {
  // On the thread of OnData, where Transport::Start may not have returned yet and there is nothing
  // to cancel: the rest of the body is then read and dropped, and OnEnd answers the same.
  Cancel();
}

void UnaryCall::OnEnd(const RoundTripRecord& record) {
  if (exhausted()) {
    const Failure failure = MemoryExhausted(head().status);
    WriteAccess(&failure, &record);
    return End(ToStatus(failure, &record, detail_), CallOutcome::kFailed);
  }
  WriteAccess(record.failure.has_value() ? &*record.failure : nullptr, &record);
  if (record.failure.has_value()) {
    return End(ToStatus(*record.failure, &record, detail_), OutcomeOf(*record.failure));
  }
  EncodeResponse(record);
  End(grpc::Status::OK, CallOutcome::kOk);
}

void UnaryCall::EncodeResponse(const RoundTripRecord& record) {
  const Body body = TakeBody();
  WireResponse wire;
  wire.head = &head();
  wire.body = &body;
  wire.trailers = &trailers();
  wire.informational = &informational();
  if (record.connection != nullptr) wire.protocol = record.connection->protocol;
  // The origin's own minor version, which the connection's name does not tell.
  if (head().minor_version == 0) wire.protocol = "HTTP/1.0";
  const bool timeline = detail_ == ExchangeDetail::kTimeline;
  if (detail_ != ExchangeDetail::kNone) wire.record = &record;
  wire.parts = {.attempt_log = timeline, .timeline = timeline};
  EncodeHttpResponse(wire, response_);
}

void UnaryCall::Refuse(const Failure& failure) {
  WriteAccess(&failure, nullptr);
  End(ToStatus(failure, nullptr, ExchangeDetail::kNone), OutcomeOf(failure));
}

void UnaryCall::End(const grpc::Status& status, CallOutcome outcome) {
  if (status.error_code() == grpc::StatusCode::INTERNAL) LogInternalFault(status.error_message());
  outcome_ = outcome;
  context_.observer->OnCallEnded(kMethod, StatusCodeName(status.error_code()),
                                 context_.transport->Now() - started_);
  Finish(status);
}

}  // namespace spillway
