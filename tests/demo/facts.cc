#include "tests/demo/facts.h"

#include <cmath>
#include <utility>

namespace spillway::demo {
namespace {

std::string Number(double value) {
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

// Collects claims about numbers.
class Checks {
 public:
  void Equal(const std::string& what, double found, double expected) {
    Add(what, found == expected, Number(found) + " instead of " + Number(expected));
  }
  void AtMost(const std::string& what, double found, double bound) {
    Add(what, found <= bound, Number(found) + " is more than " + Number(bound));
  }
  void Add(const std::string& what, bool ok, std::string found) {
    checks_.push_back({ok, what, ok ? "" : std::move(found)});
  }
  std::vector<Check> Take() { return std::move(checks_); }

 private:
  std::vector<Check> checks_;
};

void CheckResponses(const Facts& facts, const Tally& tally, Checks& checks) {
  const auto requests = static_cast<double>(facts.requests());
  const auto connections = static_cast<double>(facts.origin_connections);
  checks.Add("every request answered 200 with its body", tally.good == facts.requests(),
             std::to_string(tally.good) + " of " + std::to_string(facts.requests()) +
                 (tally.first_error.empty() ? "" : "; first: " + tally.first_error));
  checks.Equal("the origin saw each request once", static_cast<double>(facts.origin_requests),
               requests);
  checks.Add(
      "no more connections than callers, at least one",
      facts.origin_connections >= 1 && connections <= facts.callers,
      Number(connections) + " connections for " + std::to_string(facts.callers) + " callers");
  // A dialled connection that nobody needed any more is reported as new by its first user.
  checks.Equal("every response but the first of a connection says reused",
               static_cast<double>(tally.good - tally.reused),
               static_cast<double>(tally.connection_ids.size()));
  checks.AtMost("summaries name no connection that the origin did not see",
                static_cast<double>(tally.connection_ids.size()), connections);
}

void CheckPool(const Facts& facts, Checks& checks) {
  const auto& totals = facts.pool.totals();
  const auto grants = totals.grants_idle() + totals.grants_new() + totals.grants_coalesced();
  checks.Equal("the pool granted a connection per request", static_cast<double>(grants),
               static_cast<double>(facts.requests()));
  checks.Equal("the pool keeps every connection for the next request", facts.pool.idle(),
               static_cast<double>(facts.origin_connections));
  checks.Equal("nobody is left active, dialling or waiting",
               facts.pool.active() + facts.pool.connecting() + facts.pool.waiting(), 0);
}

void CheckMetrics(const Facts& facts, Checks& checks) {
  const MetricPage& page = facts.metrics;
  const auto& totals = facts.pool.totals();
  const auto requests = static_cast<double>(facts.requests());
  checks.Equal("metrics count every request",
               page.Sum("http_client_request_duration_seconds_count",
                        {"http_response_status_code=\"200\"", "error_type=\"\""}),
               requests);
  checks.Equal(
      "metrics count every gRPC call",
      page.Sum("grpc_server_call_started_total", {"grpc_method=\"spillway.v1.Egress/RoundTrip\""}),
      requests);
  checks.Equal("metrics count every dial", page.Sum("spillway_dials_total", {}),
               static_cast<double>(facts.origin_connections));
  checks.Equal("metrics count a wait per request",
               page.Sum("spillway_pool_acquisition_wait_seconds_count", {"outcome=\"ok\""}),
               requests);
  checks.Equal("metrics and pool agree on connections in waiting",
               page.Sum("http_client_open_connections", {"http_connection_state=\"idle\""}),
               facts.pool.idle());
  const double acquired = page.Sum("spillway_pool_acquisitions_total", {});
  const double fresh = page.Sum("spillway_pool_acquisitions_total", {"source=\"new\""});
  checks.Add("metrics and pool agree on acquisitions",
             acquired == requests && fresh == static_cast<double>(totals.grants_new()),
             Number(acquired) + " acquisitions, " + Number(fresh) + " of them new");
}

}  // namespace

Tally TallyOf(const Facts& facts) {
  Tally tally;
  for (const auto& caller : facts.result.outcomes) {
    for (const Outcome& outcome : caller) {
      const auto& response = outcome.response;
      if (!outcome.ok || response.status() != 200 || response.body() != facts.body) {
        if (tally.first_error.empty()) {
          tally.first_error =
              outcome.ok ? "status " + std::to_string(response.status()) + " or another body"
                         : outcome.error;
        }
        continue;
      }
      ++tally.good;
      if (response.exchange().reused()) ++tally.reused;
      tally.connection_ids.insert(response.exchange().connection_id());
    }
  }
  return tally;
}

std::vector<Check> ChecksOf(const Facts& facts) {
  Checks checks;
  CheckResponses(facts, TallyOf(facts), checks);
  CheckPool(facts, checks);
  CheckMetrics(facts, checks);
  return checks.Take();
}

}  // namespace spillway::demo
