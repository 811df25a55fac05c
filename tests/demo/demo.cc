// What ./run shows: a daemon, an origin, eight callers, and the proof that a few kept-alive
// connections carried it all. Exits with 0 when everything shown was right.

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "spillway/v1/admin.grpc.pb.h"
#include "tests/demo/callers.h"
#include "tests/demo/daemon.h"
#include "tests/demo/facts.h"
#include "tests/demo/http_get.h"
#include "tests/demo/report.h"
#include "tests/origin/origin.h"

namespace spillway::demo {
namespace {

constexpr int kCallers = 8;
constexpr int kEach = 50;
constexpr std::chrono::seconds kReadyPatience(30);
constexpr std::chrono::seconds kAdminPatience(5);
constexpr std::chrono::seconds kSettlePatience(5);
constexpr std::chrono::milliseconds kSettleGap(5);
constexpr char kBody[] = "hello from the demo's origin\n";

struct Options {
  std::string daemon;
  std::string ctl = "spillwayctl";
  bool once = false;
  std::vector<std::string> daemon_flags;
};

OriginOptions DemoOrigin() {
  OriginOptions options;
  options.keep_requests = false;
  options.handler = [](const SeenRequest&, std::uint64_t) {
    Step send;
    send.kind = StepKind::kSend;
    send.text = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " +
                std::to_string(sizeof kBody - 1) + "\r\n\r\n" + kBody;
    return Script{std::move(send)};
  };
  return options;
}

// The pool of the origin at `port`; false when the daemon does not answer.
bool ListPools(const std::string& admin, std::uint32_t port, Facts& facts) {
  const auto stub =
      spillway::v1::Admin::NewStub(grpc::CreateChannel(admin, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kAdminPatience);
  context.set_wait_for_ready(true);
  spillway::v1::ListPoolsResponse response;
  const grpc::Status status =
      stub->ListPools(&context, spillway::v1::ListPoolsRequest(), &response);
  if (!status.ok()) {
    std::fprintf(stderr, "demo: Admin.ListPools failed: %s\n", status.error_message().c_str());
    return false;
  }
  facts.process = response.process();
  facts.pool.Clear();
  for (const auto& pool : response.pools()) {
    if (pool.port() == port) facts.pool = pool;
  }
  return true;
}

// A response reaches its caller a moment before its connection is back in the pool.
bool AwaitSettled(const std::string& admin, std::uint32_t port, Facts& facts) {
  const auto give_up = std::chrono::steady_clock::now() + kSettlePatience;
  for (;;) {
    if (!ListPools(admin, port, facts)) return false;
    const bool settled = facts.pool.active() + facts.pool.connecting() == 0 &&
                         facts.process.active_round_trips() == 0;
    if (settled || std::chrono::steady_clock::now() > give_up) return true;
    std::this_thread::sleep_for(kSettleGap);
  }
}

int Demonstrate(Options options) {
  HoldEndSignals();
  const Addresses addresses = FixAddresses(options.daemon_flags);
  // What it does is about to be shown; only trouble should come between.
  AddFlag(options.daemon_flags, "--log_level", "warning");
  Daemon daemon(options.daemon, options.daemon_flags);
  if (!daemon.AwaitReady(addresses.http, kReadyPatience)) {
    std::fputs(daemon.running() ? "demo: the daemon did not become ready\n"
                                : "demo: the daemon ended at start; it says why above\n",
               stderr);
    return EXIT_FAILURE;
  }
  const Origin origin(DemoOrigin());
  Facts facts;
  facts.url = origin.url("/hello");
  facts.body = kBody;
  facts.callers = kCallers;
  facts.each = kEach;
  facts.result = RunCallers(addresses.grpc, facts.url, kCallers, kEach);
  if (!AwaitSettled(addresses.admin, origin.port(), facts)) return EXIT_FAILURE;
  facts.metrics = MetricPage(HttpGet(addresses.http, "/metrics").body);
  facts.origin_requests = origin.log().request_count();
  facts.origin_connections = origin.log().connection_count();

  const Report report;
  report.Heading(facts, addresses);
  report.Response(facts);
  report.Traffic(facts);
  report.Pool(facts);
  report.Metrics(facts);
  const std::vector<Check> checks = ChecksOf(facts);
  report.Checks(checks);
  bool right = true;
  for (const Check& check : checks) right = right && check.ok;

  if (!options.once && !EndAsked()) {
    report.TryIt(facts.url, addresses, options.ctl);
    if (!daemon.ServeUntilEnd()) {
      std::fputs("demo: the daemon ended by itself\n", stderr);
      return EXIT_FAILURE;
    }
  }
  if (!daemon.Stop()) {
    std::fputs("demo: the daemon did not end in order\n", stderr);
    right = false;
  }
  return right ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace
}  // namespace spillway::demo

int main(int argc, char** argv) {
  spillway::demo::Options options;
  CLI::App app("Starts a daemon and shows it at work.");
  app.add_option("--daemon", options.daemon, "the daemon's program")->required();
  app.add_option("--ctl", options.ctl, "spillwayctl, for the lines to paste");
  app.add_flag("--once", options.once, "end after the demonstration");
  app.add_option("flags", options.daemon_flags, "after --: flags of the daemon");
  CLI11_PARSE(app, argc, argv);
  return spillway::demo::Demonstrate(std::move(options));
}
