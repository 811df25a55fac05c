// The half of StreamCall that the transport calls.

#include <utility>

#include "server/call_support.h"
#include "server/stream_call.h"
#include "server/stream_failures.h"
#include "server/wire_stream_encode.h"

namespace spillway {
namespace {

const HeaderList kNoFields;
const Body kNoBody;
const std::vector<ResponseHead> kNoHeads;

}  // namespace

void StreamCall::Queue(grpc::ByteBuffer frame) {
  Steps steps;
  {
    const MutexLock lock(mu_);
    if (!machine_.wants_response()) return;
    if (!Hold(frame.Length())) {
      steps = Prepare(machine_.OnFault(MemoryExhausted(response_status_)));
    } else {
      const std::uint64_t weight = outbox_.PushFirst(std::move(frame));
      steps = Prepare(machine_.OnFrameQueued(weight));
    }
  }
  Run(std::move(steps));
}

void StreamCall::OnInformational(ResponseHead head) {
  if (!informational_) return;
  grpc::ByteBuffer frame;
  EncodeInformationalFrame(head, frame);
  Queue(std::move(frame));
}

const RoundTripRecord* StreamCall::Told(const RoundTripRecord* record) const {
  return detail_ == ExchangeDetail::kNone ? nullptr : record;
}

void StreamCall::OnHead(ResponseHead head, BodyKind kind, std::uint64_t /*length*/) {
  response_status_ = head.status;
  if (kind == BodyKind::kTunnel) {
    tunnel_ = true;
    context_.observer->OnTunnelOpened(tunnel_kind_);
  }
  WireResponse wire;
  wire.head = &head;
  wire.body = &kNoBody;
  wire.trailers = &kNoFields;
  wire.informational = &kNoHeads;
  if (progress_.has_value()) wire.protocol = ProtocolOf(head, *progress_);
  wire.record = Told(progress_.has_value() ? &*progress_ : nullptr);
  wire.parts = PartsOf(detail_);
  grpc::ByteBuffer frame;
  EncodeHeadFrame(wire, frame);
  Queue(std::move(frame));
}

Flow StreamCall::OnData(const Chunk& chunk) {
  const std::uint64_t bytes = chunk.bytes.size();
  if (bytes == 0) return Flow::kContinue;
  Steps steps;
  Flow flow = Flow::kContinue;
  {
    const MutexLock lock(mu_);
    if (!machine_.wants_response()) return Flow::kAbort;
    if (!Hold(bytes)) {
      steps = Prepare(machine_.OnFault(MemoryExhausted(response_status_)));
      flow = Flow::kAbort;
    } else {
      outbox_.PushData(chunk);
      CountBytes(0, bytes, false);
      steps = Prepare(machine_.OnFrameQueued(bytes));
      if (steps.todo.pause) flow = Flow::kPause;
    }
  }
  Run(std::move(steps));
  return flow;
}

void StreamCall::OnOriginClosed() {
  if (std::exchange(told_end_, true)) return;
  grpc::ByteBuffer frame;
  EncodeTrailersFrame(kNoFields, Told(progress_.has_value() ? &*progress_ : nullptr),
                      PartsOf(detail_), frame);
  Steps steps;
  {
    const MutexLock lock(mu_);
    if (!machine_.wants_response()) return;
    static_cast<void>(Hold(frame.Length()));  // small, and the last
    steps = Prepare(machine_.OnFrameQueued(outbox_.PushLast(std::move(frame))));
  }
  Run(std::move(steps));
}

void StreamCall::OnEnd(const RoundTripRecord& record) {
  context_.observer->OnExchange(record);
  if (tunnel_) context_.observer->OnTunnelClosed(tunnel_kind_);
  grpc::ByteBuffer frame;
  const bool last = !record.failure.has_value() && !std::exchange(told_end_, true);
  if (last) EncodeTrailersFrame(trailers_, Told(&record), PartsOf(detail_), frame);
  Steps steps;
  {
    const MutexLock lock(mu_);
    const std::optional<Failure>& own = machine_.failure();
    std::optional<Failure> why = record.failure;
    if (own.has_value()) why = WhyEnded(record, *own);
    record_ = &record;
    Settle(why.has_value() ? &*why : nullptr);
    Todo todo;
    if (last && machine_.wants_response()) {
      static_cast<void>(Hold(frame.Length()));
      todo.write = machine_.OnFrameQueued(outbox_.PushLast(std::move(frame))).write;
    }
    const Todo over = machine_.OnExchangeOver(outbox_.empty());
    todo.finish = over.finish;
    todo.cut_off = over.cut_off;
    steps = Prepare(todo);
    record_ = nullptr;
    if (!steps.todo.finish && access_.wanted()) {
      kept_record_ = record;
      record_ = &*kept_record_;
    }
  }
  Run(std::move(steps));
}

void StreamCall::Settle(const Failure* failure) {
  if (failure == nullptr) {
    status_ = grpc::Status::OK;
    outcome_ = CallOutcome::kOk;
    return;
  }
  failure_ = *failure;
  status_ = ToStatus(*failure, record_, detail_);
  outcome_ = OutcomeOf(*failure);
  if (status_.error_code() == grpc::StatusCode::INTERNAL) {
    LogInternalFault(status_.error_message());
  }
}

}  // namespace spillway
