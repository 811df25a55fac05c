// What `spillwayctl request` shows, whichever way the request takes.
//
// What it is: the body and, with -i, the head on standard output or in a file; everything else on
// standard error. What it owns: the output file.
// Thread safety: one thread.

#pragma once

#include <google/protobuf/repeated_field.h>

#include <fstream>
#include <string>

#include "cli/console.h"
#include "cli/daemon.h"
#include "cli/exit_code.h"
#include "cli/request_command.h"
#include "spillway/v1/egress.pb.h"

namespace spillway::cli {

class RequestPrinter {
 public:
  using Headers = google::protobuf::RepeatedPtrField<spillway::v1::Header>;

  RequestPrinter(const CommonOptions& common, const RequestOptions& options, Console& console)
      : common_(common), options_(options), console_(console) {}

  // Says what is wrong here.
  ExitCode Local(const std::string& problem);
  // Whether people are shown what level `verbosity` has.
  bool Shows(int verbosity) const { return options_.verbosity >= verbosity && !common_.json; }

  // The body goes to a file. False: it cannot, and that was said.
  bool writes_file() const { return !options_.output.empty() && options_.output != "-"; }
  bool OpenOutput();
  // Whether a body may garble the terminal that it would go to.
  bool IsGuarded() const;
  static constexpr char kGuardAdvice[] =
      "is not text and would garble the terminal; use -o FILE, or -o - to see it anyway";
  std::ostream& out() { return writes_file() ? file_ : console_.out(); }
  // Of the file or of standard output, when writing did not end well; says so.
  bool CloseOutput();

  void PrintRequest(const spillway::v1::HttpRequest& request);
  void PrintOutcome(const spillway::v1::HttpRequest& request, const std::string& outcome,
                    Duration took);
  void PrintHead(const char* prefix, const std::string& first_line, const Headers& headers);
  void PrintExchange(const spillway::v1::Exchange& exchange);
  // With -i: status line and headers, as they came unless a terminal reads them.
  void WriteHead(const spillway::v1::HttpResponse& response);

  // "200 OK"
  static std::string StatusText(const spillway::v1::HttpResponse& response);
  static std::string StatusLine(const spillway::v1::HttpResponse& response);

 private:
  const CommonOptions& common_;
  const RequestOptions& options_;
  Console& console_;
  std::ofstream file_;
};

}  // namespace spillway::cli
