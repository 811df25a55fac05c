// RoundTrip: what follows an attempt.

#include <algorithm>
#include <utility>

#include "transport/io/clock.h"
#include "transport/pool/jitter.h"
#include "transport/round_trip.h"

namespace spillway {

void RoundTrip::OnExchangeDone(ExchangeResult result) {
  Lease lease;
  bool cancelled = false;
  {
    MutexLock lock(mu_);
    lease = std::move(lease_);
    state_ = State::kWaiting;
    cancelled = cancelled_;
  }
  NoteExchange(result);
  // Back in the pool before the caller hears of the response (R3, R4).
  lease.Release({result.reusable, result.why_not, result.idle_hint});
  NoteRelease(result);
  if (pause_.has_value()) {
    record_.status = 0;
    return PauseThenAcquire(*std::exchange(pause_, std::nullopt));
  }
  if (!result.failure.has_value()) {
    // A complete response wins over a cancellation that was too late (R11).
    if (!result.trailers.empty()) sink_->OnTrailers(std::move(result.trailers));
    return End(std::nullopt);
  }
  if (!own_failure_.has_value()) own_failure_ = sink_->refusal();
  if (own_failure_.has_value()) {
    own_failure_->response_status = record_.status;
    return End(std::move(own_failure_));
  }
  if (cancelled) {
    Failure failure = *std::move(result.failure);
    failure.reason = Reason::kCancelled;
    failure.source = Source::kCaller;
    failure.message = "cancelled by the caller";
    return End(std::move(failure));
  }
  OnAttemptFailed(result);
}

void RoundTrip::NoteExchange(const ExchangeResult& result) {
  record_.bytes_sent += result.bytes_sent;
  record_.bytes_received += result.bytes_received;
  NoteTimings(result);
  AttemptRecord attempt;
  attempt.kind = running_kind_;
  attempt.reused = record_.reused;
  attempt.connection_id = record_.connection->id;
  attempt.started = result.started;
  attempt.ended = result.ended;
  attempt.backoff = std::exchange(backoff_, {});
  attempt.span_id = span_id_;
  if (pause_.has_value()) {
    attempt.status = record_.status;
    attempt.delivery = worst_ = Delivery::kAnswered;
  } else if (result.failure.has_value()) {
    attempt.error = result.failure->reason;
    attempt.delivery = result.failure->delivery;
    worst_ = std::max(worst_, result.failure->delivery);
  } else {
    attempt.delivery = Delivery::kAnswered;
  }
  entry_->observer->OnAttempt(attempt);
  if (result.failure.has_value() || record_.attempts > 1 || request_.want_timeline) {
    record_.attempt_log.push_back(attempt);
  }
}

void RoundTrip::OnAttemptFailed(const ExchangeResult& result) {
  const Failure& failure = *result.failure;
  // Our own refusal: the connection had no room any more when the request got there.
  if (failure.reason == Reason::kHttpStreamRefused && failure.source == Source::kPool) {
    return OnUncounted(false);
  }
  // A connection that served and goes away tells of itself, not of what its successor will do: an
  // origin that reloads may say so on the old connection and on the next (O-144).
  if (failure.reason == Reason::kHttpStreamRefused && !result.left_out) ++refusals_;
  FailedAttempt facts;
  facts.reason = failure.reason;
  facts.reused = record_.reused;
  facts.any_byte_sent = result.bytes_sent > 0;
  facts.any_response_byte = result.any_response_byte;
  facts.idempotent = request_.idempotent;
  facts.body_replayable = request_.body == nullptr || request_.body->replayable();
  facts.refusals = refusals_;
  facts.attempts = record_.attempts;
  facts.deadline = request_.limits.deadline;
  facts.on_reset = request_.destination->retry.on_reset;
  const bool stale = record_.reused && !result.any_response_byte &&
                     failure.reason == Reason::kConnectionTerminated;
  if (Again(DecideRetry(facts, request_.max_attempts, Now()), failure.reason)) {
    if (stale) entry_->observer->OnStaleReuse(StaleResult::kReplayed);
    // One failed reuse is enough: its siblings may be as dead (decision 1). An HTTP/2 origin that
    // turned a stream away is alive, and its other connections are as good as a new one.
    const bool alive =
        failure.delivery == Delivery::kUnprocessed || failure.reason == Reason::kHttpStreamRefused;
    return Acquire(!alive, true);
  }
  if (stale) entry_->observer->OnStaleReuse(StaleResult::kSurfaced);
  End(failure);
}

// Prepares for another attempt, or says why there is none.
bool RoundTrip::Again(RetryVerdict verdict, Reason reason) {
  switch (verdict) {
    case RetryVerdict::kReplay:
      break;
    case RetryVerdict::kReplayHttp1:
      if (!GoOverHttp1()) return false;
      break;
    case RetryVerdict::kRetry:
      if (pool_.TryTakeRetry(*entry_, Now())) break;
      return Suppressed(RetrySuppressed::kBudget);
    case RetryVerdict::kFinal:
      return false;
    case RetryVerdict::kNotIdempotent:
      return Suppressed(RetrySuppressed::kNotIdempotent);
    case RetryVerdict::kBodyNotReplayable:
      return Suppressed(RetrySuppressed::kBodyNotReplayable);
    case RetryVerdict::kMaxAttempts:
      return Suppressed(RetrySuppressed::kMaxAttempts);
    case RetryVerdict::kDeadline:
      return Suppressed(RetrySuppressed::kDeadline);
  }
  entry_->observer->OnRetry(reason);
  kind_ = verdict == RetryVerdict::kRetry ? AttemptKind::kRetry : AttemptKind::kReplay;
  if (request_.want_timeline) {
    Mark({.kind = TimelineEvent::Kind::kRetry,
          .at = Now(),
          .attempt = std::max(1U, record_.attempts),
          .status = reason == Reason::kNone ? record_.status : 0,
          .note = Label(reason)});
  }
  informed_ = false;
  head_at_ = kNever;
  return true;
}

// --- Retries that wait ---

double RoundTrip::Fraction() const {
  const auto seed = static_cast<std::uint64_t>(record_.started.time_since_epoch().count());
  return JitterFraction(seed, record_.attempts + failed_dials_);
}

bool RoundTrip::AnswerByRetry(const ResponseHead& head) {
  const RetryLimits& limits = request_.destination->retry;
  if (limits.statuses.empty()) return false;
  AnsweredAttempt facts;
  facts.status = head.status;
  facts.idempotent = request_.idempotent;
  facts.body_replayable = request_.body == nullptr || request_.body->replayable();
  facts.attempts = record_.attempts;
  facts.retry_after = RetryAfterOf(head.headers);
  facts.deadline = request_.limits.deadline;
  const DelayedRetry retry =
      DecideStatusRetry(facts, limits, request_.max_attempts, Fraction(), Now());
  if (!Again(retry.verdict, Reason::kNone)) return false;
  pause_ = retry.pause;
  return true;
}

bool RoundTrip::DialAgain(const Failure& why) {
  const FailedDial facts{why.reason, failed_dials_ + 1, request_.limits.deadline};
  const DelayedRetry retry =
      DecideDialRetry(facts, request_.destination->retry, request_.max_attempts, Fraction(), Now());
  if (!Again(retry.verdict, why.reason)) return false;
  ++failed_dials_;
  PauseThenAcquire(retry.pause);
  return true;
}

void RoundTrip::PauseThenAcquire(Duration pause) {
  backoff_ += pause;
  if (pause > Duration::zero() && request_.want_timeline) {
    Mark({.kind = TimelineEvent::Kind::kBackoff, .at = Now(), .attempt = record_.attempts + 1});
  }
  bool cancelled = false;
  {
    MutexLock lock(mu_);
    cancelled = cancelled_;
    state_ = cancelled ? State::kWaiting : State::kPausing;
  }
  if (cancelled) {
    return End(Failure{Reason::kCancelled, Source::kCaller, Phase::kQueue, Delivery::kNotSent,
                       "cancelled by the caller"});
  }
  host_.RunAfter(pause, [self = shared_from_this()] {
    {
      MutexLock lock(self->mu_);
      if (self->state_ != State::kPausing) return;
      self->state_ = State::kWaiting;
    }
    self->Acquire(self->request_.fresh_connection, true);
  });
}

bool RoundTrip::GoOverHttp1() {
  std::shared_ptr<PoolEntry> http1 = host_.Http1EntryFor(request_);
  if (http1 == nullptr) return false;
  MutexLock lock(mu_);
  entry_ = std::move(http1);
  return true;
}

bool RoundTrip::Suppressed(RetrySuppressed why) {
  entry_->observer->OnRetrySuppressed(why);
  return false;
}

}  // namespace spillway
