#include "server/stream_call.h"

#include <algorithm>
#include <utility>

#include "server/call_support.h"
#include "server/request_mapping.h"
#include "server/stream_failures.h"
#include "server/stream_plan.h"
#include "transport/base/buffered_body.h"
#include "transport/base/field_rules.h"
#include "transport/base/url.h"

namespace spillway {
namespace {

// How many passed bytes the observer is told of at once.
constexpr std::uint64_t kToldBytes = 1024 * 1024;

// What policy says of a stream to `url`.
struct Limits {
  std::uint64_t buffer_bytes = StreamLimits{}.buffer_bytes;
  Duration stall = Timeouts{}.caller_stall;
};

Limits LimitsOf(const Policy* policy, const std::string& url) {
  if (policy == nullptr) return {};
  const Result<Url> parsed = ParseUrl(url);
  const Destination& destination = parsed.has_value() ? policy->Match(*parsed) : policy->fallback();
  return {destination.stream.buffer_bytes, destination.timeouts.caller_stall};
}

}  // namespace

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* StreamCall::Start(
    const CallContext& context, grpc::CallbackServerContext& grpc_context) {
  const std::shared_ptr<StreamCall> call(new StreamCall(context, grpc_context));
  call->self_ = call;
  call->Begin();
  return call.get();
}

StreamCall::StreamCall(const CallContext& context, grpc::CallbackServerContext& grpc_context)
    : context_(context), grpc_context_(grpc_context), access_(context) {}

void StreamCall::Begin() {
  context_.observer->OnCallStarted(kMethod);
  tenant_ = Identify(context_, grpc_context_);
  if (std::optional<Failure> refusal = context_.admission->Admit(0)) {
    return Fault(*std::move(refusal));
  }
  admitted_ = true;
  AwaitHead();
  Steps steps;
  {
    const MutexLock lock(mu_);
    steps = Prepare(machine_.OnOpen());
  }
  Run(std::move(steps));
}

void StreamCall::AwaitHead() {
  // As all stall timers: gRPC ends a call with a deadline.
  const Duration wait = context_.transport->policy()->fallback().timeouts.caller_stall;
  if (wait == kForever || GrpcTimeLeft(grpc_context_) != kForever) return;
  // Without the lock: the transport may call before this returns. The call may be over then.
  const auto ticket = context_.head_watch->Add(wait, [weak = weak_from_this(), wait] {
    if (const auto call = weak.lock()) call->OnHeadOverdue(wait);
  });
  const MutexLock lock(mu_);
  head_ticket_ = ticket;
}

void StreamCall::OnHeadOverdue(Duration waited) {
  Steps steps;
  {
    const MutexLock lock(mu_);
    if (!machine_.awaits_head()) return;
    steps = Prepare(machine_.OnFault(HeadOverdue(waited)));
  }
  Run(std::move(steps));
}

// --- What the caller does ---

void StreamCall::OnReadDone(bool ok) {
  if (!ok) {
    Steps steps;
    {
      const MutexLock lock(mu_);
      // A call that was cancelled ends its reads as a half-close does (C-019).
      steps = grpc_context_.IsCancelled()
                  ? Prepare(machine_.OnCallerGone())
                  : Prepare(machine_.OnHalfClose(), {}, std::move(request_trailers_));
    }
    return Run(std::move(steps));
  }
  WireStreamRequest frame;
  const bool decoded = DecodeStreamRequest(incoming_, frame);
  incoming_.Clear();
  if (!decoded) return Fault(UndecodableMessage("spillway.v1.StreamRequest"));
  TakeFrame(std::move(frame));
}

void StreamCall::TakeFrame(WireStreamRequest frame) {
  Steps steps;
  switch (frame.kind) {
    case FrameKind::kNone:
      return Fault(BadRequest("frame", "is not set"));
    case FrameKind::kHead:
      return TakeHead(*std::move(frame.head));
    case FrameKind::kTrailers:
      return TakeTrailers(std::move(frame));
    case FrameKind::kData: {
      const KeptBody kept = KeepBody(std::move(frame.data), frame.message_bytes);
      const MutexLock lock(mu_);
      steps = Hold(kept.weight) ? Prepare(machine_.OnDataFrame(kept.body.size(), kept.weight), kept)
                                : Prepare(machine_.OnFault(TooMuchInFlight()));
      break;
    }
  }
  Run(std::move(steps));
}

void StreamCall::TakeTrailers(WireStreamRequest frame) {
  RequestFieldLimits limits;
  if (const auto policy = context_.transport->policy()) limits = policy->request_limits();
  std::optional<Failure> wrong = CheckTrailers(frame.trailers, limits);
  if (frame.exchange) wrong = BadRequest("trailers.exchange", "is for responses");
  if (frame.too_many_fields) wrong = BadRequest("trailers", "has too many entries");
  Steps steps;
  {
    const MutexLock lock(mu_);
    request_trailers_ = std::move(frame.trailers);
    steps = Prepare(machine_.OnTrailersFrame(std::move(wrong)));
  }
  Run(std::move(steps));
}

void StreamCall::TakeHead(WireRequest wire) {
  const std::uint64_t other_bytes = wire.message_bytes - wire.body.size();
  const KeptBody piece = KeepBody(std::exchange(wire.body, Body()), wire.message_bytes);
  bool held = false;
  bool first = false;
  {
    const MutexLock lock(mu_);
    if (head_ticket_.has_value()) context_.head_watch->Remove(*head_ticket_);
    first = machine_.awaits_head();
    held = first && Hold(other_bytes + piece.weight);
    if (held) access_.Note(wire.method, wire.url);
  }
  if (!first) return Fault(BadRequest("head", "comes once, as the first frame"));
  if (!held) return Fault(TooMuchInFlight());
  Result<StreamPlan> plan = PlanStream(wire);
  if (plan.has_error()) return Fault(plan.error());
  plan->first_piece = piece.body.size();
  plan->first_weight = piece.weight;
  const Limits limits = LimitsOf(context_.transport->policy().get(), wire.url);
  Result<MappedRequest> mapped =
      MapRequest(std::move(wire), {.now = context_.transport->Now(),
                                   .grpc_time_left = GrpcTimeLeft(grpc_context_),
                                   .max_response_bytes = context_.max_response_bytes,
                                   .streamed = true,
                                   .transport = context_.transport});
  if (mapped.has_error()) return Fault(mapped.error());
  mapped->request.request.tenant = tenant_;
  Steps steps;
  {
    const MutexLock lock(mu_);
    detail_ = mapped->detail;
    informational_ = mapped->informational;
    const bool connect = mapped->request.request.method == "CONNECT";
    tunnel_kind_ = connect ? TunnelKind::kConnect : TunnelKind::kUpgrade;
    // As all stall timers: a caller with a deadline may take its time (and tunnels may rest).
    const bool patient = mapped->request.request.deadline != kNever || plan->tunnel;
    stall_ = patient ? kForever : limits.stall;
    request_ = std::move(mapped->request);
    body_ = std::make_shared<StreamBody>([weak = weak_from_this()](auto bytes, auto weight) {
      if (const auto call = weak.lock()) call->OnTaken(bytes, weight);
    });
    body_->SetLength(plan->length);
    steps = Prepare(machine_.OnHeadFrame(*plan, limits.buffer_bytes), piece);
  }
  Run(std::move(steps));
}

void StreamCall::Fault(Failure failure) {
  Steps steps;
  {
    const MutexLock lock(mu_);
    steps = Prepare(machine_.OnFault(std::move(failure)));
  }
  Run(std::move(steps));
}

void StreamCall::OnCancel() {
  Steps steps;
  {
    const MutexLock lock(mu_);
    steps = Prepare(machine_.OnCallerGone());
  }
  Run(std::move(steps));
}

void StreamCall::OnProbeOver() {
  Steps steps;
  {
    const MutexLock lock(mu_);
    steps = Prepare(machine_.OnProbeOver());
  }
  Run(std::move(steps));
}

void StreamCall::OnTaken(std::uint64_t bytes, std::uint64_t weight) {
  Steps steps;
  {
    const MutexLock lock(mu_);
    LetGo(weight);
    CountBytes(bytes, 0, false);
    steps = Prepare(machine_.OnPulled(weight));
  }
  if (!steps.todo.read) return;
  // Whoever reads the body may hold its connection's mutex, under which gRPC must not run.
  context_.transport->Post([self = shared_from_this()] { self->Read(); });
}

void StreamCall::OnWriteDone(bool ok) {
  Steps steps;
  {
    const MutexLock lock(mu_);
    outgoing_.Clear();  // another may be long in coming
    LetGo(writing_bytes_);
    ++taken_frames_;
    steps = Prepare(machine_.OnWriteDone(ok, writing_bytes_, outbox_.empty()));
  }
  Run(std::move(steps));
}

void StreamCall::OnStallLook(std::uint64_t frames) {
  Steps steps;
  {
    const MutexLock lock(mu_);
    watched_ = false;
    if (done_ || machine_.queued_to_caller() == 0) return;
    if (taken_frames_ != frames) {
      steps = Prepare({});
    } else {
      steps = Prepare(machine_.OnFault(CallerTakesNothing()));
      // Nothing else reaches a caller behind what it does not read (C-042).
      grpc_context_.TryCancel();
    }
  }
  Run(std::move(steps));
}

void StreamCall::OnDone() {
  {
    const MutexLock lock(mu_);
    done_ = true;
    // Only now has gRPC let go of what was written: a caller that does not read keeps its share of
    // the memory, and a drain waits for it.
    if (admitted_) context_.admission->End(held_, outcome_);
    held_ = 0;
    // The handle may hold the sink, which is this.
    handle_.reset();
  }
  const std::shared_ptr<StreamCall> self = std::move(self_);
  // Whoever issued Finish may still be inside of it.
  const MutexLock lock(issue_mu_);
}

// --- What follows from it ---

StreamCall::Steps StreamCall::Prepare(Todo todo, const KeptBody& piece, HeaderList trailers) {
  Steps steps;
  if (todo.push) steps.ready = body_->Push(piece.body, piece.weight);
  if (todo.end_body && body_ != nullptr) steps.ready = body_->End(std::move(trailers));
  if (todo.fail_body && body_ != nullptr) {
    const std::optional<Failure>& failure = machine_.failure();
    steps.ready = body_->Fail(failure.has_value() ? *failure : CallerGone());
  }
  if (todo.start != StreamMachine::Start::kNo) {
    steps.to_start = std::exchange(request_, std::nullopt);
    Request& request = steps.to_start->request;
    if (todo.start == StreamMachine::Start::kStreamed) request.body = body_;
    if (todo.start == StreamMachine::Start::kWhole) {
      request.body = std::make_shared<BufferedBody>(body_->TakeAll());
      CountBytes(*request.body->length(), 0, false);
    }
  }
  if (todo.drop) outbox_.Clear();
  if (todo.cut_off && status_.ok()) {
    const Failure why = record_ != nullptr ? WhyEnded(*record_, CallerGone()) : CallerGone();
    Settle(&why);
  }
  if (todo.write) writing_bytes_ = outbox_.Pop(outgoing_);
  if (todo.cancel) cancel_wanted_ = handle_ == nullptr;
  if (todo.resume) resume_wanted_ = handle_ == nullptr;
  if (todo.cancel || todo.resume) steps.handle = handle_;
  if (todo.refuse) {
    const std::optional<Failure>& failure = machine_.failure();
    const Failure why = failure.has_value() ? *failure : CallerGone();
    Settle(&why);
  }
  // The last frame and the end go out together.
  if (todo.write && outbox_.empty() && status_.ok() && machine_.OnLastWrite()) todo.finish = true;
  if (todo.finish) access_.Write(tenant_, failure_.has_value() ? &*failure_ : nullptr, record_);
  // Only much that waits is worth a look: what gRPC takes at once needs none.
  if (!watched_ && stall_ != kForever && machine_.presses()) {
    watched_ = true;
    steps.watch = taken_frames_;
  }
  steps.todo = todo;
  return steps;
}

void StreamCall::Run(Steps steps) {
  const Todo& todo = steps.todo;
  if (todo.probe) {
    context_.transport->RunAfter(kStreamProbe, [weak = weak_from_this()] {
      if (const auto call = weak.lock()) call->OnProbeOver();
    });
  }
  if (steps.watch.has_value()) {
    context_.transport->RunAfter(stall_, [weak = weak_from_this(), frames = *steps.watch] {
      if (const auto call = weak.lock()) call->OnStallLook(frames);
    });
  }
  if (steps.ready) steps.ready();
  if (steps.to_start.has_value()) StartExchange(*std::move(steps.to_start));
  if (todo.cancel && steps.handle != nullptr) steps.handle->Cancel();
  if (todo.resume && steps.handle != nullptr) steps.handle->Resume();
  if (todo.finish) return EndCall(todo.write);
  if (todo.read) Read();
  if (todo.write) StartWrite(&outgoing_);
}

void StreamCall::StartExchange(ClientRequest request) {
  const auto handle = context_.client->Start(std::move(request), shared_from_this());
  if (handle == nullptr) return;  // it has ended
  Todo todo;
  {
    const MutexLock lock(mu_);
    if (done_) return;
    handle_ = handle;
    todo.cancel = std::exchange(cancel_wanted_, false);
    todo.resume = std::exchange(resume_wanted_, false);
  }
  if (todo.cancel) handle->Cancel();
  if (todo.resume) handle->Resume();
}

void StreamCall::Read() {
  const MutexLock lock(issue_mu_);
  if (!finish_issued_) StartRead(&incoming_);
}

void StreamCall::EndCall(bool with_frame) {
  const std::shared_ptr<StreamCall> self = shared_from_this();
  grpc::Status status;
  Instant started{};
  {
    const MutexLock lock(mu_);
    if (head_ticket_.has_value()) context_.head_watch->Remove(*head_ticket_);
    status = status_;
    started = access_.started();
    CountBytes(0, 0, true);
  }
  context_.observer->OnCallEnded(kMethod, StatusCodeName(status.error_code()),
                                 context_.transport->Now() - started);
  const MutexLock lock(issue_mu_);
  finish_issued_ = true;
  if (with_frame) {
    StartWriteAndFinish(&outgoing_, grpc::WriteOptions(), status);
  } else {
    Finish(status);
  }
}

bool StreamCall::Hold(std::uint64_t bytes) {
  if (!context_.admission->Grow(bytes)) return false;
  held_ += bytes;
  return true;
}

void StreamCall::LetGo(std::uint64_t bytes) {
  const std::uint64_t held = std::min(bytes, held_);
  held_ -= held;
  if (held > 0) context_.admission->Shrink(held);
}

void StreamCall::CountBytes(std::uint64_t from_caller, std::uint64_t to_caller, bool last) {
  from_caller_ += from_caller;
  to_caller_ += to_caller;
  const std::uint64_t untold = from_caller_ + to_caller_;
  if (untold < kToldBytes && (!last || untold == 0)) return;
  context_.observer->OnStreamBytes(std::exchange(from_caller_, 0), std::exchange(to_caller_, 0));
}

}  // namespace spillway
