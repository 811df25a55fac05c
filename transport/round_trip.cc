#include "transport/round_trip.h"

#include <algorithm>
#include <utility>

#include "transport/base/check.h"
#include "transport/http1/keep_alive.h"
#include "transport/io/clock.h"

namespace spillway {
namespace {

// Grants that turned out dead before a byte was sent do not count as attempts; after this many the
// round trip asks for a fresh connection (architecture: stale grant).
constexpr std::uint32_t kMaxStaleGrants = 3;
constexpr std::uint32_t kMaxStaleInAll = 8;

std::atomic<WaiterId> next_token{1};

Failure CancelledFailure() {
  return Failure{Reason::kCancelled, Source::kCaller, Phase::kQueue, Delivery::kNotSent,
                 "cancelled by the caller"};
}

AcquireOutcome OutcomeOf(Reason reason) {
  switch (reason) {
    case Reason::kPoolQueueTimeout:
    case Reason::kDeadlineExceeded:
      return AcquireOutcome::kTimeout;
    case Reason::kPoolQueueFull:
    case Reason::kDraining:
    case Reason::kConnectionLimitReached:
      return AcquireOutcome::kRejected;
    case Reason::kCancelled:
      return AcquireOutcome::kCancelled;
    default:
      return AcquireOutcome::kFailed;
  }
}

std::optional<Rejection> RejectionOf(Reason reason) {
  switch (reason) {
    case Reason::kPoolQueueFull:
      return Rejection::kQueueFull;
    case Reason::kPoolQueueTimeout:
      return Rejection::kWaitTimeout;
    case Reason::kDeadlineExceeded:
      return Rejection::kDeadline;
    case Reason::kDraining:
      return Rejection::kDraining;
    case Reason::kConnectionLimitReached:
      return Rejection::kFdLimit;
    default:
      return std::nullopt;
  }
}

}  // namespace

RoundTrip::RoundTrip(Pool& pool, RoundTripHost& host, PreparedRequest request,
                     std::shared_ptr<ResponseSink> sink, Instant started)
    : pool_(pool),
      host_(host),
      request_(std::move(request)),
      entry_(request_.entry),
      sink_(std::move(sink)) {
  record_.method = request_.head.method;
  record_.destination =
      std::shared_ptr<const std::string>(request_.policy, &request_.destination->name);
  record_.rule = request_.rule;
  record_.policy_version = request_.policy->version();
  record_.started = started;
}

void RoundTrip::Start() {
  request_.entry->observer->OnRoundTripStarted(request_.head.method);
  Mark({.kind = TimelineEvent::Kind::kStarted, .at = record_.started});
  Acquire(request_.fresh_connection, false);
}

// --- Getting a connection ---

void RoundTrip::Acquire(bool fresh, bool retry) {
  AcquireRequest wanted;
  wanted.retry = retry;
  wanted.want.waiter = next_token.fetch_add(1, std::memory_order_relaxed);
  wanted.want.deadline = request_.limits.deadline;
  wanted.want.fresh_connection = fresh;
  bool cancelled = false;
  {
    MutexLock lock(mu_);
    state_ = State::kWaiting;
    token_ = wanted.want.waiter;
    cancelled = cancelled_;
  }
  acquire_started_ = Now();
  if (cancelled) return End(CancelledFailure());
  const std::shared_ptr<RoundTrip> self = shared_from_this();
  pool_.Acquire(entry_, wanted, self);
  {
    // A Cancel that came before the pool knew the waiter found nothing to cancel there.
    MutexLock lock(mu_);
    if (!cancelled_ || state_ != State::kWaiting || token_ != wanted.want.waiter) return;
  }
  if (pool_.Cancel(entry_, wanted.want.waiter)) EndWait();
}

// The pool has forgotten it.
void RoundTrip::EndWait() {
  const Failure cancelled = CancelledFailure();
  NoteNoGrant(cancelled, Now());
  End(cancelled);
}

void RoundTrip::OnGrant(Lease lease) {
  const Instant now = Now();
  const Duration waited = now - acquire_started_;
  entry_->observer->OnAcquired(lease.source, waited);
  TraceAttempt();
  NoteGrant(lease, now);
  StartAttempt(std::move(lease));
}

void RoundTrip::OnNoGrant(std::shared_ptr<const Failure> why) {
  const Instant now = Now();
  const Duration waited = now - acquire_started_;
  NoteNoGrant(*why, now);
  entry_->observer->OnNotAcquired(OutcomeOf(why->reason), waited);
  if (const auto rejection = RejectionOf(why->reason)) entry_->observer->OnRejected(*rejection);
  if (!DialAgain(*why)) End(*why);
}

// --- An attempt ---

std::optional<WaiterId> RoundTrip::BeginAttempt(Lease& lease) {
  MutexLock lock(mu_);
  if (cancelled_) return std::nullopt;
  state_ = State::kRunning;
  lease_ = std::move(lease);
  return token_;
}

void RoundTrip::StartAttempt(Lease lease) {
  const std::shared_ptr<Connection> connection = lease.connection();
  record_.reused = lease.reused;
  record_.idle_time = lease.idle_time;
  record_.connection = lease.info();
  const std::optional<WaiterId> token = BeginAttempt(lease);
  if (!token.has_value()) {
    lease.ReleaseUnused();
    return End(CancelledFailure());
  }
  ExchangeSpec spec;
  spec.head = traced_head_ != nullptr ? traced_head_.get() : &request_.head;
  spec.body = request_.body;
  spec.switching = request_.switching;
  spec.expect_continue = request_.expect_continue;
  spec.close = request_.close;
  spec.last = request_.close || BindsConnection(request_.head.headers);
  spec.limits = request_.limits;
  spec.response_limits = &request_.destination->response;
  if (request_.body != nullptr && body_offered_) request_.body->Rewind();
  body_offered_ = true;
  ++record_.attempts;
  running_kind_ = kind_;
  const std::shared_ptr<RoundTrip> self = shared_from_this();
  if (connection->Start(std::move(spec), self, *token) == StartResult::kStale) return OnStale();
  // From here on the loop may already have ended everything. A Cancel that came before the exchange
  // was attached found nothing to abort there.
  MutexLock lock(mu_);
  if (cancelled_ && state_ == State::kRunning && token_ == *token) {
    connection->Abort(*token, CancelledFailure());
  }
}

void RoundTrip::OnStale() {
  Lease lease;
  {
    MutexLock lock(mu_);
    state_ = State::kWaiting;
    lease = std::move(lease_);
  }
  std::optional<Failure> refusal = lease.connection()->stale_failure();
  lease.Release({.reusable = false, .why_not = CloseReason::kPeerFin, .idle_hint = {}});
  if (refusal.has_value()) return End(std::move(refusal));
  OnUncounted(stale_grants_ + 1 >= kMaxStaleGrants);
}

// Nothing of the attempt was sent, and nobody is to blame. `fresh`: its siblings may be as dead.
void RoundTrip::OnUncounted(bool fresh) {
  --record_.attempts;
  entry_->observer->OnStaleReuse(StaleResult::kCaughtBeforeWrite);
  ++stale_grants_;
  Mark({.kind = TimelineEvent::Kind::kRetry,
        .at = Now(),
        .attempt = record_.attempts + 1,
        .note = Label(StaleResult::kCaughtBeforeWrite)});
  if (stale_grants_ >= kMaxStaleInAll) {
    return End(Failure{Reason::kConnectionTerminated, Source::kOrigin, Phase::kWrite,
                       Delivery::kNotSent, "the origin closes every connection before use"});
  }
  Acquire(request_.fresh_connection || fresh, true);
}

void RoundTrip::OnInformational(ResponseHead head) {
  informed_ = true;
  if (request_.want_timeline) {
    Mark({.kind = TimelineEvent::Kind::kInformational,
          .at = Now(),
          .attempt = record_.attempts,
          .status = head.status});
  }
  sink_->OnInformational(std::move(head));
}

Flow RoundTrip::OnHead(ResponseHead head, BodyKind kind, std::uint64_t length) {
  record_.status = head.status;
  if (request_.want_timeline || informed_) {
    head_at_ = Now();
    Mark({.kind = TimelineEvent::Kind::kHead,
          .at = head_at_,
          .attempt = record_.attempts,
          .status = head.status});
  }
  if (kind != BodyKind::kTunnel && AnswerByRetry(head)) return Flow::kAbort;
  const std::uint64_t limit = request_.max_response_bytes;
  // A declared length over the limit fails before a byte of the body is read (O-043).
  const bool too_long = kind == BodyKind::kLength && limit != 0 && length > limit;
  if (too_long) return RefuseBody();
  sink_->OnProgress(record_);
  sink_->OnHead(std::move(head), kind, length);
  return Flow::kContinue;
}

Flow RoundTrip::OnData(const Chunk& chunk) {
  if (request_.want_timeline && record_.response_body_bytes == 0) {
    Mark({.kind = TimelineEvent::Kind::kFirstData, .at = Now(), .attempt = record_.attempts});
  }
  record_.response_body_bytes += chunk.bytes.size();
  const std::uint64_t limit = request_.max_response_bytes;
  if (limit != 0 && record_.response_body_bytes > limit) return RefuseBody();
  return sink_->OnData(chunk);
}

Flow RoundTrip::RefuseBody() {
  own_failure_ =
      Failure{Reason::kHttpResponseBodySize, Source::kOrigin, Phase::kBody, Delivery::kAnswered,
              "the response body is larger than max_response_bytes allows; use Stream"};
  return Flow::kAbort;
}

// --- Ending ---

void RoundTrip::End(std::optional<Failure> failure) {
  {
    MutexLock lock(mu_);
    SPILLWAY_CHECK_NOTE(state_ != State::kEnded, "one outcome per round trip");
    state_ = State::kEnded;
  }
  const Instant now = Now();
  if (failure.has_value()) {
    // What an earlier attempt may have done stays true whatever ended the last one.
    failure->delivery = std::max(failure->delivery, worst_);
    record_.failure = std::move(failure);
  }
  NoteEnd(now);
  request_.entry->observer->OnRoundTrip(record_);
  // Let go of here: a sink that keeps the handle would otherwise keep both alive for good.
  const std::shared_ptr<ResponseSink> sink = std::move(sink_);
  sink->OnEnd(record_);
  host_.OnRoundTripEnded();
}

void RoundTrip::Cancel() {
  const std::shared_ptr<RoundTrip> self = shared_from_this();
  WaiterId token = 0;
  std::shared_ptr<PoolEntry> entry;
  bool pausing = true;
  {
    MutexLock lock(mu_);
    if (state_ == State::kEnded || cancelled_) return;
    cancelled_ = true;
    token = token_;
    entry = entry_;
    if (state_ == State::kRunning) {
      lease_.connection()->Abort(token, CancelledFailure());
      return;
    }
    // Whoever takes it out of the pause ends it.
    if (state_ == State::kPausing)
      state_ = State::kWaiting;
    else
      pausing = false;
  }
  if (pausing) return End(CancelledFailure());
  // Waiting in the pool, or between two states: whoever moves it on sees cancelled_.
  if (token != 0 && pool_.Cancel(entry, token)) {
    entry->observer->OnNotAcquired(AcquireOutcome::kCancelled, Now() - acquire_started_);
    EndWait();
  }
}

void RoundTrip::Resume() {
  MutexLock lock(mu_);
  if (state_ == State::kRunning && lease_) lease_.connection()->Resume(token_);
}

}  // namespace spillway
