// The daemon: reads flags and configuration, makes the parts and joins them, and waits for the end.

#include <absl/synchronization/mutex.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "bazel/build_info.h"
#include "metrics/http_endpoint.h"
#include "metrics/metrics.h"
#include "server/access_log.h"
#include "server/admin_service.h"
#include "server/certificate_watch.h"
#include "server/config.h"
#include "server/egress_service.h"
#include "server/fd_budget.h"
#include "server/flags.h"
#include "server/front.h"
#include "server/front_certificates.h"
#include "server/lifecycle.h"
#include "server/listener.h"
#include "server/log.h"
#include "server/own_addresses.h"
#include "server/policy_reloader.h"
#include "server/reload_thread.h"
#include "server/remote_rule.h"
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
  std::uint32_t insecure_remote = 0;  // of all of them

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
  explicit MeteredCalls(Metrics& metrics) : metrics_(metrics), front_(metrics.front()) {}
  void OnCallStarted(std::string_view method) override { front_.OnCallStarted(method); }
  void OnCaller(std::string_view tenant) override { metrics_.OnCaller(tenant); }
  void OnCallEnded(std::string_view method, std::string_view status, Duration took) override {
    front_.OnCallEnded(method, status, took);
  }
  void OnExchange(const RoundTripRecord& record) override { front_.OnExchange(record); }
  void OnStreamBytes(std::uint64_t from_caller, std::uint64_t to_caller) override {
    front_.OnStreamBytes(from_caller, to_caller);
  }
  void OnTunnelOpened(TunnelKind kind) override { front_.OnTunnelOpened(Label(kind)); }
  void OnTunnelClosed(TunnelKind kind) override { front_.OnTunnelClosed(Label(kind)); }
  void OnMultiplexCalls(std::size_t calls) override { front_.OnMultiplexCalls(calls); }
  void OnMultiplexResults(std::size_t results) override { front_.OnMultiplexResults(results); }

 private:
  Metrics& metrics_;
  FrontMetrics& front_;
};

// Says why there will be no daemon.
int CannotStart(const std::string& why) {
  Log(LogLevel::kError, "cannot start", {{"why", why}});
  StopLog();
  return kCannotStart;
}

// The configuration file's names are relative to its own folder; flags are to the working one.
void ResolveTlsFiles(const std::string& config_file, FrontTlsFiles& files) {
  const std::size_t slash = config_file.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : config_file.substr(0, slash);
  for (std::string* file : {&files.certificate_file, &files.key_file, &files.client_ca_file}) {
    if (!file->empty()) *file = ResolvePath(folder, *file);
  }
}

void ApplyFlags(const Flags& flags, ListenOptions& listen) {
  ResolveTlsFiles(flags.config, listen.tls);
  if (!flags.grpc_listen.empty()) listen.grpc = flags.grpc_listen;
  if (!flags.http_listen.empty()) listen.http = flags.http_listen;
  if (!flags.admin_listen.empty()) listen.admin = flags.admin_listen;
  if (flags.allow_insecure_remote) listen.allow_insecure_remote = true;
  const auto apply = [](const std::string& flag, std::string& value) {
    if (!flag.empty()) value = flag;
  };
  apply(flags.grpc_tls.certificate_file, listen.tls.certificate_file);
  apply(flags.grpc_tls.key_file, listen.tls.key_file);
  apply(flags.grpc_tls.client_ca_file, listen.tls.client_ca_file);
}

// Null when nothing of TLS is asked for.
Result<std::shared_ptr<FrontCertificates>> LoadCertificates(const FrontTlsFiles& files) {
  if (!files.any()) return std::shared_ptr<FrontCertificates>();
  return FrontCertificates::Load(files);
}

Result<bool> OpenInto(Listeners& listeners, ListenerKind kind, const std::string& text,
                      const ListenOptions& options) {
  const std::string_view flag = FlagOf(kind);
  const Result<ListenAddress> address = ParseListenAddress(text, flag);
  if (!address.has_value()) return address.error();
  const Result<bool> insecure = IsInsecureRemote(*address, kind, options);
  if (!insecure.has_value()) return insecure.error();
  const bool admin = kind == ListenerKind::kAdmin;
  Result<Listener> listener =
      Listener::Open(*address, flag, admin ? kAdminSocketMode : kGrpcSocketMode);
  if (!listener.has_value()) return listener.error();
  if (*insecure) {
    ++listeners.insecure_remote;
    Log(LogLevel::kWarning, "INSECURE: other machines can use this listener without TLS",
        {{"address", listener->address().Text()}, {"flag", "--allow_insecure_remote"}});
  }
  std::vector<Listener>& group = admin                         ? listeners.admin
                                 : kind == ListenerKind::kHttp ? listeners.http
                                                               : listeners.grpc;
  group.push_back(std::move(*listener));
  return true;
}

Result<Listeners> OpenListeners(const ListenOptions& options) {
  Listeners listeners;
  std::vector<std::pair<ListenerKind, std::string>> wanted;
  for (const std::string& address : options.grpc) wanted.emplace_back(ListenerKind::kGrpc, address);
  wanted.emplace_back(ListenerKind::kAdmin, options.admin);
  wanted.emplace_back(ListenerKind::kHttp, options.http);
  for (const auto& [kind, address] : wanted) {
    const Result<bool> opened = OpenInto(listeners, kind, address, options);
    if (!opened.has_value()) return opened.error();
  }
  return listeners;
}

// Whether some caller may turn out to be somebody.
bool CanIdentify(const std::vector<Listener>& listeners, const FrontCertificates* certificates) {
  if (certificates != nullptr && !certificates->current()->client_ca_pem.empty()) return true;
  return std::any_of(listeners.begin(), listeners.end(), [](const Listener& listener) {
    return listener.address().kind == ListenAddress::Kind::kUnix;
  });
}

// Shows how the front stands for as long as the process runs. Null when there is nothing to watch.
std::unique_ptr<CertificateWatch> WatchCertificates(
    Metrics& metrics, const std::shared_ptr<FrontCertificates>& certificates,
    std::uint32_t insecure) {
  metrics.SetFrontSource([certificates, insecure] {
    Metrics::FrontFacts facts;
    facts.insecure_remote = insecure;
    if (certificates != nullptr) {
      facts.certificate = {certificates->current()->not_after, certificates->stale()};
    }
    return facts;
  });
  return certificates == nullptr ? nullptr : std::make_unique<CertificateWatch>(certificates);
}

Result<std::unique_ptr<Front>> StartFront(const Config& config,
                                          const std::shared_ptr<FrontCertificates>& certificates,
                                          std::vector<Listener>& group, const char* name,
                                          grpc::Service& service, std::uint32_t max_connections) {
  FrontOptions front;
  front.listeners = std::move(group);
  front.services = {{name, &service}};
  front.limits = config.front;
  front.limits.max_connections = max_connections;
  front.certificates = certificates;
  front.require_client_certificate = config.listen.tls.require_client_certificate;
  return Front::Start(std::move(front));
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

TransportOptions TransportOptionsOf(const Config& config, const FdBudget& budget,
                                    const Listeners& listeners) {
  TransportOptions options;
  options.limits = config.process;
  options.limits.max_connections = budget.origin;
  options.policy = config.policy;
  const auto own = std::make_shared<const OwnAddresses>(listeners.addresses());
  options.address_allowed = [own](const sockaddr* address, unsigned length) {
    return !own->Contains(address, length);
  };
  return options;
}

// What calls know of the configuration and the transport; the rest is put in by the caller.
CallContext ContextFrom(const Config& config, Transport& transport) {
  CallContext context;
  context.transport = &transport;
  context.max_response_bytes = config.front.max_response_bytes;
  context.cookies = config.cookies;
  return context;
}

// Makes the parts in the order of their needs, runs, and unmakes them backwards.
int Serve(const Flags& flags, Config config, Listeners listeners, const FdBudget& budget,
          const std::shared_ptr<FrontCertificates>& certificates) {
  LogListening(listeners);
  const auto metrics = std::make_shared<Metrics>(MetricsOptions{
      .version = std::string(BuildVersion()), .commit = std::string(BuildCommit()), .now = {}});
  metrics->Preregister(DestinationNames(*config.policy));
  const auto watch = WatchCertificates(*metrics, certificates, listeners.insecure_remote);
  TransportOptions options = TransportOptionsOf(config, budget, listeners);
  options.observer = metrics;
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
  AccessLog access_log(flags.access_log);
  CallContext context = ContextFrom(config, *transport);
  context.admission = &admission;
  context.observer = &calls;
  context.access_log = &access_log;
  context.identify = CanIdentify(listeners.grpc, certificates.get());
  EgressService egress(context);
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

  const auto egress_front =
      StartFront(config, certificates, listeners.grpc, EgressService::kName, egress, budget.front);
  if (!egress_front.has_value()) return CannotStart(egress_front.error().message);
  const auto admin_front = StartFront(config, certificates, listeners.admin, AdminService::kName,
                                      admin, kAdminConnections);
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
  const auto certificates = LoadCertificates(config.listen.tls);
  if (!certificates.has_value()) return CannotStart(certificates.error().message);
  Result<Listeners> listeners = OpenListeners(config.listen);
  if (!listeners.has_value()) return CannotStart(listeners.error().message);
  const int status = Serve(flags, std::move(config), std::move(*listeners), *budget, *certificates);
  StopLog();
  return status;
}

}  // namespace
}  // namespace spillway

int main(int argc, char** argv) { return spillway::Main(argc, argv); }
