#include "server/multiplex_exchange.h"

#include <utility>

#include "server/call_support.h"
#include "server/request_mapping.h"

namespace spillway {
namespace {

// Encoded on the thread that ends a call and taken apart before anything else is encoded there.
EncodedResult& Scratch() {
  thread_local EncodedResult result;
  return result;
}

}  // namespace

MultiplexExchange::MultiplexExchange(std::shared_ptr<MultiplexOwner> owner, std::uint64_t call_id,
                                     std::uint64_t request_bytes)
    : Collector(*owner->context().admission, request_bytes),
      Member{.id = call_id},
      owner_(std::move(owner)),
      context_(owner_->context()),
      access_(context_) {}

std::shared_ptr<RoundTripHandle> MultiplexExchange::Begin(WireRequest request,
                                                          std::uint64_t counted) {
  context_.observer->OnCaller(owner_->tenant());
  if (const std::optional<Failure> refusal = context_.admission->Admit(held_bytes(), counted)) {
    Refuse(*refusal);
    return nullptr;
  }
  admitted_ = true;
  access_.Note(request.method, request.url);
  Result<MappedRequest> mapped = MapRequest(
      std::move(request), {.now = access_.started(),
                           .grpc_time_left = Until(owner_->deadline(), access_.started()),
                           .max_response_bytes = context_.max_response_bytes,
                           .transport = context_.transport});
  if (!mapped.has_value()) {
    Refuse(mapped.error());
    return nullptr;
  }
  detail_ = mapped->detail;
  if (mapped->informational) WantInformational();
  mapped->request.request.tenant = owner_->tenant();
  return context_.client->Start(std::move(mapped->request), shared_from_this());
}

void MultiplexExchange::Refuse(const Failure& failure) { EndWith(failure, nullptr); }

void MultiplexExchange::EndWith(const Failure& failure, const RoundTripRecord* record) {
  access_.Write(owner_->tenant(), &failure, record);
  const grpc::Status status = ToStatus(failure, record, detail_);
  if (status.error_code() == grpc::StatusCode::INTERNAL) LogInternalFault(status.error_message());
  EncodedResult& result = Scratch();
  result.SetError(id, status);
  owner_->OnResult(*this, result, admitted_ ? std::optional(OutcomeOf(failure)) : std::nullopt);
}

void MultiplexExchange::OnMemoryExhausted() {
  // Where Start has not returned yet, there is nothing to cancel: the rest of the body is then read
  // and dropped, and OnEnd answers the same.
  owner_->Abandon(*this);
}

void MultiplexExchange::OnEnd(const RoundTripRecord& record) {
  context_.observer->OnExchange(record);
  if (exhausted()) return EndWith(MemoryExhausted(head().status), &record);
  if (record.failure.has_value()) return EndWith(*record.failure, &record);
  access_.Write(owner_->tenant(), nullptr, &record);
  const Body body = TakeBody();
  EncodedResult& result = Scratch();
  result.SetResponse(id, Describe(body, record, detail_));
  owner_->OnResult(*this, result, CallOutcome::kOk);
}

}  // namespace spillway
