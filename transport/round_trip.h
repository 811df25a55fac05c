// Everything done for one request under one deadline: acquire, exchange, classify, retry.
//
// What it is: an object that is told what happened (granted, refused, exchange events, cancelled)
// and drives pool and connection. Its record ends in the sink's OnEnd, exactly once.
// Thread safety: Cancel and Resume from any thread; the rest is serialized by the course of events.
// Invariants: it holds a lease exactly while an attempt runs; after the end it calls nobody.

#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "transport/base/mutex.h"
#include "transport/base/policy.h"
#include "transport/connection/exchange.h"
#include "transport/pool.h"
#include "transport/records.h"
#include "transport/retry/retry_policy.h"
#include "transport/transport.h"

namespace spillway {

// A request that passed every check, with what the policy says about it.
struct PreparedRequest {
  RequestHead head;
  std::shared_ptr<BodySource> body;
  ProtocolSwitch switching = ProtocolSwitch::kNone;
  Duration expect_continue{};  // zero: the body need not wait
  bool close = false;
  bool idempotent = false;
  bool fresh_connection = false;
  bool want_timeline = false;
  std::uint32_t max_attempts = 1;
  std::uint64_t max_response_bytes = 0;
  ExchangeLimits limits;
  std::shared_ptr<const Policy> policy;
  const Destination* destination = nullptr;  // inside policy
  std::string tenant;
  std::shared_ptr<const std::string> rule;  // the match that chose the destination
  std::shared_ptr<PoolEntry> entry;
};

// What a round trip asks of the transport that runs it.
class RoundTripHost {
 public:
  virtual ~RoundTripHost() = default;
  // Where the same request goes over HTTP/1.1; null when policy has no such way.
  virtual std::shared_ptr<PoolEntry> Http1EntryFor(const PreparedRequest& request) = 0;
  // Calls `function` once, when `delay` is over or the transport stops, as Transport::RunAfter.
  virtual void RunAfter(Duration delay, std::function<void()> function) = 0;
  // After the sink heard OnEnd.
  virtual void OnRoundTripEnded() = 0;
};

class RoundTrip final : public RoundTripHandle,
                        public PoolWaiter,
                        public ExchangeHandler,
                        public std::enable_shared_from_this<RoundTrip> {
 public:
  RoundTrip(Pool& pool, RoundTripHost& host, PreparedRequest request,
            std::shared_ptr<ResponseSink> sink, Instant started);

  void Start();

  void Cancel() override;
  void Resume() override;

  void OnGrant(Lease lease) override;
  void OnNoGrant(std::shared_ptr<const Failure> why) override;

  void OnInformational(ResponseHead head) override;
  Flow OnHead(ResponseHead head, BodyKind kind, std::uint64_t length) override;
  Flow OnData(const Chunk& chunk) override;
  void OnOriginClosed() override { sink_->OnOriginClosed(); }
  void OnExchangeDone(ExchangeResult result) override;

 private:
  enum class State : std::uint8_t { kWaiting, kRunning, kPausing, kEnded };

  void Acquire(bool fresh, bool retry);
  void EndWait();
  // Takes the lease and names the attempt; nothing when the round trip was cancelled.
  std::optional<WaiterId> BeginAttempt(Lease& lease);
  void StartAttempt(Lease lease);
  void OnStale();
  void OnUncounted(bool fresh);
  void NoteExchange(const ExchangeResult& result);
  void OnAttemptFailed(const ExchangeResult& result);
  bool Again(RetryVerdict verdict, Reason reason);
  // A status that policy answers by another attempt. The response is then not delivered.
  bool AnswerByRetry(const ResponseHead& head);
  void PauseThenAcquire(Duration pause);
  bool DialAgain(const Failure& why);
  double Fraction() const;
  bool GoOverHttp1();
  bool Suppressed(RetrySuppressed why);
  void End(std::optional<Failure> failure);

  // round_trip_timeline.cc
  void Mark(TimelineEvent event);
  void NoteWait(Instant now, const DialSteps* dial);
  void NoteGrant(const Lease& lease, Instant now);
  void NoteNoGrant(const Failure& why, Instant now);
  void TraceAttempt();
  void NoteTimings(const ExchangeResult& result);
  void NoteRelease(const ExchangeResult& result);
  void NoteEnd(Instant now);

  Flow RefuseBody();

  Pool& pool_;
  RoundTripHost& host_;
  const PreparedRequest request_;
  std::shared_ptr<PoolEntry> entry_;    // changes only between attempts
  std::shared_ptr<ResponseSink> sink_;  // none after the end
  RoundTripRecord record_;

  // The course of events; no two of these change at once.
  Instant acquire_started_{};
  std::unique_ptr<RequestHead> traced_head_;  // of the attempt under way; null: the caller's
  std::uint64_t span_id_ = 0;                 // in it
  Duration backoff_{};                        // before the attempt under way
  bool informed_ = false;                     // a 1xx came, and
  Instant head_at_ = kNever;                  // then the head
  std::uint32_t stale_grants_ = 0;
  std::uint32_t refusals_ = 0;                      // streams that an HTTP/2 origin did not process
  bool body_offered_ = false;                       // to a connection, which may have read from it
  AttemptKind kind_ = AttemptKind::kFirst;          // of the attempt to come
  AttemptKind running_kind_ = AttemptKind::kFirst;  // and of the one under way
  Delivery worst_ = Delivery::kNotSent;
  std::optional<Failure> own_failure_;  // why we ended an exchange ourselves
  std::uint32_t failed_dials_ = 0;      // that were answered by another
  std::optional<Duration> pause_;       // the response that runs is dropped, and asked for again

  Mutex mu_;  // against Cancel and Resume
  State state_ SPILLWAY_GUARDED_BY(mu_) = State::kWaiting;
  bool cancelled_ SPILLWAY_GUARDED_BY(mu_) = false;
  WaiterId token_ SPILLWAY_GUARDED_BY(mu_) = 0;
  Lease lease_ SPILLWAY_GUARDED_BY(mu_);
};

}  // namespace spillway
