// The daemon's metrics: hears what happens, answers a scrape.
//
// What it is: the TransportObserver of the daemon, plus what the server tells it about calls and
// configuration. Totals and histograms come from events; levels come from pool snapshots.
// What it owns: the cardinality guard, all series, and the state of the scrape. It never calls the
// transport except through the pool source, from a scraping thread.
// Thread safety: every function may be called from any thread. Events take no lock. Scrapes that
// arrive together share one rendering, which holds no lock that an event or a pool takes, except
// that the pool source may take the pools' own for a moment each (case C-081).
// Invariants: counters never decrease while their series is shown; at most `max_label_sets` label
// sets a family; no label value comes from a request's or an origin's text, except the host names
// that the guard lets through.

#pragma once

#include <array>
#include <condition_variable>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/config_metrics.h"
#include "metrics/destination_exposition.h"
#include "metrics/destination_guard.h"
#include "metrics/front_metrics.h"
#include "metrics/names.h"
#include "metrics/pool_collector.h"
#include "metrics/striped_histogram.h"
#include "metrics/tenant_table.h"
#include "transport/base/mutex.h"
#include "transport/observer.h"

namespace spillway {

struct MetricsOptions {
  std::string version;  // of spillway_build_info
  std::string commit;
  std::size_t top_hosts = 100;                   // hosts without a policy entry that get a label
  Duration host_ttl = std::chrono::minutes(15);  // a host's series after it left the top
  std::size_t max_label_sets = 2000;             // of one family
  std::function<Instant()> now;                  // null: the steady clock; paces the guard only
};

class Metrics final : public TransportObserver {
 public:
  explicit Metrics(MetricsOptions options);
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // TransportObserver. Key observers may outlive this object.
  std::shared_ptr<KeyObserver> ForKey(const PoolKey& key, const std::string& destination) override;
  void OnDnsLookup(Reason error, Duration took) override;
  void OnLoopLag(std::uint32_t loop, Duration lag) override;

  // Shows the zero series of configured destinations, so that rate() sees their first event.
  void Preregister(const std::vector<std::string>& destinations);
  // Where levels come from: Transport::Snapshot. When this returns, the former source is not in
  // use any more: set null before the transport goes.
  void SetPoolSource(PoolCollector::Source source);

  // gRPC calls and what is done in them.
  FrontMetrics& front() { return front_; }
  // A round trip was asked for by this identity, "" for none.
  void OnCaller(std::string_view tenant) { tenants_.Count(tenant); }

  // How the front stands, looked at by each scrape.
  struct FrontFacts {
    std::uint32_t insecure_remote = 0;  // listeners
    struct Certificate {
      std::chrono::system_clock::time_point not_after;
      bool stale = false;
    };
    std::optional<Certificate> certificate;  // when it speaks TLS
  };
  // Called on scraping threads. When this returns, the former source is not in use any more.
  void SetFrontSource(std::function<FrontFacts()> source);
  // The configuration and its loads. Until the first load nothing is shown.
  ConfigMetrics& config() { return config_; }

  // The text exposition format, rendered after this was called.
  std::shared_ptr<const std::string> Scrape();
  static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

 private:
  static constexpr std::size_t kMaxLoops = 64;  // loops beyond share one label

  std::string Render();
  void WriteProcess(Exposition& out) const;
  void WriteFront(Exposition& out) const;

  const MetricsOptions options_;
  const std::shared_ptr<DestinationGuard> guard_;

  std::array<StripedHistogram<kDialBounds>, kReasons> dns_lookups_;
  std::array<StripedHistogram<kWaitBounds>, kMaxLoops + 1> loop_lags_;
  FrontMetrics front_;
  TenantTable tenants_;
  ConfigMetrics config_;

  // The scrape. One rendering at a time; who asks while one runs waits for the next.
  Mutex scrape_mu_;
  std::condition_variable_any scraped_;
  bool rendering_ SPILLWAY_GUARDED_BY(scrape_mu_) = false;
  std::uint64_t begun_ SPILLWAY_GUARDED_BY(scrape_mu_) = 0;
  std::uint64_t done_ SPILLWAY_GUARDED_BY(scrape_mu_) = 0;
  std::shared_ptr<const std::string> text_ SPILLWAY_GUARDED_BY(scrape_mu_);
  // Used by the rendering thread, or under scrape_mu_ while nobody renders.
  std::function<FrontFacts()> front_source_;
  PoolCollector pools_;
  DestinationExposition destinations_;
};

}  // namespace spillway
