#include "metrics/key_metrics.h"

namespace spillway {
namespace {

// A request without a method is a GET (transport.h).
std::string_view MethodOf(std::string_view method) { return method.empty() ? "GET" : method; }

void AddQueued(DestinationSeries& series, Duration waited) {
  if (waited <= Duration::zero()) return;
  series.ended_queue_nanos.Add(0, static_cast<std::uint64_t>(waited.count()));
}

void CountHandshake(DestinationSeries& series, const std::optional<TlsFacts>& tls) {
  if (!tls) return;
  series.counters.Add(cells::kTlsHandshakes + TlsVersionIndex(tls->version) * 2 +
                      (tls->resumed ? 1 : 0));
}

}  // namespace

KeyMetrics::KeyMetrics(std::shared_ptr<DestinationGuard> guard, const PoolKey& key,
                       const std::string& destination)
    : guard_(std::move(guard)),
      slot_(destination.empty() ? guard_->Host(key.host, key.port) : guard_->Named(destination)),
      counted_as_user_(destination.empty()),
      version_(KeyProtocolIndex(key.protocol)) {}

KeyMetrics::~KeyMetrics() {
  if (counted_as_user_) guard_->Release(slot_);
}

void KeyMetrics::OnRoundTripStarted(std::string_view method) {
  const std::size_t index = MethodIndex(MethodOf(method));
  guard_->all().Begin(index);
  slot_->active.Begin(index);
}

void KeyMetrics::OnRoundTrip(const RoundTripRecord& record) {
  std::string_view protocol;
  if (record.connection != nullptr) protocol = record.connection->protocol;
  const RequestLabels labels = RequestLabels::Of(
      MethodOf(record.method), record.status,
      record.failure.has_value() ? record.failure->reason : Reason::kNone, protocol);
  guard_->all().End(labels.method);
  slot_->active.End(labels.method);
  DestinationSeries& series = slot_->series();
  guard_->Requests(series, labels).Observe(record.timings.total.count());
  series.counters.Add(cells::kIoBytes, record.bytes_sent);
  series.counters.Add(cells::kIoBytes + 1, record.bytes_received);
}

void KeyMetrics::OnAttempt(const AttemptRecord& record) {
  Count(cells::kAttempts + Index(record.kind) * kReasons + Index(record.error));
}

void KeyMetrics::OnAcquired(AcquireSource source, Duration waited) {
  DestinationSeries& series = slot_->series();
  series.counters.Add(cells::kAcquisitions + Index(source));
  series.waits[Index(AcquireOutcome::kOk)].Observe(waited.count());
  // A connection that was there was not queued for, whatever the clock says of taking it.
  const bool queued = source == AcquireSource::kNew || source == AcquireSource::kCoalesced;
  if (queued) AddQueued(series, waited);
}

void KeyMetrics::OnNotAcquired(AcquireOutcome outcome, Duration waited) {
  DestinationSeries& series = slot_->series();
  series.waits[Index(outcome)].Observe(waited.count());
  AddQueued(series, waited);
}

void KeyMetrics::OnRejected(Rejection rejection) { Count(cells::kRejections + Index(rejection)); }

void KeyMetrics::OnRetry(Reason reason) { Count(cells::kRetries + Index(reason)); }

void KeyMetrics::OnRetrySuppressed(RetrySuppressed why) {
  Count(cells::kRetriesSuppressed + Index(why));
}

void KeyMetrics::OnStaleReuse(StaleResult result) { Count(cells::kStaleReuse + Index(result)); }

void KeyMetrics::OnDial(const DialRecord& record) {
  DestinationSeries& series = slot_->series();
  series.counters.Add(cells::kDials + Index(record.purpose) * kReasons + Index(record.error));
  if (record.resolved) series.dial_phases[Index(DialPhase::kDns)].Observe(record.dns.count());
  if (record.connected) series.dial_phases[Index(DialPhase::kTcp)].Observe(record.tcp.count());
  if (record.proxied) {
    series.dial_phases[Index(DialPhase::kProxyConnect)].Observe(record.proxying.count());
  }
  if (record.tls) series.dial_phases[Index(DialPhase::kTls)].Observe(record.securing.count());
  CountHandshake(series, record.proxy_tls);
  CountHandshake(series, record.tls);
}

void KeyMetrics::OnDialUnused() { Count(cells::kDialsUnused); }

void KeyMetrics::OnDialThrottled(DialThrottle throttle) {
  Count(cells::kDialsThrottled + Index(throttle));
}

void KeyMetrics::OnConnectionClosed(const ConnectionRecord& record) {
  DestinationSeries& series = slot_->series();
  series.counters.Add(cells::kClosed + Index(record.reason));
  // A key may leave the version open until ALPN has chosen.
  const std::size_t version = record.protocol.empty() ? version_ : ProtocolIndex(record.protocol);
  series.lives[version].Observe(record.age.count());
  series.uses[version].Observe(static_cast<std::int64_t>(record.uses));
}

}  // namespace spillway
