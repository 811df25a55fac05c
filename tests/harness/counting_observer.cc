#include "tests/harness/counting_observer.h"

namespace spillway {

std::uint64_t ObserverCounts::DialsOk() const {
  const auto at = dials.find("");
  return at == dials.end() ? 0 : at->second;
}

std::uint64_t ObserverCounts::ClosedTotal() const {
  std::uint64_t sum = 0;
  for (const auto& [reason, count] : closed) sum += count;
  return sum;
}

struct CountingObserver::Shared {
  std::mutex mu;
  ObserverCounts counts;
};

class CountingObserver::Key : public KeyObserver {
 public:
  explicit Key(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

  void OnRoundTripStarted(std::string_view /*method*/) override {
    const std::lock_guard lock(shared_->mu);
    ++shared_->counts.started;
  }
  void OnRoundTrip(const RoundTripRecord& record) override {
    if (record.failure.has_value()) Add(&ObserverCounts::failed, Label(record.failure->reason));
    const std::lock_guard lock(shared_->mu);
    ++shared_->counts.ended;
    if (!record.failure.has_value()) ++shared_->counts.ended_ok;
  }
  void OnAttempt(const AttemptRecord& /*record*/) override {
    const std::lock_guard lock(shared_->mu);
    ++shared_->counts.attempts;
  }
  void OnAcquired(AcquireSource source, Duration /*waited*/) override {
    Add(&ObserverCounts::acquired, Label(source));
  }
  void OnRejected(Rejection rejection) override {
    Add(&ObserverCounts::rejected, Label(rejection));
  }
  void OnRetry(Reason reason) override { Add(&ObserverCounts::retries, Label(reason)); }
  void OnRetrySuppressed(RetrySuppressed why) override {
    Add(&ObserverCounts::suppressed, Label(why));
  }
  void OnStaleReuse(StaleResult result) override { Add(&ObserverCounts::stale, Label(result)); }
  void OnDialThrottled(DialThrottle why) override { Add(&ObserverCounts::throttled, Label(why)); }
  void OnDial(const DialRecord& record) override {
    Add(&ObserverCounts::dials, Label(record.error));
    if (!record.tls.has_value()) return;
    const std::lock_guard lock(shared_->mu);
    ++shared_->counts.handshakes;
    shared_->counts.resumed += record.tls->resumed ? 1 : 0;
  }
  void OnConnectionClosed(const ConnectionRecord& record) override {
    Add(&ObserverCounts::closed, Label(record.reason));
  }

 private:
  void Add(std::map<std::string, std::uint64_t> ObserverCounts::*counter, std::string_view label) {
    const std::lock_guard lock(shared_->mu);
    ++(shared_->counts.*counter)[std::string(label)];
  }

  const std::shared_ptr<Shared> shared_;
};

CountingObserver::CountingObserver() : shared_(std::make_shared<Shared>()) {}
CountingObserver::~CountingObserver() = default;

std::shared_ptr<KeyObserver> CountingObserver::ForKey(const PoolKey& /*key*/,
                                                      const std::string& /*destination*/) {
  {
    const std::lock_guard lock(shared_->mu);
    ++shared_->counts.keys;
  }
  return std::make_shared<Key>(shared_);
}

void CountingObserver::OnDnsLookup(Reason error, Duration /*took*/) {
  const std::lock_guard lock(shared_->mu);
  ++shared_->counts.lookups[std::string(Label(error))];
}

ObserverCounts CountingObserver::counts() const {
  const std::lock_guard lock(shared_->mu);
  return shared_->counts;
}

}  // namespace spillway
