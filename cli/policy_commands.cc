#include "cli/policy_commands.h"

#include "cli/call_error.h"
#include "cli/explain_text.h"
#include "cli/json.h"
#include "cli/text.h"
#include "spillway/v1/admin.grpc.pb.h"

namespace spillway::cli {
namespace {

using spillway::v1::Admin;

constexpr char kTenantMetadata[] = "spillway-tenant";

std::unique_ptr<Admin::Stub> AdminStub(const CommonOptions& common) {
  return Admin::NewStub(Connect(common, common.admin_address));
}

ExitCode Flushed(Console& console) {
  console.out().flush();
  return console.out() ? ExitCode::kOk : ExitCode::kLocal;
}

}  // namespace

ExitCode RunExplain(const CommonOptions& common, const ExplainOptions& options, Console& console) {
  grpc::ClientContext context;
  SetDeadline(context, common, kControlTimeout);
  if (!options.tenant.empty()) context.AddMetadata(kTenantMetadata, options.tenant);
  spillway::v1::HttpRequest request;
  request.set_url(options.url);
  spillway::v1::ExplainResponse response;
  const grpc::Status status = AdminStub(common)->Explain(&context, request, &response);
  if (!status.ok()) return ReportFailure(status, common.admin_address, common, console);
  console.out() << (common.json ? Pretty(JsonOf(response)) : ExplainText(response));
  return Flushed(console);
}

ExitCode RunReload(const CommonOptions& common, Console& console) {
  grpc::ClientContext context;
  SetDeadline(context, common, kControlTimeout);
  spillway::v1::ReloadResponse response;
  const grpc::Status status = AdminStub(common)->Reload(&context, {}, &response);
  if (!status.ok()) return ReportFailure(status, common.admin_address, common, console);
  if (common.json) {
    console.out() << Pretty(JsonOf(response));
    return Flushed(console);
  }
  console.out() << "policy version " << response.policy_version()
                << (response.changes().empty() ? ", unchanged\n" : "\n");
  for (const std::string& change : response.changes()) console.out() << OneLine(change) << "\n";
  for (const std::string& key : response.needs_restart()) {
    console.out() << "needs a restart: " << OneLine(key) << "\n";
  }
  return Flushed(console);
}

ExitCode RunConfig(const CommonOptions& common, Console& console) {
  grpc::ClientContext context;
  SetDeadline(context, common, kControlTimeout);
  spillway::v1::GetConfigResponse response;
  const grpc::Status status = AdminStub(common)->GetConfig(&context, {}, &response);
  if (!status.ok()) return ReportFailure(status, common.admin_address, common, console);
  console.out() << (common.json ? Pretty(JsonOf(response)) : response.yaml());
  return Flushed(console);
}

}  // namespace spillway::cli
