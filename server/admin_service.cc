#include "server/admin_service.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "server/explain.h"
#include "server/late_answer.h"
#include "server/pool_info.h"
#include "server/pool_watch.h"
#include "server/status_map.h"

namespace spillway {
namespace {

constexpr Duration kDefaultWatchInterval = std::chrono::seconds(1);
constexpr Duration kMinWatchInterval = std::chrono::milliseconds(100);
constexpr Duration kMaxWatchInterval = std::chrono::hours(1);

bool Matches(const PoolSnapshot& pool, const std::string& filter) {
  return filter.empty() || pool.destination == filter || pool.key.host == filter;
}

// nullopt: out of bounds.
std::optional<Duration> WatchInterval(const v1::WatchPoolsRequest& request) {
  if (!request.has_interval()) return kDefaultWatchInterval;
  const google::protobuf::Duration& wire = request.interval();
  if (wire.seconds() < 0 || wire.seconds() > 3600 || wire.nanos() < 0 ||
      wire.nanos() >= 1'000'000'000) {
    return std::nullopt;
  }
  const Duration interval =
      std::chrono::seconds(wire.seconds()) + std::chrono::nanoseconds(wire.nanos());
  if (interval < kMinWatchInterval || interval > kMaxWatchInterval) return std::nullopt;
  return interval;
}

// Identity on whose behalf an operator asks for an explanation.
constexpr char kTenantMetadata[] = "spillway-tenant";
constexpr std::size_t kMaxReloadMessage = 4 * std::size_t{1024};  // clients limit metadata to 8 KiB

std::string TenantOf(const grpc::CallbackServerContext& context) {
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find(kTenantMetadata);
  if (found == metadata.end()) return "";
  return std::string(found->second.data(), found->second.size());
}

// "a; b" of the lines a and b.
std::string OnOneLine(std::string_view lines) {
  std::string text;
  for (const char c : lines) {
    if (c != '\n') {
      text += c;
    } else {
      text += "; ";
    }
  }
  if (text.ends_with("; ")) text.resize(text.size() - 2);
  return text;
}

grpc::Status ToReloadResponse(const ReloadOutcome& outcome, v1::ReloadResponse& response) {
  switch (outcome.kind) {
    case ReloadOutcome::Kind::kNoFile:
      return {grpc::StatusCode::FAILED_PRECONDITION,
              "the daemon runs without a configuration file"};
    case ReloadOutcome::Kind::kEnding:
      return {grpc::StatusCode::UNAVAILABLE, "the daemon is ending"};
    case ReloadOutcome::Kind::kRefused:
      return {
          grpc::StatusCode::FAILED_PRECONDITION,
          CleanMessage("configuration refused, nothing has changed: " + OnOneLine(outcome.problems),
                       kMaxReloadMessage)};
    case ReloadOutcome::Kind::kApplied:
    case ReloadOutcome::Kind::kUnchanged:
      break;
  }
  response.set_policy_version(outcome.version);
  for (const std::string& line : outcome.diff.Lines()) response.add_changes(line);
  for (const std::string& key : outcome.diff.needs_restart) response.add_needs_restart(key);
  return grpc::Status::OK;
}

}  // namespace

AdminService::AdminService(AdminContext context)
    : context_(std::move(context)), started_(context_.transport->Now()) {}

template <typename Response>
void AdminService::FillPools(const std::string& filter, Response& response) const {
  const Transport& transport = *context_.transport;
  const Instant now = transport.Now();
  std::vector<v1::PoolInfo> pools;
  for (const PoolSnapshot& pool : transport.Snapshot()) {
    if (Matches(pool, filter)) pools.push_back(ToPoolInfo(pool, now));
  }
  std::sort(pools.begin(), pools.end(),
            [](const v1::PoolInfo& a, const v1::PoolInfo& b) { return a.key() < b.key(); });
  response.mutable_pools()->Assign(std::make_move_iterator(pools.begin()),
                                   std::make_move_iterator(pools.end()));
  v1::ProcessInfo& process = *response.mutable_process();
  process.set_connections(transport.connection_count());
  process.set_connection_limit(transport.connection_limit());
  process.set_active_round_trips(transport.active_round_trips());
  process.set_draining(context_.draining());
  process.set_version(context_.version);
  process.set_commit(context_.commit);
  SetDuration(now - started_, *process.mutable_uptime());
}

grpc::ServerUnaryReactor* AdminService::End(grpc::CallbackServerContext& context,
                                            std::string_view method,
                                            const grpc::Status& status) const {
  context_.observer->OnCallStarted(method);
  context_.observer->OnCallEnded(method, StatusCodeName(status.error_code()), Duration::zero());
  grpc::ServerUnaryReactor* reactor = context.DefaultReactor();
  reactor->Finish(status);
  return reactor;
}

grpc::ServerUnaryReactor* AdminService::ListPools(grpc::CallbackServerContext* context,
                                                  const v1::ListPoolsRequest* request,
                                                  v1::ListPoolsResponse* response) {
  FillPools(request->filter(), *response);
  return End(*context, "spillway.v1.Admin/ListPools", grpc::Status::OK);
}

grpc::ServerWriteReactor<v1::WatchPoolsResponse>* AdminService::WatchPools(
    grpc::CallbackServerContext* /*context*/, const v1::WatchPoolsRequest* request) {
  const std::optional<Duration> interval = WatchInterval(*request);
  grpc::Status refusal = grpc::Status::OK;
  if (!interval.has_value()) {
    refusal =
        ToStatus(BadRequest("interval", "must be 100 ms to 1 h"), nullptr, ExchangeDetail::kNone);
  }
  return PoolWatch::Start(*context_.observer, refusal, interval.value_or(kDefaultWatchInterval),
                          [this, filter = request->filter()](v1::WatchPoolsResponse& response) {
                            FillPools(filter, response);
                          });
}

grpc::ServerUnaryReactor* AdminService::CloseIdleConnections(
    grpc::CallbackServerContext* context, const v1::CloseIdleConnectionsRequest* request,
    v1::CloseIdleConnectionsResponse* response) {
  response->set_closed(context_.transport->CloseIdleConnections(request->filter()));
  return End(*context, "spillway.v1.Admin/CloseIdleConnections", grpc::Status::OK);
}

grpc::ServerUnaryReactor* AdminService::Explain(grpc::CallbackServerContext* context,
                                                const v1::HttpRequest* request,
                                                v1::ExplainResponse* response) {
  const auto call = LateAnswer::Start(*context_.observer, "spillway.v1.Admin/Explain");
  context_.transport->Explain(
      request->url(), TenantOf(*context),
      [call, response, url = request->url()](const Explanation& explanation) {
        call->Answer([&] {
          if (explanation.refusal.has_value() && explanation.refusal->source == Source::kCaller) {
            return ToStatus(*explanation.refusal, nullptr, ExchangeDetail::kNone);
          }
          FillExplainResponse(url, explanation, *response);
          return grpc::Status::OK;
        });
      });
  return call.get();
}

grpc::ServerUnaryReactor* AdminService::GetConfig(grpc::CallbackServerContext* context,
                                                  const v1::GetConfigRequest* /*request*/,
                                                  v1::GetConfigResponse* response) {
  const std::shared_ptr<const Config> config = context_.config();
  response->set_yaml(PrintEffectiveConfig(*config));
  response->set_policy_version(config->policy->version());
  return End(*context, "spillway.v1.Admin/GetConfig", grpc::Status::OK);
}

grpc::ServerUnaryReactor* AdminService::Reload(grpc::CallbackServerContext* /*context*/,
                                               const v1::ReloadRequest* /*request*/,
                                               v1::ReloadResponse* response) {
  const auto call = LateAnswer::Start(*context_.observer, "spillway.v1.Admin/Reload");
  context_.reload([call, response](const ReloadOutcome& outcome) {
    call->Answer([&] { return ToReloadResponse(outcome, *response); });
  });
  return call.get();
}

grpc::ServerUnaryReactor* AdminService::Drain(grpc::CallbackServerContext* context,
                                              const v1::DrainRequest* /*request*/,
                                              v1::DrainResponse* response) {
  response->set_active_round_trips(context_.transport->active_round_trips());
  response->set_already_draining(!context_.request_drain());
  return End(*context, "spillway.v1.Admin/Drain", grpc::Status::OK);
}

}  // namespace spillway
