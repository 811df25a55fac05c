#include "cli/request_command.h"

#include <cerrno>
#include <chrono>
#include <fstream>
#include <system_error>

#include "cli/call_error.h"
#include "cli/exchange_text.h"
#include "cli/json.h"
#include "cli/request_text.h"
#include "cli/text.h"
#include "cli/waterfall.h"
#include "spillway/v1/egress.grpc.pb.h"

namespace spillway::cli {
namespace {

using spillway::v1::Header;
using spillway::v1::HttpRequest;
using spillway::v1::HttpResponse;
using Headers = google::protobuf::RepeatedPtrField<Header>;

constexpr std::uint32_t kFirstErrorStatus = 400;

// "200 OK"
std::string StatusText(const HttpResponse& response) {
  return std::to_string(response.status()) +
         (response.reason().empty() ? "" : " " + response.reason());
}

std::string StatusLine(const HttpResponse& response) {
  return response.protocol() + " " + StatusText(response);
}

class RequestRun {
 public:
  RequestRun(const CommonOptions& common, const RequestOptions& options, Console& console)
      : common_(common), options_(options), console_(console) {}

  ExitCode Run() {
    HttpRequest request;
    const std::string problem = BuildRequest(options_, request);
    if (!problem.empty()) return Local(problem);
    // Before anything is sent: a request whose answer cannot be kept had better not be made.
    if (WritesFile() && !OpenOutput()) return ExitCode::kLocal;
    if (Shows(4)) console_.err() << OneLine(CurlCommand(request)) << "\n";
    if (Shows(2)) PrintRequest(request);

    grpc::ClientContext context;
    SetDeadline(context, common_, std::nullopt);
    const auto stub = spillway::v1::Egress::NewStub(Connect(common_, common_.address));
    HttpResponse response;
    const auto started = std::chrono::steady_clock::now();
    const grpc::Status status = stub->RoundTrip(&context, request, &response);
    took_ = std::chrono::steady_clock::now() - started;
    if (!status.ok()) return Failed(request, status);
    if (Shows(1)) PrintOutcome(request, StatusText(response));

    const ExitCode code = common_.json ? PrintJson(response) : PrintText(response);
    if (code != ExitCode::kOk) return code;
    const bool bad = options_.fail && response.status() >= kFirstErrorStatus;
    return bad ? ExitCode::kHttpStatus : ExitCode::kOk;
  }

 private:
  ExitCode Local(const std::string& problem) {
    console_.Complain(problem);
    return ExitCode::kLocal;
  }

  bool WritesFile() const { return !options_.output.empty() && options_.output != "-"; }

  bool OpenOutput() {
    errno = 0;
    file_.open(options_.output, std::ios::binary | std::ios::trunc);
    if (file_) return true;
    Local("cannot write " + OneLine(options_.output) + ": " +
          std::generic_category().message(errno));
    return false;
  }

  // Whether people are shown what level `verbosity` has.
  bool Shows(int verbosity) const { return options_.verbosity >= verbosity && !common_.json; }

  ExitCode Failed(const HttpRequest& request, const grpc::Status& status) {
    if (common_.json) return ReportFailure(status, common_.address, common_, console_);
    const auto error = EgressErrorOf(status);
    if (Shows(1)) PrintOutcome(request, CodeName(status.error_code()));
    if (error.has_value() && error->has_exchange()) PrintExchange(error->exchange());
    return ReportFailure(status, common_.address, common_, console_);
  }

  ExitCode PrintText(const HttpResponse& response) {
    if (Shows(3)) PrintHead("< ", StatusLine(response), response.headers());
    const bool show_body = !WritesFile();
    const bool guarded = show_body && options_.output.empty() && console_.out_is_terminal() &&
                         !IsPlainText(response.body());
    if (options_.include) WriteHead(response);
    if (show_body && !guarded) console_.out().write(response.body().data(), BodySize(response));
    console_.out().flush();
    if (Shows(3) && response.trailers_size() > 0) {
      PrintHead("< ", "trailers", response.trailers());
    }
    if (response.has_exchange()) PrintExchange(response.exchange());
    if (WritesFile() && !WriteFile(response)) return ExitCode::kLocal;
    if (guarded) {
      return Local("the body (" + SizeText(response.body().size()) +
                   ") is not text and would garble the terminal; use -o FILE, or -o - to see it "
                   "anyway");
    }
    return console_.out() ? ExitCode::kOk : Local("cannot write to standard output");
  }

  ExitCode PrintJson(const HttpResponse& response) {
    Json json = JsonOf(response);
    if (WritesFile()) {
      if (!WriteFile(response)) return ExitCode::kLocal;
      json.erase("body");
      json["body_file"] = IsUtf8(options_.output) ? options_.output : OneLine(options_.output);
    }
    json["body_bytes"] = response.body().size();
    console_.out() << Pretty(json);
    console_.out().flush();
    return console_.out() ? ExitCode::kOk : ExitCode::kLocal;
  }

  bool WriteFile(const HttpResponse& response) {
    errno = 0;
    file_.write(response.body().data(), BodySize(response));
    file_.close();
    if (file_) return true;
    Local("cannot write " + OneLine(options_.output) + ": " +
          std::generic_category().message(errno));
    return false;
  }

  static std::streamsize BodySize(const HttpResponse& response) {
    return static_cast<std::streamsize>(response.body().size());
  }

  // Status line and headers on standard output, as they came unless a terminal reads them.
  void WriteHead(const HttpResponse& response) {
    const bool terminal = console_.out_is_terminal();
    const auto clean = [terminal](const std::string& text) {
      return terminal ? OneLine(text) : text;
    };
    console_.out() << console_.OutStyle(Style::kBold, clean(StatusLine(response))) << "\r\n";
    for (const Header& header : response.headers()) {
      console_.out() << clean(header.name()) << ": " << clean(header.value()) << "\r\n";
    }
    console_.out() << "\r\n";
  }

  void PrintOutcome(const HttpRequest& request, const std::string& outcome) {
    console_.err() << OneLine(request.method() + " " + request.url() + " " + outcome) << " in "
                   << MillisecondsText(took_) << "\n";
  }

  void PrintRequest(const HttpRequest& request) {
    PrintHead("> ", request.method() + " " + request.url(), request.headers());
    if (!request.body().empty()) {
      console_.err() << "> (" << SizeText(request.body().size()) << " of body)\n";
    }
  }

  void PrintHead(const char* prefix, const std::string& first_line, const Headers& headers) {
    console_.err() << prefix << console_.ErrStyle(Style::kBold, OneLine(first_line)) << "\n";
    for (const Header& header : headers) {
      console_.err() << prefix << OneLine(header.name()) << ": "
                     << OneLine(ShownValue(header.name(), header.value())) << "\n";
    }
  }

  void PrintExchange(const spillway::v1::Exchange& exchange) {
    if (Shows(4)) {
      console_.err() << console_.ErrStyle(Style::kDim,
                                          Summary(exchange) + Times(exchange.timings()));
    }
    if (options_.timing) {
      console_.err() << Waterfall(exchange, {console_.ErrColumns(), Console::Utf8Wanted()});
    }
  }

  const CommonOptions& common_;
  const RequestOptions& options_;
  Console& console_;
  std::ofstream file_;
  Duration took_{};
};

}  // namespace

ExitCode RunRequest(const CommonOptions& common, const RequestOptions& options, Console& console) {
  return RequestRun(common, options, console).Run();
}

}  // namespace spillway::cli
