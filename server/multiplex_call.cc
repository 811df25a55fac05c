#include "server/multiplex_call.h"

#include <utility>

#include "server/body_share.h"
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

struct Kept {
  std::uint64_t bytes = 0;  // that the request holds
  bool message = false;     // which are all of the message's, and some
};

// Sees to it that the request keeps no more of the message than it has to.
Kept Keep(WireRequest& request, std::uint64_t message_bytes) {
  const std::uint64_t rest = request.message_bytes - request.body.size();
  KeptBody body = KeepBody(std::exchange(request.body, Body()), message_bytes);
  request.body = std::move(body.body);
  return {rest + body.weight, body.shared};
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
      grpc_context_(grpc_context),
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
    no_room_ = !CountMessage();
    incoming_.Clear();
    return Handle();
  }
  {
    const MutexLock lock(mu_);
    machine_.OnReadsEnded();
  }
  MaybeFinish();
}

bool MultiplexCall::CountMessage() {
  if (counted_ > 0) return true;
  if (!context_.admission->Grow(reader_->size())) return false;
  counted_ = reader_->size();
  return true;
}

void MultiplexCall::Handle() {
  while (true) {
    bool keep = true;
    {
      const MutexLock lock(mu_);
      if (machine_.gone() || machine_.reads_ended()) break;
      if (!machine_.MayHandle()) {
        // It stays for as long as the caller likes. Nothing counts it where there was no room when
        // it came, or where a call does that may end before.
        keep = paused_ = CountMessage();
        // OnWriteDone goes on from here.
        if (keep) return;
      }
    }
    if (!keep) {
      EndBadly(context_.admission->RefuseForMemory());
      break;
    }
    if (!HandleItem()) break;
  }
  DropMessage();
  {
    const MutexLock lock(mu_);
    machine_.OnHandled();
  }
  ReadOn();
  MaybeFinish();
}

void MultiplexCall::DropMessage() {
  context_.admission->Shrink(std::exchange(counted_, 0));
  reader_.reset();
  if (calls_read_ > 0) context_.observer->OnMultiplexCalls(std::exchange(calls_read_, 0));
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
  const Kept kept = Keep(call.request, reader_->size());
  const auto exchange =
      std::make_shared<MultiplexExchange>(shared_from_this(), call.id, kept.bytes);
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
  if (no_room_) return exchange->Refuse(context_.admission->RefuseForMemory());
  // What two would count one of them gives up: the call may keep the message for longer.
  const std::uint64_t handed_on = kept.message ? counted_ : 0;
  std::shared_ptr<RoundTripHandle> handle = exchange->Begin(std::move(call.request), handed_on);
  if (exchange->admitted()) counted_ -= handed_on;
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

struct MultiplexCall::Parting {
  Handles handles;
  std::deque<Outgoing> dropped;
  bool paused = false;  // amidst a message, which nobody goes on with now
};

void MultiplexCall::Gone() {
  Parting parting;
  {
    const MutexLock lock(mu_);
    if (machine_.gone()) return;
    parting = Part(grpc::Status(grpc::StatusCode::CANCELLED, "the caller is gone"));
  }
  See(std::move(parting));
}

MultiplexCall::Parting MultiplexCall::Part(grpc::Status status) {
  machine_.OnGone();
  status_ = std::move(status);
  Parting parting;
  parting.dropped.swap(messages_);
  parting.handles = TakeAllToCancel();
  parting.paused = std::exchange(paused_, false);
  return parting;
}

void MultiplexCall::See(Parting parting) {
  if (parting.paused) {
    DropMessage();
    const MutexLock lock(mu_);
    machine_.OnHandled();
  }
  for (const Outgoing& message : parting.dropped) context_.admission->End(message.calls);
  for (const auto& handle : parting.handles) handle->Cancel();
  MaybeFinish();
}

bool MultiplexCall::Watch() {
  seen_written_ = machine_.written_messages();
  return !std::exchange(watched_, true);
}

void MultiplexCall::PlanLook() {
  const auto policy = context_.transport->policy();
  const Timeouts timeouts = policy == nullptr ? Timeouts() : policy->fallback().timeouts;
  if (timeouts.caller_stall == kForever) {
    const MutexLock lock(mu_);
    watched_ = false;
    return;
  }
  context_.transport->RunAfter(timeouts.caller_stall, [weak = weak_from_this()] {
    if (const auto call = weak.lock()) call->OnStallLook();
  });
}

void MultiplexCall::OnStallLook() {
  Parting parting;
  bool again = false;
  {
    const MutexLock lock(mu_);
    watched_ = false;
    // gRPC takes at once what the caller has room for.
    if (!machine_.writing() || machine_.gone()) return;
    if (machine_.written_messages() != seen_written_) {
      again = Watch();
    } else {
      parting = Part(grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED,
                                  "the caller takes nothing of the results"));
      // Nothing else reaches a caller behind what it does not read (C-042). The write under way
      // keeps the context alive.
      grpc_context_.TryCancel();
    }
  }
  return again ? PlanLook() : See(std::move(parting));
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
  bool watch = false;
  {
    const MutexLock lock(mu_);
    // What the loop's turn still brings goes along; its end is near.
    if (flush_due_ || !machine_.StartWrite()) return;
    message = std::move(messages_.front());
    messages_.pop_front();
    writing_ = std::exchange(message.calls, {});
    watch = !watched_ && Watch();
  }
  context_.observer->OnMultiplexResults(std::exchange(message.results, 0));
  outgoing_ = message.message.Take();
  {
    const MutexLock lock(mu_);
    spare_ = std::move(message);
  }
  if (watch) PlanLook();
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
