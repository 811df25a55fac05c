#include "cli/request_printer.h"

#include <cerrno>
#include <system_error>

#include "cli/exchange_text.h"
#include "cli/request_text.h"
#include "cli/text.h"
#include "cli/waterfall.h"

namespace spillway::cli {

using spillway::v1::Header;
using spillway::v1::HttpRequest;
using spillway::v1::HttpResponse;

std::string RequestPrinter::StatusText(const HttpResponse& response) {
  return std::to_string(response.status()) +
         (response.reason().empty() ? "" : " " + response.reason());
}

std::string RequestPrinter::StatusLine(const HttpResponse& response) {
  return response.protocol() + " " + StatusText(response);
}

ExitCode RequestPrinter::Local(const std::string& problem) {
  console_.Complain(problem);
  return ExitCode::kLocal;
}

bool RequestPrinter::OpenOutput() {
  if (!writes_file()) return true;
  errno = 0;
  file_.open(options_.output, std::ios::binary | std::ios::trunc);
  if (file_) return true;
  Local("cannot write " + OneLine(options_.output) + ": " + std::generic_category().message(errno));
  return false;
}

bool RequestPrinter::IsGuarded() const {
  return options_.output.empty() && console_.out_is_terminal();
}

bool RequestPrinter::CloseOutput() {
  console_.out().flush();
  if (!writes_file()) {
    if (!console_.out()) Local("cannot write to standard output");
    return static_cast<bool>(console_.out());
  }
  errno = 0;
  file_.close();
  if (file_) return true;
  Local("cannot write " + OneLine(options_.output) + ": " + std::generic_category().message(errno));
  return false;
}

void RequestPrinter::WriteHead(const HttpResponse& response) {
  if (!options_.include) return;
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

void RequestPrinter::PrintOutcome(const HttpRequest& request, const std::string& outcome,
                                  Duration took) {
  console_.err() << OneLine(request.method() + " " + request.url() + " " + outcome) << " in "
                 << MillisecondsText(took) << "\n";
}

void RequestPrinter::PrintRequest(const HttpRequest& request) {
  PrintHead("> ", request.method() + " " + request.url(), request.headers());
  if (!request.body().empty()) {
    console_.err() << "> (" << SizeText(request.body().size()) << " of body)\n";
  }
}

void RequestPrinter::PrintHead(const char* prefix, const std::string& first_line,
                               const Headers& headers) {
  console_.err() << prefix << console_.ErrStyle(Style::kBold, OneLine(first_line)) << "\n";
  for (const Header& header : headers) {
    console_.err() << prefix << OneLine(header.name()) << ": "
                   << OneLine(ShownValue(header.name(), header.value())) << "\n";
  }
}

void RequestPrinter::PrintExchange(const spillway::v1::Exchange& exchange) {
  if (Shows(4)) {
    console_.err() << console_.ErrStyle(Style::kDim, Summary(exchange) + Times(exchange.timings()));
  }
  if (options_.timing && !common_.json) {
    console_.err() << Waterfall(exchange, {console_.ErrColumns(), Console::Utf8Wanted()});
  }
}

}  // namespace spillway::cli
