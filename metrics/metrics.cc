#include "metrics/metrics.h"

#include <algorithm>

#include "metrics/exposition.h"
#include "metrics/key_metrics.h"

namespace spillway {
namespace {

MetricsOptions WithClock(MetricsOptions options) {
  if (options.now == nullptr) {
    options.now = [] { return Instant(std::chrono::steady_clock::now().time_since_epoch()); };
  }
  return options;
}

DestinationGuard::Options GuardOptions(const MetricsOptions& options) {
  DestinationGuard::Options guard;
  guard.top_hosts = options.top_hosts;
  guard.ttl = options.host_ttl;
  guard.max_request_label_sets = options.max_label_sets;
  return guard;
}

template <typename Reading>
std::uint64_t CountOf(const Reading& reading) {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i + 1 < reading.size(); ++i) count += reading[i];
  return count;
}

}  // namespace

Metrics::Metrics(MetricsOptions options)
    : options_(WithClock(std::move(options))),
      guard_(std::make_shared<DestinationGuard>(GuardOptions(options_))),
      destinations_(*guard_, options_.max_label_sets) {}

std::shared_ptr<KeyObserver> Metrics::ForKey(const PoolKey& key, const std::string& destination) {
  return std::make_shared<KeyMetrics>(guard_, key, destination);
}

void Metrics::OnDnsLookup(Reason error, Duration took) {
  dns_lookups_[Index(error)].Observe(took.count());
}

void Metrics::OnLoopLag(std::uint32_t loop, Duration lag) {
  loop_lags_[std::min<std::size_t>(loop, kMaxLoops)].Observe(lag.count());
}

void Metrics::Preregister(const std::vector<std::string>& destinations) {
  for (const std::string& name : destinations) {
    if (!name.empty()) guard_->Named(name);
  }
}

void Metrics::SetPoolSource(PoolCollector::Source source) {
  MutexLock lock(scrape_mu_);
  while (rendering_) scraped_.wait(scrape_mu_);
  pools_.SetSource(std::move(source));
}

void Metrics::SetFrontSource(std::function<FrontFacts()> source) {
  MutexLock lock(scrape_mu_);
  while (rendering_) scraped_.wait(scrape_mu_);
  front_source_ = std::move(source);
}

std::shared_ptr<const std::string> Metrics::Scrape() {
  MutexLock lock(scrape_mu_);
  // A rendering that already runs began before this call, so it may lack what came before it.
  const std::uint64_t wanted = begun_ + 1;
  while (done_ < wanted) {
    if (rendering_) {
      scraped_.wait(scrape_mu_);
      continue;
    }
    rendering_ = true;
    const std::uint64_t mine = ++begun_;
    scrape_mu_.Unlock();
    auto text = std::make_shared<const std::string>(Render());
    scrape_mu_.Lock();
    text_ = std::move(text);
    done_ = mine;
    rendering_ = false;
    scraped_.notify_all();
  }
  return text_;
}

std::string Metrics::Render() {
  guard_->Rebalance(options_.now());
  const std::vector<DestinationGuard::Shown> shown = guard_->Labelled();
  const std::vector<PoolLevels> levels = pools_.Collect(shown);
  Exposition out;
  destinations_.Write(shown, levels, out);
  front_.Write(out);
  WriteFront(out);
  WriteProcess(out);
  return out.Text();
}

void Metrics::WriteFront(Exposition& out) const {
  out.Begin(Family::kTenantRequests);
  tenants_.Read([&out](std::string_view tenant, std::uint64_t count) {
    out.Add(std::array{tenant}, static_cast<double>(count));
  });
  if (front_source_ == nullptr) return;
  const FrontFacts facts = front_source_();
  out.Begin(Family::kInsecureRemote);
  out.Add({}, facts.insecure_remote);
  if (!facts.certificate.has_value()) return;
  out.Begin(Family::kFrontCertificateStale);
  out.Add({}, facts.certificate->stale ? 1 : 0);
  out.Begin(Family::kFrontCertificateExpiry);
  out.Add({},
          std::chrono::duration<double>(facts.certificate->not_after.time_since_epoch()).count());
}

void Metrics::WriteProcess(Exposition& out) const {
  out.Begin(Family::kDnsLookup);
  for (std::size_t i = 0; i < dns_lookups_.size(); ++i) {
    const auto reading = dns_lookups_[i].Read();
    if (CountOf(reading) == 0) continue;
    out.AddHistogram(std::array{Label(static_cast<Reason>(i))}, reading);
  }
  out.Begin(Family::kLoopLag);
  for (std::size_t i = 0; i < loop_lags_.size(); ++i) {
    const auto reading = loop_lags_[i].Read();
    if (CountOf(reading) == 0) continue;
    const std::string loop = i < kMaxLoops ? std::to_string(i) : "other";
    const std::array<std::string_view, 1> values = {loop};
    out.AddHistogram(values, reading);
  }
  config_.Write(out);
  out.Begin(Family::kBuildInfo);
  const std::array<std::string_view, 2> build = {options_.version, options_.commit};
  out.Add(build, 1);
  destinations_.WriteFolded(out);
}

}  // namespace spillway
