#include "cli/stream_command.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "cli/call_error.h"
#include "cli/request_printer.h"
#include "cli/request_text.h"
#include "cli/text.h"
#include "cli/upload.h"
#include "spillway/v1/egress.grpc.pb.h"

namespace spillway::cli {
namespace {

using spillway::v1::HttpRequest;
using spillway::v1::HttpResponse;
using spillway::v1::StreamRequest;
using spillway::v1::StreamResponse;

constexpr std::uint32_t kFirstErrorStatus = 400;

// A piece may end within a character, so only what a terminal would obey is looked for.
bool HasControls(std::string_view piece) {
  return std::any_of(piece.begin(), piece.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7f;
  });
}

class StreamRun {
 public:
  StreamRun(const CommonOptions& common, const RequestOptions& options, Console& console)
      : common_(common), options_(options), console_(console), printer_(common, options, console) {}

  ExitCode Run() {
    if (common_.json) return printer_.Local("--stream passes the body on; it has no --json");
    StreamRequest first;
    HttpRequest& request = *first.mutable_head();
    const std::string problem = Build(request);
    if (!problem.empty()) return printer_.Local(problem);
    if (!printer_.OpenOutput()) return ExitCode::kLocal;
    if (printer_.Shows(4)) console_.err() << OneLine(CurlCommand(request)) << "\n";
    if (printer_.Shows(2)) printer_.PrintRequest(request);

    SetDeadline(context_, common_, std::nullopt);
    const auto stub = spillway::v1::Egress::NewStub(Connect(common_, common_.address));
    const auto started = std::chrono::steady_clock::now();
    stream_ = stub->Stream(&context_);
    std::thread sender([this, &first] { Send(first); });
    StreamResponse frame;
    while (stream_->Read(&frame)) Take(frame);
    upload_.Stop();
    sender.join();
    const grpc::Status status = stream_->Finish();
    return Conclude(request, status, std::chrono::steady_clock::now() - started);
  }

 private:
  std::string Build(HttpRequest& request) {
    if (const std::string problem = BuildHead(options_, request); !problem.empty()) return problem;
    request.mutable_options()->set_informational(printer_.Shows(3));
    std::optional<std::uint64_t> length;
    if (options_.data.has_value() && options_.data->starts_with('@') && !options_.raw_data) {
      uploads_ = true;
      const std::string problem = upload_.Open(options_.data->substr(1));
      if (!problem.empty()) return problem;
      length = upload_.size();
    } else {
      request.set_body(options_.raw_data.value_or(options_.data.value_or("")));
      length = request.body().size();
    }
    if (length.has_value() && !IsTunnel(request)) request.set_content_length(*length);
    return "";
  }

  // Its bytes have no length, wherever they come from.
  static bool IsTunnel(const HttpRequest& request) {
    return request.method() == "CONNECT" ||
           std::any_of(request.headers().begin(), request.headers().end(), IsUpgrade);
  }

  static bool IsUpgrade(const spillway::v1::Header& header) {
    constexpr std::string_view kName = "upgrade";
    return header.name().size() == kName.size() &&
           std::equal(kName.begin(), kName.end(), header.name().begin(),
                      [](char a, char b) { return a == (b | 0x20); });
  }

  // On a thread of its own: gRPC holds it back when the origin does.
  void Send(const StreamRequest& first) {
    bool open = stream_->Write(first);
    StreamRequest frame;
    while (open && uploads_) {
      switch (upload_.Read(*frame.mutable_data())) {
        case Upload::Result::kData:
          open = stream_->Write(frame);
          continue;
        case Upload::Result::kEnd:
          uploads_ = false;
          continue;
        case Upload::Result::kStopped:
          return;
        case Upload::Result::kFailed:
          // The origin must not take what was read for all there is.
          upload_failed_ = true;
          return context_.TryCancel();
      }
    }
    if (open) stream_->WritesDone();
  }

  void Take(const StreamResponse& frame) {
    switch (frame.frame_case()) {
      case StreamResponse::kInformational:
        if (printer_.Shows(3)) {
          printer_.PrintHead("< ", std::to_string(frame.informational().status()),
                             frame.informational().headers());
        }
        return;
      case StreamResponse::kHead:
        status_ = RequestPrinter::StatusText(frame.head());
        http_status_ = frame.head().status();
        if (printer_.Shows(3)) {
          printer_.PrintHead("< ", RequestPrinter::StatusLine(frame.head()),
                             frame.head().headers());
        }
        printer_.WriteHead(frame.head());
        return Write(frame.head().body());
      case StreamResponse::kData:
        return Write(frame.data());
      case StreamResponse::kTrailers:
        whole_ = true;
        if (printer_.Shows(1) && frame.trailers().headers_size() > 0) {
          printer_.PrintHead("< ", "trailers", frame.trailers().headers());
        }
        if (frame.trailers().has_exchange()) exchange_ = frame.trailers().exchange();
        return;
      default:
        return;
    }
  }

  void Write(const std::string& piece) {
    if (printer_.IsGuarded() && HasControls(piece)) garbling_ = true;
    if (garbling_) return context_.TryCancel();
    printer_.out().write(piece.data(), static_cast<std::streamsize>(piece.size()));
    printer_.out().flush();
    // Nobody reads on: neither do we.
    if (!printer_.out()) context_.TryCancel();
  }

  ExitCode Conclude(const HttpRequest& request, const grpc::Status& status, Duration took) {
    if (garbling_) {
      return printer_.Local("the body " + std::string(RequestPrinter::kGuardAdvice));
    }
    if (upload_failed_) return printer_.Local("cannot read the data to send");
    if (!printer_.CloseOutput()) return ExitCode::kLocal;
    if (printer_.Shows(1)) {
      const std::string outcome = status.ok() ? status_ : CodeName(status.error_code());
      printer_.PrintOutcome(request, outcome, took);
    }
    if (!status.ok()) {
      const auto error = EgressErrorOf(status);
      if (error.has_value() && error->has_exchange()) printer_.PrintExchange(error->exchange());
      return ReportFailure(status, common_.address, common_, console_);
    }
    if (!whole_) {
      console_.Complain("the response was cut short, and the daemon did not say why");
      return ExitCode::kEgress;
    }
    if (exchange_.has_value()) printer_.PrintExchange(*exchange_);
    const bool bad = options_.fail && http_status_ >= kFirstErrorStatus;
    return bad ? ExitCode::kHttpStatus : ExitCode::kOk;
  }

  const CommonOptions& common_;
  const RequestOptions& options_;
  Console& console_;
  RequestPrinter printer_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<StreamRequest, StreamResponse>> stream_;
  Upload upload_;
  bool uploads_ = false;  // the sender's, once it runs
  std::atomic<bool> upload_failed_{false};
  std::string status_;
  std::uint32_t http_status_ = 0;
  bool garbling_ = false;
  bool whole_ = false;
  std::optional<spillway::v1::Exchange> exchange_;
};

}  // namespace

ExitCode RunStream(const CommonOptions& common, const RequestOptions& options, Console& console) {
  return StreamRun(common, options, console).Run();
}

}  // namespace spillway::cli
