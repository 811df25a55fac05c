#include "metrics/metrics.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "tests/metrics/exposition_text.h"
#include "tests/metrics/records_for_test.h"

namespace spillway {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class Daemon : public testing::Test {
 protected:
  Daemon() { Start(MetricsOptions().top_hosts); }

  void Start(std::size_t top_hosts) {
    MetricsOptions options;
    options.top_hosts = top_hosts;
    options.version = "1.2.3";
    options.commit = "abc1234";
    options.now = [this] { return now_; };
    metrics_ = std::make_unique<Metrics>(std::move(options));
    metrics_->SetPoolSource([this] { return pools_; });
  }

  std::string Scrape() { return *metrics_->Scrape(); }

  Instant now_{std::chrono::hours(1)};
  std::vector<PoolSnapshot> pools_;
  std::unique_ptr<Metrics> metrics_;
};

TEST_F(Daemon, ShowsTheCountersOfAHostExactly) {
  const auto key = metrics_->ForKey(KeyOf("a.example", 8080), "");
  FeedEverything(*key);
  const std::string text = Scrape();
  const std::map<std::string, std::string> expected = {
      {"spillway_pool_acquisitions_total",
       "# HELP spillway_pool_acquisitions_total Connections granted to round trips, by where they "
       "came from.\n"
       "# TYPE spillway_pool_acquisitions_total counter\n"
       "spillway_pool_acquisitions_total{destination=\"a.example:8080\",source=\"idle\"} 2\n"
       "spillway_pool_acquisitions_total{destination=\"a.example:8080\",source=\"new\"} 1\n"},
      {"spillway_pool_rejections_total",
       "# HELP spillway_pool_rejections_total Round trips that the pool did not serve.\n"
       "# TYPE spillway_pool_rejections_total counter\n"
       "spillway_pool_rejections_total{destination=\"a.example:8080\",reason=\"queue_full\"} 1\n"},
      {"spillway_dials_total",
       "# HELP spillway_dials_total Dials that ended; error_type is empty for those that "
       "succeeded.\n"
       "# TYPE spillway_dials_total counter\n"
       "spillway_dials_total{destination=\"a.example:8080\",purpose=\"demand\",error_type=\"\"} 2\n"
       "spillway_dials_total{destination=\"a.example:8080\",purpose=\"probe\","
       "error_type=\"connection_refused\"} 1\n"},
      {"spillway_dials_unused_total",
       "# HELP spillway_dials_unused_total Dialled connections that closed without ever carrying "
       "an exchange.\n"
       "# TYPE spillway_dials_unused_total counter\n"
       "spillway_dials_unused_total{destination=\"a.example:8080\"} 1\n"},
      {"spillway_dials_throttled_total",
       "# HELP spillway_dials_throttled_total Requests for which a dial was wanted and put off, by "
       "what held it back.\n"
       "# TYPE spillway_dials_throttled_total counter\n"
       "spillway_dials_throttled_total{destination=\"a.example:8080\",reason=\"backoff\"} 1\n"},
      {"spillway_connections_closed_total",
       "# HELP spillway_connections_closed_total Connections that closed, by reason.\n"
       "# TYPE spillway_connections_closed_total counter\n"
       "spillway_connections_closed_total{destination=\"a.example:8080\",reason=\"peer_fin\"} 1\n"},
      {"spillway_stale_reuse_total",
       "# HELP spillway_stale_reuse_total Kept connections that had died when they were used "
       "again, by what became of the request.\n"
       "# TYPE spillway_stale_reuse_total counter\n"
       "spillway_stale_reuse_total{destination=\"a.example:8080\",result=\"replayed\"} 1\n"},
      {"spillway_attempts_total",
       "# HELP spillway_attempts_total Attempts on connections; error_type is empty for those that "
       "succeeded.\n"
       "# TYPE spillway_attempts_total counter\n"
       "spillway_attempts_total{destination=\"a.example:8080\",kind=\"first\",error_type=\"\"} 1\n"
       "spillway_attempts_total{destination=\"a.example:8080\",kind=\"replay\","
       "error_type=\"connection_terminated\"} 1\n"},
      {"spillway_retries_total",
       "# HELP spillway_retries_total Attempts made again, by the error of the attempt or dial "
       "before; response_status when that was an answer.\n"
       "# TYPE spillway_retries_total counter\n"
       "spillway_retries_total{destination=\"a.example:8080\",reason=\"response_status\"} 1\n"
       "spillway_retries_total{destination=\"a.example:8080\",reason=\"connection_terminated\"} "
       "1\n"},
      {"spillway_retries_suppressed_total",
       "# HELP spillway_retries_suppressed_total Failed attempts that were not made again, by what "
       "forbade it.\n"
       "# TYPE spillway_retries_suppressed_total counter\n"
       "spillway_retries_suppressed_total{destination=\"a.example:8080\","
       "reason=\"not_idempotent\"} 1\n"},
      {"spillway_io_bytes_total",
       "# HELP spillway_io_bytes_total Bytes of ended round trips on connections to origins.\n"
       "# TYPE spillway_io_bytes_total counter\n"
       "spillway_io_bytes_total{destination=\"a.example:8080\",direction=\"sent\"} 100\n"
       "spillway_io_bytes_total{destination=\"a.example:8080\",direction=\"received\"} 2000\n"},
      {"http_client_active_requests",
       "# HELP http_client_active_requests Round trips running now.\n"
       "# TYPE http_client_active_requests gauge\n"
       "http_client_active_requests{server_address=\"a.example\",server_port=\"8080\","
       "http_request_method=\"GET\"} 0\n"
       "http_client_active_requests{server_address=\"a.example\",server_port=\"8080\","
       "http_request_method=\"POST\"} 0\n"
       "http_client_active_requests{server_address=\"a.example\",server_port=\"8080\","
       "http_request_method=\"_OTHER\"} 1\n"},
  };
  for (const auto& [family, lines] : expected) EXPECT_EQ(FamilyText(text, family), lines);
}

TEST_F(Daemon, ShowsAHistogramExactly) {
  const auto key = metrics_->ForKey(KeyOf("a.example", 8080), "");
  key->OnDial(
      {DialPurpose::kDemand, Reason::kNone, milliseconds(2), milliseconds(100), true, true});
  key->OnDial({DialPurpose::kDemand, Reason::kNone, {}, seconds(60), false, true});
  const std::string labels = "{destination=\"a.example:8080\",phase=\"tcp\"";
  const std::string name = "spillway_dial_phase_duration_seconds";
  std::string expected = name + "_count" + labels + "} 2\n" + name + "_sum" + labels + "} 60.1\n";
  for (const char* le : {"0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05"}) {
    expected += name + "_bucket" + labels + ",le=\"" + le + "\"} 0\n";
  }
  for (const char* le : {"0.1", "0.25", "0.5", "1", "2.5", "5", "10"}) {
    expected += name + "_bucket" + labels + ",le=\"" + le + "\"} 1\n";
  }
  expected += name + "_bucket" + labels + ",le=\"+Inf\"} 2\n";
  const std::string text = FamilyText(Scrape(), name);
  EXPECT_NE(text.find(expected), std::string::npos) << text;
  EXPECT_NE(text.find("_count{destination=\"a.example:8080\",phase=\"dns\"} 1\n"),
            std::string::npos);
}

TEST_F(Daemon, LabelsRoundTripsAsTheirCallersSawThem) {
  const auto key = metrics_->ForKey(KeyOf("a.example", 8080), "");
  FeedEverything(*key);
  RoundTripRecord cut = RoundTripOf("", 206, seconds(1), Reason::kHttpResponseIncomplete);
  key->OnRoundTripStarted("");
  key->OnRoundTrip(cut);
  const auto samples = Samples(Scrape());
  const std::string prefix =
      "http_client_request_duration_seconds_count{server_address=\"a.example\","
      "server_port=\"8080\",";
  EXPECT_EQ(samples.at(prefix + "http_request_method=\"GET\",http_response_status_code=\"200\","
                                "error_type=\"\",network_protocol_version=\"1.1\"}"),
            1);
  EXPECT_EQ(samples.at(prefix + "http_request_method=\"POST\",http_response_status_code=\"\","
                                "error_type=\"pool_queue_timeout\",network_protocol_version=\"\"}"),
            1);
  EXPECT_EQ(samples.at(prefix + "http_request_method=\"GET\",http_response_status_code=\"206\","
                                "error_type=\"http_response_incomplete\","
                                "network_protocol_version=\"1.1\"}"),
            1);
}

TEST_F(Daemon, ShowsConnectionLivesAndWaitsByTheirOutcome) {
  FeedEverything(*metrics_->ForKey(KeyOf("a.example", 8080), ""));
  const auto samples = Samples(Scrape());
  EXPECT_EQ(samples.at("http_client_connection_duration_seconds_sum{server_address=\"a.example\","
                       "server_port=\"8080\",network_protocol_version=\"1.1\"}"),
            40);
  EXPECT_EQ(samples.at("spillway_pool_connection_uses_sum{destination=\"a.example:8080\","
                       "network_protocol_version=\"1.1\"}"),
            7);
  const std::string wait = "spillway_pool_acquisition_wait_seconds_";
  EXPECT_EQ(samples.at(wait + "count{destination=\"a.example:8080\",outcome=\"ok\"}"), 3);
  EXPECT_EQ(samples.at(wait + "sum{destination=\"a.example:8080\",outcome=\"ok\"}"), 0.003);
  EXPECT_EQ(samples.at(wait + "count{destination=\"a.example:8080\",outcome=\"rejected\"}"), 1);
}

TEST_F(Daemon, TakesLevelsFromSnapshots) {
  metrics_->Preregister({"orders"});
  HostPoolSnapshot state;
  state.idle = 4;
  state.active = 3;
  state.connecting = 2;
  state.waiting = 5;
  state.draining = 1;
  state.waiter_seconds = 12.5;
  state.learned_idle_timeout = seconds(30);
  pools_ = {SnapshotOf(KeyOf("a", 80, "orders"), state)};
  pools_[0].limits.max_connections = 16;
  pools_[0].limits.max_idle = 8;
  pools_[0].limits.max_waiters = 100;
  const auto samples = Samples(Scrape());
  const std::string otel =
      "http_client_open_connections{server_address=\"orders\","
      "server_port=\"\",http_connection_state=\"";
  EXPECT_EQ(samples.at(otel + "idle\",network_protocol_version=\"1.1\"}"), 4);
  EXPECT_EQ(samples.at(otel + "active\",network_protocol_version=\"1.1\"}"), 3);
  const std::string dest = "{destination=\"orders\"}";
  EXPECT_EQ(samples.at("spillway_pool_connections_connecting" + dest), 2);
  EXPECT_EQ(samples.at("spillway_dials_in_flight" + dest), 2);
  EXPECT_EQ(samples.at("spillway_pool_connections_draining" + dest), 1);
  EXPECT_EQ(samples.at("spillway_pool_queue_length" + dest), 5);
  EXPECT_EQ(samples.at("spillway_pool_connections_limit" + dest), 16);
  EXPECT_EQ(samples.at("spillway_pool_idle_limit" + dest), 8);
  EXPECT_EQ(samples.at("spillway_pool_queue_limit" + dest), 100);
  EXPECT_EQ(samples.at("spillway_pool_queue_request_seconds_total" + dest), 12.5);
  EXPECT_EQ(samples.at("spillway_learned_idle_timeout_seconds" + dest), 30);

  pools_.clear();
  const auto later = Samples(Scrape());
  EXPECT_EQ(later.at("spillway_pool_queue_length" + dest), 0);
  EXPECT_EQ(later.at("spillway_pool_queue_request_seconds_total" + dest), 12.5);
}

// The wait of what was there already is not queueing, however long taking it took.
TEST_F(Daemon, CountsAsQueueingOnlyWhatPassedThroughTheQueue) {
  const auto key = metrics_->ForKey(KeyOf("a", 80), "");
  key->OnAcquired(AcquireSource::kIdle, milliseconds(400));
  key->OnAcquired(AcquireSource::kStream, milliseconds(400));
  const char* sample = "spillway_pool_queue_request_seconds_total{destination=\"a:80\"}";
  EXPECT_FALSE(Samples(Scrape()).contains(sample));
  key->OnAcquired(AcquireSource::kCoalesced, milliseconds(10));
  key->OnAcquired(AcquireSource::kNew, milliseconds(20));
  key->OnNotAcquired(AcquireOutcome::kTimeout, milliseconds(70));
  EXPECT_EQ(Samples(Scrape()).at(sample), 0.1);
}

TEST_F(Daemon, ShowsZeroSeriesOfConfiguredDestinationsBeforeAnythingHappens) {
  metrics_->Preregister({"orders", ""});
  const std::string text = Scrape();
  const auto samples = Samples(text);
  for (const char* sample :
       {"spillway_pool_acquisitions_total{destination=\"orders\",source=\"new\"}",
        "spillway_pool_rejections_total{destination=\"orders\",reason=\"queue_full\"}",
        "spillway_dials_total{destination=\"orders\",purpose=\"demand\",error_type=\"\"}",
        "spillway_connections_closed_total{destination=\"orders\",reason=\"idle_timeout\"}",
        "spillway_stale_reuse_total{destination=\"orders\",result=\"replayed\"}",
        "spillway_attempts_total{destination=\"orders\",kind=\"retry\",error_type=\"\"}",
        "spillway_retries_suppressed_total{destination=\"orders\",reason=\"budget\"}",
        "spillway_pool_acquisition_wait_seconds_count{destination=\"orders\",outcome=\"ok\"}",
        "spillway_pool_queue_request_seconds_total{destination=\"orders\"}",
        "spillway_pool_queue_length{destination=\"orders\"}",
        "spillway_io_bytes_total{destination=\"orders\",direction=\"sent\"}",
        "spillway_dials_unused_total{destination=\"orders\"}"}) {
    const auto found = samples.find(sample);
    ASSERT_NE(found, samples.end()) << sample;
    EXPECT_EQ(found->second, 0) << sample;
  }
  EXPECT_EQ(text.find("_other"), std::string::npos) << text;
}

TEST_F(Daemon, SaysWhatRunsAndHowItsConfigurationFared) {
  EXPECT_EQ(Samples(Scrape()).at("spillway_build_info{version=\"1.2.3\",commit=\"abc1234\"}"), 1);
  EXPECT_EQ(FamilyText(Scrape(), "spillway_config_last_reload_successful"), "");
  const std::chrono::system_clock::time_point at(seconds(1'800'000'000));
  metrics_->config().OnLoaded(at);
  EXPECT_EQ(Samples(Scrape()).at("spillway_config_last_reload_successful"), 1);
  metrics_->config().OnRefused("tls");
  EXPECT_EQ(Samples(Scrape()).at("spillway_config_last_reload_successful"), 0);
  EXPECT_EQ(Samples(Scrape()).at("spillway_config_last_reload_success_timestamp_seconds"),
            1'800'000'000);
}

TEST_F(Daemon, CountsCallsLookupsAndLoopLag) {
  metrics_->front().OnCallStarted("/spillway.v1.Egress/RoundTrip");
  metrics_->front().OnCallEnded("/spillway.v1.Egress/RoundTrip", "UNAVAILABLE", milliseconds(2));
  metrics_->front().OnCallEnded("/nobody.Knows/It", "UNIMPLEMENTED", milliseconds(1));
  metrics_->OnDnsLookup(Reason::kNone, milliseconds(4));
  metrics_->OnDnsLookup(Reason::kDestinationNotFound, milliseconds(4));
  metrics_->OnLoopLag(0, milliseconds(1));
  metrics_->OnLoopLag(70'000, milliseconds(1));
  const auto samples = Samples(Scrape());
  EXPECT_EQ(samples.at("grpc_server_call_started_total{"
                       "grpc_method=\"spillway.v1.Egress/RoundTrip\"}"),
            1);
  EXPECT_EQ(samples.at("grpc_server_call_duration_seconds_count{"
                       "grpc_method=\"spillway.v1.Egress/RoundTrip\","
                       "grpc_status=\"UNAVAILABLE\"}"),
            1);
  EXPECT_EQ(samples.at("grpc_server_call_duration_seconds_count{grpc_method=\"other\","
                       "grpc_status=\"UNIMPLEMENTED\"}"),
            1);
  EXPECT_EQ(samples.at("dns_lookup_duration_seconds_count{error_type=\"\"}"), 1);
  EXPECT_EQ(samples.at("dns_lookup_duration_seconds_count{error_type=\"destination_not_found\"}"),
            1);
  EXPECT_EQ(samples.at("spillway_event_loop_lag_seconds_count{loop=\"0\"}"), 1);
  EXPECT_EQ(samples.at("spillway_event_loop_lag_seconds_count{loop=\"other\"}"), 1);
}

TEST_F(Daemon, PleasesPromtool) {
  metrics_->Preregister({"orders", "quo\"te\\d\nname"});
  const auto orders = metrics_->ForKey(KeyOf("a", 80, "orders"), "orders");
  const auto host = metrics_->ForKey(KeyOf("[::1]", 8080), "");
  FeedEverything(*orders);
  FeedEverything(*host);
  metrics_->front().OnCallStarted("/spillway.v1.Egress/RoundTrip");
  metrics_->front().OnCallEnded("/spillway.v1.Egress/RoundTrip", "OK", milliseconds(2));
  metrics_->front().OnMultiplexCalls(8);
  RoundTripRecord redirected;
  redirected.hops = {{"http://a.test/", 301}};
  metrics_->front().OnExchange(redirected);
  metrics_->OnCaller("spiffe://corp/\"a\"");
  metrics_->SetFrontSource([] {
    Metrics::FrontFacts facts;
    facts.insecure_remote = 1;
    facts.certificate = {std::chrono::system_clock::time_point(seconds(3)), true};
    return facts;
  });
  metrics_->OnDnsLookup(Reason::kNone, milliseconds(4));
  metrics_->OnLoopLag(0, milliseconds(1));
  metrics_->config().OnLoaded(std::chrono::system_clock::time_point(seconds(1)));
  metrics_->config().OnPolicy(
      {1, {{"partner", std::chrono::system_clock::time_point(seconds(2))}}, 1});
  pools_ = {SnapshotOf(KeyOf("a", 80, "orders"), {}), SnapshotOf(KeyOf("[::1]", 8080), {})};
  const std::string text = Scrape();
  EXPECT_EQ(PromtoolComplaints(text), "");
  // All families but the one that appears when the guard has had to fold.
  for (const FamilyInfo& info : AllFamilies()) {
    EXPECT_EQ(FamilyText(text, info.name).empty(), info.id == Family::kFolded) << info.name;
  }
}

TEST_F(Daemon, PromtoolNoticesWhatIsWrong) {
  EXPECT_NE(PromtoolComplaints("# HELP a_total x\n# TYPE a_total gauge\na_total 1\n"), "");
}

TEST_F(Daemon, SurvivesKeyObserversThatOutliveIt) {
  const auto key = metrics_->ForKey(KeyOf("a", 80), "");
  metrics_.reset();
  FeedEverything(*key);
}

bool Counts(const std::string& sample) {
  for (const char* part : {"_total{", "_count{", "_sum{", "_bucket{"}) {
    if (sample.find(part) != std::string::npos) return true;
  }
  return false;
}

// Counters only grow, whatever comes, goes and moves in between.
TEST_F(Daemon, NeverShowsACounterFall) {
  Start(3);
  std::map<std::string, double> highest;
  std::vector<std::shared_ptr<KeyObserver>> keys;
  std::size_t vanished = 0;
  for (int round = 0; round < 200; ++round) {
    now_ += seconds(40);
    // One host after the other is the busiest for a while.
    const std::string host = "h" + std::to_string(round / 15 % 7);
    keys.push_back(metrics_->ForKey(KeyOf(host), ""));
    keys.push_back(metrics_->ForKey(KeyOf(host, 80, "orders"), "orders"));
    if (keys.size() > 12) keys.erase(keys.begin(), keys.begin() + 5);
    for (int i = 0; i < 5; ++i) {
      for (const auto& key : keys) FeedEverything(*key);
    }
    HostPoolSnapshot state;
    state.waiter_seconds = round % 4;
    pools_ = {SnapshotOf(KeyOf(host), state), SnapshotOf(KeyOf(host, 80, "orders"), state)};
    const auto now = Samples(Scrape());
    for (const auto& [sample, value] : highest) {
      const auto found = now.find(sample);
      if (found == now.end()) {
        // Only a host's own series may vanish, and only after its time.
        EXPECT_EQ(sample.find("orders"), std::string::npos) << sample;
        EXPECT_EQ(sample.find("_other"), std::string::npos) << sample;
        ++vanished;
        continue;
      }
      EXPECT_GE(found->second, value) << sample << " in round " << round;
    }
    for (const auto& [sample, value] : now) {
      if (Counts(sample)) highest[sample] = value;
    }
    std::erase_if(highest, [&](const auto& entry) { return !now.contains(entry.first); });
  }
  EXPECT_GT(vanished, 0u);
}

}  // namespace
}  // namespace spillway
