// The daemon: reads flags and configuration, makes the parts and joins them, and waits for the end.

#include <absl/synchronization/mutex.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "bazel/build_info.h"
#include "metrics/http_endpoint.h"
#include "metrics/metrics.h"
#include "server/admin_service.h"
#include "server/config.h"
#include "server/egress_service.h"
#include "server/fd_budget.h"
#include "server/flags.h"
#include "server/front.h"
#include "server/lifecycle.h"
#include "server/listener.h"
#include "server/log.h"
#include "server/own_addresses.h"
#include "server/policy_reloader.h"
#include "server/reload_thread.h"
#include "server/std_streams.h"

namespace spillway {
namespace {

constexpr int kCannotStart = 1;
constexpr std::uint32_t kAdminConnections = 32;
constexpr mode_t kGrpcSocketMode = 0660;
constexpr mode_t kAdminSocketMode = 0600;

// Every listener, opened before anything else so that a taken port is known at once.
struct Listeners {
  std::vector<Listener> grpc;
  std::vector<Listener> admin;
  std::vector<Listener> http;

  std::vector<ListenAddress> addresses() const {
    std::vector<ListenAddress> all;
    for (const auto* group : {&grpc, &admin, &http}) {
      for (const Listener& listener : *group) all.push_back(listener.address());
    }
    return all;
  }
};

// Gauges the gRPC front for the metrics, which know no gRPC.
class MeteredCalls final : public CallObserver {
 public:
  explicit MeteredCalls(Metrics& metrics) : metrics_(metrics) {}
  void OnCallStarted(std::string_view method) override { metrics_.OnCallStarted(method); }
  void OnCallEnded(std::string_view method, std::string_view status, Duration took) override {
    metrics_.OnCallEnded(method, status, took);
  }

 private:
  Metrics& metrics_;
};

// Says why there will be no daemon.
int CannotStart(const std::string& why) {
  Log(LogLevel::kError, "cannot start", {{"why", why}});
  StopLog();
  return kCannotStart;
}

void ApplyFlags(const Flags& flags, ListenOptions& listen) {
  if (!flags.grpc_listen.empty()) listen.grpc = flags.grpc_listen;
  if (!flags.http_listen.empty()) listen.http = flags.http_listen;
  if (!flags.admin_listen.empty()) listen.admin = flags.admin_listen;
}

Result<bool> OpenInto(std::vector<Listener>& out, const std::string& text, std::string_view flag,
                      mode_t mode) {
  const Result<ListenAddress> address = ParseListenAddress(text, flag);
  if (!address.has_value()) return address.error();
  Result<Listener> listener = Listener::Open(*address, flag, mode);
  if (!listener.has_value()) return listener.error();
  out.push_back(std::move(*listener));
  return true;
}

Result<Listeners> OpenListeners(const ListenOptions& options) {
  Listeners listeners;
  for (const std::string& address : options.grpc) {
    const Result<bool> opened = OpenInto(listeners.grpc, address, "--grpc_listen", kGrpcSocketMode);
    if (!opened.has_value()) return opened.error();
  }
  const Result<bool> admin =
      OpenInto(listeners.admin, options.admin, "--admin_listen", kAdminSocketMode);
  if (!admin.has_value()) return admin.error();
  const Result<bool> http =
      OpenInto(listeners.http, options.http, "--http_listen", kGrpcSocketMode);
  if (!http.has_value()) return http.error();
  return listeners;
}

std::uint32_t LoopCount(const ProcessLimits& limits) {
  if (limits.loops != 0) return limits.loops;
  return std::max(2U, std::thread::hardware_concurrency()) - 1;
}

void LogListening(const Listeners& listeners) {
  for (const Listener& listener : listeners.grpc) {
    Log(LogLevel::kInfo, "listening",
        {{"service", "grpc"}, {"address", listener.address().Text()}});
  }
  for (const Listener& listener : listeners.admin) {
    Log(LogLevel::kInfo, "listening",
        {{"service", "admin"}, {"address", listener.address().Text()}});
  }
  for (const Listener& listener : listeners.http) {
    Log(LogLevel::kInfo, "listening",
        {{"service", "http"}, {"address", listener.address().Text()}});
  }
}

std::vector<std::string> DestinationNames(const Policy& policy) {
  std::vector<std::string> names;
  for (const Destination& destination : policy.destinations()) names.push_back(destination.name);
  return names;
}

// Makes the parts in the order of their needs, runs, and unmakes them backwards.
int Serve(const Flags& flags, Config config, Listeners listeners, const FdBudget& budget) {
  LogListening(listeners);
  const auto metrics = std::make_shared<Metrics>(MetricsOptions{
      .version = std::string(BuildVersion()), .commit = std::string(BuildCommit()), .now = {}});
  metrics->Preregister(DestinationNames(*config.policy));
  const auto own = std::make_shared<const OwnAddresses>(listeners.addresses());
  TransportOptions options;
  options.limits = config.process;
  options.limits.max_connections = budget.origin;
  options.policy = config.policy;
  options.observer = metrics;
  options.address_allowed = [own](const sockaddr* address, unsigned length) {
    return !own->Contains(address, length);
  };
  const std::unique_ptr<Transport> transport = Transport::Create(std::move(options));
  metrics->SetPoolSource([&transport] { return transport->Snapshot(); });

  PolicyReloader reloader(
      {.path = flags.config,
       .apply_flags = [&flags](Config& loaded) { ApplyFlags(flags, loaded.listen); },
       .apply_policy =
           [&transport, &metrics](std::shared_ptr<const Policy> policy) {
             metrics->Preregister(DestinationNames(*policy));
             transport->SetPolicy(std::move(policy));
           },
       .metrics = &metrics->config()},
      config);
  ReloadThread reloads(reloader, [&transport] { return transport->Now(); });

  Lifecycle lifecycle(config.drain);
  Admission admission(AdmissionLimits{.max_calls = config.front.max_active_round_trips});
  MeteredCalls calls(*metrics);
  EgressService egress({.transport = transport.get(),
                        .admission = &admission,
                        .observer = &calls,
                        .max_response_bytes = config.front.max_response_bytes});
  AdminService admin(
      {.transport = transport.get(),
       .observer = &calls,
       .draining = [&lifecycle] { return lifecycle.draining(); },
       .request_drain = [&lifecycle] { return lifecycle.RequestDrain(); },
       .config = [&reloader] { return reloader.config(); },
       .reload = [&reloads](auto done) { reloads.Request(ReloadTrigger::kAdmin, std::move(done)); },
       .version = std::string(BuildVersion()),
       .commit = std::string(BuildCommit())});

  std::string http_error;
  const std::unique_ptr<HttpEndpoint> http =
      HttpEndpoint::Start(listeners.http.front().fd(),
                          {.metrics = [metrics] { return metrics->Scrape(); },
                           .ready = [&lifecycle] { return lifecycle.ready(); }},
                          http_error);
  if (http == nullptr) return CannotStart("the HTTP endpoint: " + http_error);

  FrontLimits egress_limits = config.front;
  egress_limits.max_connections = budget.front;
  Result<std::unique_ptr<Front>> egress_front =
      Front::Start({.listeners = std::move(listeners.grpc),
                    .services = {{EgressService::kName, &egress}},
                    .limits = egress_limits});
  if (!egress_front.has_value()) return CannotStart(egress_front.error().message);
  FrontLimits admin_limits = config.front;
  admin_limits.max_connections = kAdminConnections;
  Result<std::unique_ptr<Front>> admin_front =
      Front::Start({.listeners = std::move(listeners.admin),
                    .services = {{AdminService::kName, &admin}},
                    .limits = admin_limits});
  if (!admin_front.has_value()) return CannotStart(admin_front.error().message);

  const int status =
      lifecycle.Run({.egress = egress_front->get(),
                     .admin = admin_front->get(),
                     .transport = transport.get(),
                     .admission = &admission,
                     .reload = [&reloads] { reloads.Request(ReloadTrigger::kSignal, nullptr); },
                     .end_now = [](int code) { std::_Exit(code); }});
  reloads.Stop();
  metrics->SetPoolSource(nullptr);
  return status;
}

int Main(int argc, char** argv) {
  // Debian builds Abseil with its deadlock detector on; every gRPC lock would walk its graph.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  if (!FillStandardStreams()) return kCannotStart;
  const ParsedFlags parsed = ParseFlags(argc, argv);
  if (parsed.exit_status.has_value()) return *parsed.exit_status;
  const Flags& flags = parsed.flags;
  if (!flags.check_config.empty()) {
    return CheckConfigCommand(flags.check_config, std::cout, std::cerr);
  }
  Config config = DefaultConfig();
  if (!flags.config.empty()) {
    ConfigResult loaded = LoadConfig(flags.config);
    if (!loaded.has_value()) {
      std::cerr << loaded.error().Text();
      return kCannotStart;
    }
    config = std::move(*loaded);
  }
  ApplyFlags(flags, config.listen);

  Lifecycle::BlockSignals();  // before the log's thread
  StartLog(flags.log_level, flags.log_format);
  Log(LogLevel::kInfo, "starting", {{"version", BuildVersion()}, {"commit", BuildCommit()}});
  const Result<FdBudget> budget =
      PlanDescriptors(RaiseDescriptorLimit(), {.loops = LoopCount(config.process),
                                               .front_wanted = config.front.max_connections,
                                               .origin_wanted = config.process.max_connections});
  if (!budget.has_value()) return CannotStart(budget.error().message);
  Log(LogLevel::kInfo, "file descriptors",
      {{"limit", budget->limit}, {"front", budget->front}, {"origins", budget->origin}});
  Result<Listeners> listeners = OpenListeners(config.listen);
  if (!listeners.has_value()) return CannotStart(listeners.error().message);
  const int status = Serve(flags, std::move(config), std::move(*listeners), *budget);
  StopLog();
  return status;
}

}  // namespace
}  // namespace spillway

int main(int argc, char** argv) { return spillway::Main(argc, argv); }
