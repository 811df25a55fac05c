#include "server/unary_call.h"

#include <utility>

#include "server/call_support.h"
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
      access_(context) {}

void UnaryCall::Begin(const grpc::CallbackServerContext& grpc_context,
                      const grpc::ByteBuffer& request) {
  context_.observer->OnCallStarted(kMethod);
  tenant_ = Identify(context_, grpc_context);
  if (const std::optional<Failure> refusal = context_.admission->Admit(held_bytes())) {
    return Refuse(*refusal);
  }
  admitted_ = true;
  WireRequest wire;
  if (!DecodeHttpRequest(request, wire)) {
    return Refuse(UndecodableMessage("spillway.v1.HttpRequest"));
  }
  access_.Note(wire.method, wire.url);
  Result<MappedRequest> mapped =
      MapRequest(std::move(wire), {.now = access_.started(),
                                   .grpc_time_left = GrpcTimeLeft(grpc_context),
                                   .max_response_bytes = context_.max_response_bytes,
                                   .transport = context_.transport});
  if (!mapped.has_value()) return Refuse(mapped.error());
  detail_ = mapped->detail;
  if (mapped->informational) WantInformational();
  mapped->request.request.tenant = tenant_;
  handle_ = context_.client->Start(std::move(mapped->request), self_);
  cancellable_.store(handle_.get(), std::memory_order_release);
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
  context_.observer->OnExchange(record);
  if (exhausted()) {
    const Failure failure = MemoryExhausted(head().status);
    access_.Write(tenant_, &failure, &record);
    return End(ToStatus(failure, &record, detail_), CallOutcome::kFailed);
  }
  access_.Write(tenant_, record.failure.has_value() ? &*record.failure : nullptr, &record);
  if (record.failure.has_value()) {
    return End(ToStatus(*record.failure, &record, detail_), OutcomeOf(*record.failure));
  }
  EncodeResponse(record);
  End(grpc::Status::OK, CallOutcome::kOk);
}

void UnaryCall::EncodeResponse(const RoundTripRecord& record) {
  const Body body = TakeBody();
  EncodeHttpResponse(Describe(body, record, detail_), response_);
}

void UnaryCall::Refuse(const Failure& failure) {
  access_.Write(tenant_, &failure, nullptr);
  End(ToStatus(failure, nullptr, ExchangeDetail::kNone), OutcomeOf(failure));
}

void UnaryCall::End(const grpc::Status& status, CallOutcome outcome) {
  if (status.error_code() == grpc::StatusCode::INTERNAL) LogInternalFault(status.error_message());
  outcome_ = outcome;
  context_.observer->OnCallEnded(kMethod, StatusCodeName(status.error_code()),
                                 context_.transport->Now() - access_.started());
  Finish(status);
}

}  // namespace spillway
