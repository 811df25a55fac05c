// RoundTrip: what is told of its course, to callers who asked and in its timings.

#include <utility>

#include "transport/base/trace_context.h"
#include "transport/io/clock.h"
#include "transport/io/random_id.h"
#include "transport/round_trip.h"
#include "transport/timeline.h"

namespace spillway {

void RoundTrip::Mark(TimelineEvent event) {
  if (request_.want_timeline) AddEvent(record_.timeline, event);
}

// `dial` is that of the connection or of the failure that ended the wait; null: none to be told of.
void RoundTrip::NoteWait(Instant now, const DialSteps* dial) {
  static const DialSteps kNone;
  const Wait wait = {acquire_started_, now};
  if (dial == nullptr) dial = &kNone;
  AddWait(wait, *dial, record_.timings);
  if (!request_.want_timeline) return;
  // Every wait is for the next attempt.
  const std::uint32_t attempt = record_.attempts + 1;
  AddEvent(record_.timeline,
           {.kind = TimelineEvent::Kind::kQueued, .at = wait.began, .attempt = attempt});
  AddDialEvents(wait, *dial, attempt, record_.timeline);
}

void RoundTrip::NoteGrant(const Lease& lease, Instant now) {
  const ConnectionInfo& info = *lease.info();
  NoteWait(now, info.opened > acquire_started_ ? &info.dial : nullptr);
  Mark({.kind = TimelineEvent::Kind::kGranted,
        .at = now,
        .attempt = record_.attempts + 1,
        .span_id = span_id_,
        .note = Label(lease.source)});
}

void RoundTrip::NoteNoGrant(const Failure& why, Instant now) {
  NoteWait(now, why.dial.get());
  Mark({.kind = TimelineEvent::Kind::kNotGranted,
        .at = now,
        .attempt = record_.attempts + 1,
        .note = Label(why.reason)});
}

// A span of its own for the attempt that begins, where policy says so.
void RoundTrip::TraceAttempt() {
  if (!request_.destination->trace_attempts) return;
  const std::uint64_t span_id = RandomId();
  std::optional<HeaderList> headers = WithSpanId(request_.head.headers, span_id);
  if (!headers.has_value()) return;
  span_id_ = span_id;
  // The attempt before has ended, and with it the use of its head.
  traced_head_ = std::make_unique<RequestHead>(request_.head);
  traced_head_->headers = *std::move(headers);
}

void RoundTrip::NoteTimings(const ExchangeResult& result) {
  Timings& timings = record_.timings;
  if (result.written != kNever) {
    timings.write += result.written - result.started;
    // What came before the request was whole was an informational response, or it was early.
    Instant answered = result.first_byte;
    if (answered < result.written && informed_ && head_at_ != kNever) answered = head_at_;
    if (answered != kNever && answered > result.written) {
      timings.first_byte += answered - result.written;
    }
  }
  if (request_.want_timeline) AddExchangeEvents(result, record_.attempts, record_.timeline);
}

// Once the lease was given back. HTTP/2 connections stay where they are.
void RoundTrip::NoteRelease(const ExchangeResult& result) {
  if (!request_.want_timeline || request_.close) return;
  if (record_.connection->protocol == "HTTP/2") return;
  Mark({.kind = TimelineEvent::Kind::kPutIdle,
        .at = Now(),
        .attempt = record_.attempts,
        .note = result.reusable ? std::string_view() : Label(result.why_not)});
}

void RoundTrip::NoteEnd(Instant now) {
  record_.timings.total = now - record_.started;
  if (!request_.want_timeline) return;
  SortEvents(record_.timeline);
  Mark({.kind = TimelineEvent::Kind::kEnded,
        .at = now,
        .attempt = record_.attempts,
        .note = record_.failure.has_value() ? Label(record_.failure->reason) : std::string_view()});
}

}  // namespace spillway
