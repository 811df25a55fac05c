#include "tests/demo/report.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "server/defaults.h"

namespace spillway::demo {
namespace {

constexpr std::size_t kBarWidth = 50;
constexpr int kColumn = 12;

std::string TimeText(const google::protobuf::Duration& duration) {
  const double seconds =
      static_cast<double>(duration.seconds()) + static_cast<double>(duration.nanos()) * 1e-9;
  char text[32];
  if (seconds < 1e-3) {
    std::snprintf(text, sizeof text, "%.0f us", seconds * 1e6);
  } else if (seconds < 1) {
    std::snprintf(text, sizeof text, "%.1f ms", seconds * 1e3);
  } else {
    std::snprintf(text, sizeof text, "%.2f s", seconds);
  }
  return text;
}

std::string Percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", share * 100);
  return text;
}

// Proportional, but never invisible.
std::string Bar(std::uint64_t value, std::uint64_t whole) {
  if (value == 0 || whole == 0) return "";
  const std::size_t width = static_cast<std::size_t>(value * kBarWidth / whole);
  return std::string(std::clamp<std::size_t>(width, 1, kBarWidth), '#');
}

void Print(const std::string& text) { std::fputs(text.c_str(), stdout); }

void Cell(const std::string& text) { std::printf("%*s", kColumn, text.c_str()); }

void TimingRow(const spillway::v1::Exchange& exchange, const char* name) {
  const auto& timings = exchange.timings();
  std::printf("  %-16s", name);
  Cell(timings.has_queue() ? TimeText(timings.queue()) : "-");
  Cell(timings.has_dns() ? TimeText(timings.dns()) : "-");
  Cell(timings.has_connect() ? TimeText(timings.connect()) : "-");
  Cell(timings.has_write() ? TimeText(timings.write()) : "-");
  Cell(timings.has_first_byte() ? TimeText(timings.first_byte()) : "-");
  Cell(timings.has_total() ? TimeText(timings.total()) : "-");
  std::printf("   connection %llu", static_cast<unsigned long long>(exchange.connection_id()));
  if (exchange.reused() && exchange.has_idle_time()) {
    std::printf(", idle %s before", TimeText(exchange.idle_time()).c_str());
  }
  Print("\n");
}

// The labels that say which origin are left out: there is one.
std::string WithoutOrigin(std::string_view series) {
  const std::size_t open = series.find('{');
  if (open == std::string_view::npos) return std::string(series);
  std::string kept;
  std::string_view rest = series.substr(open + 1, series.size() - open - 2);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find("\","), rest.size() - 1) + 1;
    const std::string_view label = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const bool of_origin = label.starts_with("server_") || label.starts_with("destination=");
    if (of_origin || label.ends_with("=\"\"")) continue;
    kept += (kept.empty() ? "" : ",") + std::string(label);
  }
  const std::string name(series.substr(0, open));
  return kept.empty() ? name : name + "{" + kept + "}";
}

// A caller whose first request waited for a dial; when there is none, any.
const std::vector<Outcome>& OneThatDialled(const Facts& facts) {
  for (const auto& caller : facts.result.outcomes) {
    const auto& exchange = caller.front().response.exchange();
    if (!exchange.reused() && exchange.timings().has_connect()) return caller;
  }
  return facts.result.outcomes.front();
}

}  // namespace

Report::Report() {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  colours_ = isatty(STDOUT_FILENO) == 1 && (no_colour == nullptr || *no_colour == '\0') &&
             (terminal == nullptr || std::string_view(terminal) != "dumb");
}

std::string Report::Paint(const char* code, const std::string& text) const {
  return colours_ ? "\033[" + std::string(code) + "m" + text + "\033[0m" : text;
}

void Report::Title(const std::string& text) const { Print("\n" + Bold(text) + "\n"); }

void Report::Heading(const Facts& facts, const Addresses& addresses) const {
  Print(Bold("Spillway " + facts.process.version()) + Dim(" (" + facts.process.commit() + ")") +
        "  gRPC " + addresses.grpc + ", HTTP " + addresses.http + ", admin " + addresses.admin +
        "\n");
}

void Report::Response(const Facts& facts) const {
  const std::vector<Outcome>& caller = OneThatDialled(facts);
  const Outcome& first = caller.front();
  const Outcome& last = caller.back();
  if (!last.ok) return;
  const auto& response = last.response;
  Title("One response");
  Print("  GET " + facts.url + Dim(" -> ") + Paint("32", std::to_string(response.status())) + " " +
        response.reason() + Dim("  " + response.protocol()) + "\n");
  for (const auto& header : response.headers()) {
    Print("  " + Dim(header.name() + ": " + header.value()) + "\n");
  }
  Print("  " + response.body().substr(0, response.body().find_last_not_of('\n') + 1) + "\n");
  std::string head = "                  ";
  for (const char* column : {"waited", "dns", "connect", "write", "first byte", "total"}) {
    head += std::string(kColumn - std::string_view(column).size(), ' ') + column;
  }
  Print(Dim(head) + "\n");
  const auto name = [](const spillway::v1::Exchange& exchange) {
    if (exchange.reused()) return "reused";
    return exchange.timings().has_connect() ? "dialled" : "new";
  };
  if (first.ok) TimingRow(first.response.exchange(), name(first.response.exchange()));
  TimingRow(response.exchange(), name(response.exchange()));
  Print(Dim("  one caller's first request and its last; the latter from " +
            response.exchange().local_address() + " to " + response.exchange().remote_address()) +
        "\n");
}

void Report::Traffic(const Facts& facts) const {
  const Tally tally = TallyOf(facts);
  const double seconds = std::chrono::duration<double>(facts.result.took).count();
  Title(std::to_string(facts.callers) + " callers at once, one after the other each");
  std::printf("  %-24s %6llu  %s\n", "requests at the origin",
              static_cast<unsigned long long>(facts.origin_requests),
              Paint("36", Bar(facts.origin_requests, facts.origin_requests)).c_str());
  std::printf("  %-24s %6llu  %s\n", "connections at the origin",
              static_cast<unsigned long long>(facts.origin_connections),
              Paint("36", Bar(facts.origin_connections, facts.origin_requests)).c_str());
  std::printf("  %-24s %6s  in %.2f s, %.0f requests/s\n", "on a kept-alive one",
              Percent(static_cast<double>(tally.reused) /
                      static_cast<double>(std::max<std::uint64_t>(facts.requests(), 1)))
                  .c_str(),
              seconds, static_cast<double>(facts.requests()) / seconds);
}

void Report::Pool(const Facts& facts) const {
  const auto& pool = facts.pool;
  Title("The pool");
  std::string head = "  origin                  ";
  for (const char* column :
       {"idle", "active", "connecting", "waiting", "limit", "dials", "reuse"}) {
    head += std::string(kColumn - std::string_view(column).size(), ' ') + column;
  }
  Print(Dim(head) + "\n");
  const std::string origin =
      pool.scheme() + "://" + pool.host() + ":" + std::to_string(pool.port());
  std::printf("  %-24s", origin.c_str());
  for (const std::uint64_t value :
       {std::uint64_t{pool.idle()}, std::uint64_t{pool.active()}, std::uint64_t{pool.connecting()},
        std::uint64_t{pool.waiting()}, std::uint64_t{pool.limits().max_connections()},
        std::uint64_t{pool.totals().dials()}}) {
    Cell(std::to_string(value));
  }
  Cell(Percent(pool.reuse_ratio()));
  Print("\n");
}

void Report::MetricRow(const std::string& line) const {
  const std::size_t blank = line.rfind(' ');
  const std::string value = line.substr(blank + 1);
  std::printf("  %12s  %s\n", value.c_str(), WithoutOrigin(line.substr(0, blank)).c_str());
}

void Report::Metrics(const Facts& facts) const {
  Title("Metrics" + std::string(colours_ ? "\033[0m" : "") +
        Dim(" (without the labels of the origin)"));
  for (const char* family :
       {"http_client_request_duration_seconds_count", "http_client_open_connections",
        "spillway_pool_acquisitions_total", "spillway_pool_acquisition_wait_seconds_sum",
        "spillway_pool_queue_length", "spillway_dials_total", "spillway_attempts_total",
        "spillway_io_bytes_total"}) {
    for (const std::string_view line : facts.metrics.Lines(family, {})) {
      MetricRow(std::string(line));
    }
  }
}

void Report::Checks(const std::vector<Check>& checks) const {
  Title("Checked");
  std::size_t wrong = 0;
  for (const Check& check : checks) {
    wrong += check.ok ? 0 : 1;
    Print("  " + (check.ok ? Paint("32", "ok   ") : Paint("31", "WRONG")) + "  " + check.what +
          (check.ok ? "" : ": " + check.found) + "\n");
  }
  Print(wrong == 0 ? Paint("32", "All " + std::to_string(checks.size()) + " are right.") + "\n"
                   : Paint("31", std::to_string(wrong) + " of " + std::to_string(checks.size()) +
                                     " are wrong.") +
                         "\n");
  std::fflush(stdout);
}

void Report::TryIt(const std::string& url, const Addresses& addresses,
                   const std::string& ctl) const {
  std::string to_grpc;
  std::string to_admin;
  if (addresses.grpc != kDefaultGrpcAddress) to_grpc = " --address " + addresses.grpc;
  if (addresses.admin != DefaultAdminAddress()) to_admin = " --admin_address " + addresses.admin;
  Title("Still serving, the origin too, until Ctrl-C. In another terminal:");
  Print("  " + ctl + " request" + to_grpc + " -i --timing " + url + "\n");
  Print("  " + ctl + " pools" + to_admin + " --watch\n");
  Print("  grpcurl -plaintext -d '{\"url\": \"" + url + "\"}' " + addresses.grpc +
        " spillway.v1.Egress/RoundTrip\n");
  constexpr std::string_view kUnix = "unix:";
  if (addresses.http.starts_with(kUnix)) {
    Print("  curl -s --unix-socket " + addresses.http.substr(kUnix.size()) +
          " http://localhost/metrics | grep -E '^(spillway_pool|http_client)'\n");
  } else {
    Print("  curl -s http://" + addresses.http +
          "/metrics | grep -E '^(spillway_pool|http_client)'\n");
  }
  std::fflush(stdout);
}

}  // namespace spillway::demo
