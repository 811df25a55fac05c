#include "server/unary_call.h"

#include <utility>

#include "server/caller_identity.h"
#include "server/log.h"
#include "server/request_mapping.h"
#include "server/wire_decode.h"
#include "server/wire_encode.h"

namespace spillway {
namespace {

// Time until the gRPC deadline; kForever when there is none.
Duration GrpcTimeLeft(const grpc::CallbackServerContext& context) {
  const gpr_timespec deadline = context.raw_deadline();
  if (gpr_time_cmp(deadline, gpr_inf_future(deadline.clock_type)) == 0) return kForever;
  const gpr_timespec left = gpr_time_sub(deadline, gpr_now(deadline.clock_type));
  constexpr std::int64_t kNanos = 1'000'000'000;
  if (left.tv_sec < 0) return Duration::zero();
  if (left.tv_sec >= kForever.count() / kNanos - 1) return kForever;
  return Duration(left.tv_sec * kNanos + left.tv_nsec);
}

CallOutcome OutcomeOf(const Failure& failure) {
  return failure.reason == Reason::kCancelled ? CallOutcome::kCancelled : CallOutcome::kFailed;
}

// Faults of an origin's protocol or of ours: worth an operator's look, and as frequent as the
// origin likes. The message holds nothing of a request's or response's content.
void LogInternal(std::string_view message) {
  static LogLimiter limiter;
  std::uint64_t suppressed = 0;
  if (!limiter.Allow(suppressed)) return;
  Log(LogLevel::kWarning, "call failed", {{"why", message}, {"suppressed", suppressed}});
}

Failure Undecodable() {
  return {.reason = Reason::kHttpRequestError,
          .source = Source::kCaller,
          .phase = Phase::kNone,
          .delivery = Delivery::kNotSent,
          .message = "the message is not a valid spillway.v1.HttpRequest",
          .field = {},
          .response_status = 0};
}

}  // namespace

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
    return Refuse(Undecodable());
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
    const Failure failure = {.reason = Reason::kPoolQueueFull,
                             .source = Source::kService,
                             .phase = Phase::kBody,
                             .delivery = Delivery::kAnswered,
                             .message = "messages in flight use up the memory for them",
                             .field = {},
                             .response_status = head().status};
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
  if (status.error_code() == grpc::StatusCode::INTERNAL) LogInternal(status.error_message());
  outcome_ = outcome;
  context_.observer->OnCallEnded(kMethod, StatusCodeName(status.error_code()),
                                 context_.transport->Now() - started_);
  Finish(status);
}

}  // namespace spillway
