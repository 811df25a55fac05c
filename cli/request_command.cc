#include "cli/request_command.h"

#include <chrono>

#include "cli/call_error.h"
#include "cli/json.h"
#include "cli/request_printer.h"
#include "cli/request_text.h"
#include "cli/stream_command.h"
#include "cli/text.h"
#include "spillway/v1/egress.grpc.pb.h"

namespace spillway::cli {
namespace {

using spillway::v1::HttpRequest;
using spillway::v1::HttpResponse;

constexpr std::uint32_t kFirstErrorStatus = 400;

class RequestRun {
 public:
  RequestRun(const CommonOptions& common, const RequestOptions& options, Console& console)
      : common_(common), options_(options), console_(console), printer_(common, options, console) {}

  ExitCode Run() {
    HttpRequest request;
    const std::string problem = BuildRequest(options_, request);
    if (!problem.empty()) return printer_.Local(problem);
    // Before anything is sent: a request whose answer cannot be kept had better not be made.
    if (!printer_.OpenOutput()) return ExitCode::kLocal;
    if (printer_.Shows(4)) console_.err() << OneLine(CurlCommand(request)) << "\n";
    if (printer_.Shows(2)) printer_.PrintRequest(request);

    grpc::ClientContext context;
    SetDeadline(context, common_, std::nullopt);
    const auto stub = spillway::v1::Egress::NewStub(Connect(common_, common_.address));
    HttpResponse response;
    const auto started = std::chrono::steady_clock::now();
    const grpc::Status status = stub->RoundTrip(&context, request, &response);
    took_ = std::chrono::steady_clock::now() - started;
    if (!status.ok()) return Failed(request, status);
    if (printer_.Shows(1)) {
      printer_.PrintOutcome(request, RequestPrinter::StatusText(response), took_);
    }

    const ExitCode code = common_.json ? PrintJson(response) : PrintText(response);
    if (code != ExitCode::kOk) return code;
    const bool bad = options_.fail && response.status() >= kFirstErrorStatus;
    return bad ? ExitCode::kHttpStatus : ExitCode::kOk;
  }

 private:
  ExitCode Failed(const HttpRequest& request, const grpc::Status& status) {
    if (common_.json) return ReportFailure(status, common_.address, common_, console_);
    const auto error = EgressErrorOf(status);
    if (printer_.Shows(1)) {
      printer_.PrintOutcome(request, CodeName(status.error_code()), took_);
    }
    if (error.has_value() && error->has_exchange()) printer_.PrintExchange(error->exchange());
    return ReportFailure(status, common_.address, common_, console_);
  }

  ExitCode PrintText(const HttpResponse& response) {
    if (printer_.Shows(3)) {
      printer_.PrintHead("< ", RequestPrinter::StatusLine(response), response.headers());
    }
    const bool guarded =
        !printer_.writes_file() && printer_.IsGuarded() && !IsPlainText(response.body());
    printer_.WriteHead(response);
    if (!guarded) printer_.out().write(response.body().data(), BodySize(response));
    console_.out().flush();
    if (printer_.Shows(3) && response.trailers_size() > 0) {
      printer_.PrintHead("< ", "trailers", response.trailers());
    }
    if (response.has_exchange()) printer_.PrintExchange(response.exchange());
    if (guarded) {
      return printer_.Local("the body (" + SizeText(response.body().size()) + ") " +
                            RequestPrinter::kGuardAdvice);
    }
    return printer_.CloseOutput() ? ExitCode::kOk : ExitCode::kLocal;
  }

  ExitCode PrintJson(const HttpResponse& response) {
    Json json = JsonOf(response);
    if (printer_.writes_file()) {
      printer_.out().write(response.body().data(), BodySize(response));
      if (!printer_.CloseOutput()) return ExitCode::kLocal;
      json.erase("body");
      json["body_file"] = IsUtf8(options_.output) ? options_.output : OneLine(options_.output);
    }
    json["body_bytes"] = response.body().size();
    console_.out() << Pretty(json);
    console_.out().flush();
    return console_.out() ? ExitCode::kOk : ExitCode::kLocal;
  }

  static std::streamsize BodySize(const HttpResponse& response) {
    return static_cast<std::streamsize>(response.body().size());
  }

  const CommonOptions& common_;
  const RequestOptions& options_;
  Console& console_;
  RequestPrinter printer_;
  Duration took_{};
};

}  // namespace

ExitCode RunRequest(const CommonOptions& common, const RequestOptions& options, Console& console) {
  if (options.stream) return RunStream(common, options, console);
  return RequestRun(common, options, console).Run();
}

}  // namespace spillway::cli
