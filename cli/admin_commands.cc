#include "cli/admin_commands.h"

#include "cli/call_error.h"
#include "cli/json.h"
#include "cli/pool_table.h"
#include "cli/text.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "spillway/v1/admin.grpc.pb.h"

namespace spillway::cli {
namespace {

using spillway::v1::Admin;

std::unique_ptr<Admin::Stub> AdminStub(const CommonOptions& common) {
  return Admin::NewStub(Connect(common, common.admin_address));
}

ExitCode AdminFailure(const grpc::Status& status, const CommonOptions& common, Console& console) {
  return ReportFailure(status, common.admin_address, common, console);
}

ExitCode Flushed(Console& console) {
  console.out().flush();
  return console.out() ? ExitCode::kOk : ExitCode::kLocal;
}

ExitCode ListPools(const CommonOptions& common, const PoolsOptions& options, Console& console) {
  grpc::ClientContext context;
  SetDeadline(context, common, kControlTimeout);
  spillway::v1::ListPoolsRequest request;
  request.set_filter(options.filter);
  spillway::v1::ListPoolsResponse response;
  const grpc::Status status = AdminStub(common)->ListPools(&context, request, &response);
  if (!status.ok()) return AdminFailure(status, common, console);
  console.out() << (common.json ? Pretty(JsonOf(response))
                                : PoolTable(response.pools(), response.process(), console, 0));
  return Flushed(console);
}

// One answer of the stream. On a terminal each takes the place of the one before; elsewhere they
// follow each other, as lines of JSON or as tables with an empty line between.
void PrintUpdate(const spillway::v1::WatchPoolsResponse& update, bool json, bool first,
                 Console& console) {
  if (json) {
    console.out() << Compact(JsonOf(update)) << "\n";
  } else if (console.out_is_terminal()) {
    // Home, the table, then whatever the longer one before left below.
    const std::size_t rows = console.Rows();
    std::string table = PoolTable(update.pools(), update.process(), console, rows);
    std::string cleared;
    for (const char c : table) {
      if (c == '\n') cleared += "\x1b[K";
      cleared += c;
    }
    console.out() << (first ? "\x1b[2J\x1b[H" : "\x1b[H") << cleared << "\x1b[J";
  } else {
    console.out() << (first ? "" : "\n") << PoolTable(update.pools(), update.process(), console, 0);
  }
  console.out().flush();
}

ExitCode WatchPools(const CommonOptions& common, const PoolsOptions& options, Console& console) {
  grpc::ClientContext context;
  SetDeadline(context, common, std::nullopt);
  spillway::v1::WatchPoolsRequest request;
  request.set_filter(options.filter);
  const auto nanoseconds = options.interval.count();
  request.mutable_interval()->set_seconds(nanoseconds / 1'000'000'000);
  request.mutable_interval()->set_nanos(static_cast<std::int32_t>(nanoseconds % 1'000'000'000));
  const auto reader = AdminStub(common)->WatchPools(&context, request);
  spillway::v1::WatchPoolsResponse update;
  bool first = true;
  while (reader->Read(&update)) {
    PrintUpdate(update, common.json, first, console);
    first = false;
    if (!console.out()) {
      // Nobody reads any more, as with `| head`.
      context.TryCancel();
      reader->Finish();
      return ExitCode::kLocal;
    }
  }
  const grpc::Status status = reader->Finish();
  if (status.ok()) return ExitCode::kOk;
  // --timeout bounds the watch, and reaching it after an answer is no failure.
  if (!first && status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) return ExitCode::kOk;
  return AdminFailure(status, common, console);
}

std::string HealthWord(grpc::health::v1::HealthCheckResponse::ServingStatus status) {
  return grpc::health::v1::HealthCheckResponse::ServingStatus_Name(status);
}

}  // namespace

ExitCode RunPools(const CommonOptions& common, const PoolsOptions& options, Console& console) {
  return options.watch ? WatchPools(common, options, console) : ListPools(common, options, console);
}

ExitCode RunCloseIdle(const CommonOptions& common, const std::string& filter, Console& console) {
  grpc::ClientContext context;
  SetDeadline(context, common, kControlTimeout);
  spillway::v1::CloseIdleConnectionsRequest request;
  request.set_filter(filter);
  spillway::v1::CloseIdleConnectionsResponse response;
  const grpc::Status status = AdminStub(common)->CloseIdleConnections(&context, request, &response);
  if (!status.ok()) return AdminFailure(status, common, console);
  if (common.json) {
    console.out() << Pretty(JsonOf(response));
  } else {
    console.out() << "closed " << response.closed()
                  << (response.closed() == 1 ? " connection\n" : " connections\n");
  }
  return Flushed(console);
}

ExitCode RunDrain(const CommonOptions& common, Console& console) {
  grpc::ClientContext context;
  SetDeadline(context, common, kControlTimeout);
  spillway::v1::DrainResponse response;
  const grpc::Status status = AdminStub(common)->Drain(&context, {}, &response);
  if (!status.ok()) return AdminFailure(status, common, console);
  if (common.json) {
    console.out() << Pretty(JsonOf(response));
  } else {
    console.out() << (response.already_draining() ? "already draining, " : "draining, ")
                  << response.active_round_trips()
                  << (response.active_round_trips() == 1 ? " round trip" : " round trips")
                  << " still running\n";
  }
  return Flushed(console);
}

ExitCode RunHealth(const CommonOptions& common, const std::string& service, Console& console) {
  using grpc::health::v1::HealthCheckResponse;
  grpc::ClientContext context;
  SetDeadline(context, common, kControlTimeout);
  grpc::health::v1::HealthCheckRequest request;
  request.set_service(service);
  HealthCheckResponse response;
  const auto stub = grpc::health::v1::Health::NewStub(Connect(common, common.address));
  const grpc::Status status = stub->Check(&context, request, &response);
  // How the protocol says that there is no such service.
  const bool unknown = status.error_code() == grpc::StatusCode::NOT_FOUND;
  if (!status.ok() && !unknown) return ReportFailure(status, common.address, common, console);
  const auto word = unknown ? HealthCheckResponse::SERVICE_UNKNOWN : response.status();
  const bool serving = word == HealthCheckResponse::SERVING;
  if (common.json) {
    console.out() << Pretty(Json{{"service", service}, {"status", HealthWord(word)}});
  } else {
    console.out() << console.OutStyle(serving ? Style::kGreen : Style::kRed, HealthWord(word))
                  << "\n";
  }
  const ExitCode flushed = Flushed(console);
  return flushed != ExitCode::kOk ? flushed : serving ? ExitCode::kOk : ExitCode::kNotServing;
}

}  // namespace spillway::cli
