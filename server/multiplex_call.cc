#include "server/multiplex_call.h"

#include <utility>

#include "server/call_support.h"
#include "server/caller_identity.h"

namespace spillway {
namespace {

Failure TooManyInFlight() {
  return {.reason = Reason::kPoolQueueFull,
          .source = Source::kService,
          .phase = Phase::kQueue,
          .delivery = Delivery::kNotSent,
          .message = "too many calls are in flight on this stream"};
}

}  // namespace

MultiplexCall* MultiplexCall::Start(const CallContext& context,
                                    const grpc::CallbackServerContext& grpc_context,
                                    const MultiplexLimits& limits) {
  const std::shared_ptr<MultiplexCall> call(new MultiplexCall(context, grpc_context, limits));
  call->self_ = call;
  call->ReadOn();
  return call.get();
}

MultiplexCall::MultiplexCall(const CallContext& context,
                             const grpc::CallbackServerContext& grpc_context,
                             const MultiplexLimits& limits)
    : context_(context),
      started_(context.transport->Now()),
      deadline_(After(started_, GrpcTimeLeft(grpc_context))),
      machine_(limits) {
  context_.observer->OnCallStarted(kMethod);
  if (context_.identify) tenant_ = CallerIdentity(*grpc_context.auth_context());
}

void MultiplexCall::ReadOn() {
  {
    const MutexLock lock(mu_);
    if (!machine_.StartRead()) return;
  }
  StartRead(&incoming_);
}

void MultiplexCall::OnReadDone(bool ok) {
  if (ok) {
    {
      const MutexLock lock(mu_);
      machine_.OnMessage();
    }
    reader_.emplace(incoming_);
    incoming_.Clear();
    return Handle();
  }
  {
    const MutexLock lock(mu_);
    machine_.OnReadsEnded();
  }
  MaybeFinish();
}

void MultiplexCall::Handle() {
  while (true) {
    {
      const MutexLock lock(mu_);
      if (machine_.gone() || machine_.reads_ended()) break;
      paused_ = !machine_.MayHandle();
      // OnWriteDone goes on from here.
      if (paused_) return;
    }
    if (!HandleItem()) break;
  }
  reader_.reset();
  if (calls_read_ > 0) context_.observer->OnMultiplexCalls(std::exchange(calls_read_, 0));
  {
    const MutexLock lock(mu_);
    machine_.OnHandled();
  }
  ReadOn();
  MaybeFinish();
}

bool MultiplexCall::HandleItem() {
  WireCall call;
  switch (reader_->Next(call)) {
    case MultiplexReader::Item::kEnd:
      return false;
    case MultiplexReader::Item::kBroken:
      EndBadly(UndecodableMessage("spillway.v1.MultiplexRequest"));
      return false;
    case MultiplexReader::Item::kCancel:
      CancelCall(call.id);
      return true;
    case MultiplexReader::Item::kCall:
      StartCall(std::move(call));
      return true;
  }
  return false;
}

void MultiplexCall::StartCall(WireCall call) {
  const std::size_t index = calls_read_++;
  const auto exchange =
      std::make_shared<MultiplexExchange>(shared_from_this(), call.id, call.request.message_bytes);
  MultiplexMachine::Verdict verdict = MultiplexMachine::Verdict::kStop;
  {
    const MutexLock lock(mu_);
    verdict = machine_.OnCall(*exchange);
    exchange->guarded.in_flight = verdict == MultiplexMachine::Verdict::kStart;
  }
  switch (verdict) {
    case MultiplexMachine::Verdict::kStart:
      break;
    case MultiplexMachine::Verdict::kTooMany:
      return exchange->Refuse(TooManyInFlight());
    case MultiplexMachine::Verdict::kBadId:
      return EndBadly(BadRequest("calls[" + std::to_string(index) + "].id",
                                 call.id == 0 ? "must not be zero" : "is in flight"));
    case MultiplexMachine::Verdict::kStop:
      return;
  }
  std::shared_ptr<RoundTripHandle> handle = exchange->Begin(std::move(call.request));
  if (handle == nullptr) return;
  {
    const MutexLock lock(mu_);
    if (exchange->guarded.ended) return;
    if (!exchange->cancelled) {
      exchange->guarded.handle = std::move(handle);
      return;
    }
    exchange->guarded.handle = handle;
  }
  // It was cancelled before there was anything to cancel.
  handle->Cancel();
}

void MultiplexCall::CancelCall(std::uint64_t id) {
  std::shared_ptr<RoundTripHandle> handle;
  {
    const MutexLock lock(mu_);
    MultiplexMachine::Member* const member = machine_.OnCancel(id);
    if (member == nullptr) return;
    handle = static_cast<MultiplexExchange*>(member)->guarded.handle;
  }
  if (handle != nullptr) handle->Cancel();
}

void MultiplexCall::Abandon(MultiplexExchange& exchange) {
  std::shared_ptr<RoundTripHandle> handle;
  {
    const MutexLock lock(mu_);
    if (std::exchange(exchange.cancelled, true)) return;
    handle = exchange.guarded.handle;
  }
  if (handle != nullptr) handle->Cancel();
}

MultiplexCall::Handles MultiplexCall::TakeAllToCancel() {
  Handles handles;
  for (MultiplexMachine::Member* member : machine_.CancelAll()) {
    const auto& handle = static_cast<MultiplexExchange*>(member)->guarded.handle;
    if (handle != nullptr) handles.push_back(handle);
  }
  return handles;
}

void MultiplexCall::EndBadly(const Failure& failure) {
  Handles handles;
  {
    const MutexLock lock(mu_);
    machine_.OnReadsEnded();
    if (machine_.gone()) return;
    status_ = ToStatus(failure, nullptr, ExchangeDetail::kNone);
    handles = TakeAllToCancel();
  }
  for (const auto& handle : handles) handle->Cancel();
}

void MultiplexCall::OnCancel() { Gone(); }

void MultiplexCall::Gone() {
  Handles handles;
  std::deque<Outgoing> dropped;
  bool was_paused = false;
  {
    const MutexLock lock(mu_);
    if (machine_.gone()) return;
    machine_.OnGone();
    status_ = grpc::Status(grpc::StatusCode::CANCELLED, "the caller is gone");
    dropped.swap(messages_);
    handles = TakeAllToCancel();
    was_paused = std::exchange(paused_, false);
    if (was_paused) machine_.OnHandled();
  }
  for (const Outgoing& message : dropped) context_.admission->End(message.calls);
  for (const auto& handle : handles) handle->Cancel();
  MaybeFinish();
}

void MultiplexCall::OnResult(MultiplexExchange& exchange, EncodedResult& result,
                             std::optional<CallOutcome> outcome) {
  std::shared_ptr<RoundTripHandle> done;
  bool dropped = false;
  bool flush = false;
  {
    const MutexLock lock(mu_);
    exchange.guarded.ended = true;
    done = std::move(exchange.guarded.handle);
    const auto placed = exchange.guarded.in_flight ? machine_.OnResult(exchange, result.bytes())
                                                   : machine_.OnRefusal(result.bytes());
    dropped = placed == MultiplexMachine::Placement::kDropped;
    if (!dropped) {
      if (placed == MultiplexMachine::Placement::kNewMessage) {
        messages_.push_back(std::move(spare_));
        spare_ = {};
      }
      Outgoing& message = messages_.back();
      message.message.Add(result);
      ++message.results;
      if (outcome.has_value()) message.calls.Add(exchange.held(), *outcome);
      flush = !std::exchange(flush_due_, true);
    }
  }
  if (flush) context_.transport->AtEndOfTurn([self = shared_from_this()] { self->OnTurnEnded(); });
  if (!dropped) return;
  if (outcome.has_value()) context_.admission->End(exchange.held(), *outcome);
  MaybeFinish();
}

void MultiplexCall::OnTurnEnded() {
  {
    const MutexLock lock(mu_);
    flush_due_ = false;
  }
  Flush();
}

void MultiplexCall::Flush() {
  Outgoing message;
  {
    const MutexLock lock(mu_);
    // What the loop's turn still brings goes along; its end is near.
    if (flush_due_ || !machine_.StartWrite()) return;
    message = std::move(messages_.front());
    messages_.pop_front();
    writing_ = std::exchange(message.calls, {});
  }
  context_.observer->OnMultiplexResults(std::exchange(message.results, 0));
  outgoing_ = message.message.Take();
  {
    const MutexLock lock(mu_);
    spare_ = std::move(message);
  }
  StartWrite(&outgoing_);
}

void MultiplexCall::OnWriteDone(bool ok) {
  outgoing_.Clear();
  EndedCalls written;
  bool handle = false;
  {
    const MutexLock lock(mu_);
    machine_.OnWritten();
    written = std::exchange(writing_, {});
    if (ok && machine_.MayHandle()) handle = std::exchange(paused_, false);
  }
  context_.admission->End(written);
  if (!ok) {
    Gone();
    return MaybeFinish();
  }
  Flush();
  if (handle) return Handle();
  ReadOn();
  MaybeFinish();
}

void MultiplexCall::MaybeFinish() {
  grpc::Status status;
  {
    const MutexLock lock(mu_);
    if (!machine_.TakeFinish()) return;
    status = std::move(status_);
  }
  context_.observer->OnCallEnded(kMethod, StatusCodeName(status.error_code()),
                                 context_.transport->Now() - started_);
  Finish(status);
}

void MultiplexCall::OnDone() { self_.reset(); }

}  // namespace spillway
