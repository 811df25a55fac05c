#include "cli/command_line.h"

#include <memory>

#include <CLI/CLI.hpp>

#include "bazel/build_info.h"
#include "cli/text.h"
#include "server/config_values.h"
#include "server/defaults.h"

namespace spillway::cli {
namespace {

constexpr char kExitCodes[] =
    "Exit codes:\n"
    "  0  done; with request, whatever the HTTP status\n"
    "  1  wrong usage, or a local file could not be read or written\n"
    "  2  request --fail: the HTTP status is 400 or above\n"
    "  3  no complete HTTP response could be had; the message says why\n"
    "  4  the daemon could not be reached, went away or did not answer in time\n"
    "  5  the daemon refused the call in another way\n"
    "  6  health: not serving, or not known";

// "250ms", "1m30s", or a bare number of seconds as curl has it.
std::optional<Duration> TimeOf(const std::string& text) {
  const std::optional<Duration> time = ParseDuration(text);
  return time.has_value() ? time : ParseDuration(text + "s");
}

CLI::Validator IsAddress() {
  return CLI::Validator([](const std::string& text) { return CheckAddress(text); }, "ADDRESS");
}

CLI::Validator IsTime() {
  return CLI::Validator(
      [](const std::string& text) -> std::string {
        const std::optional<Duration> time = TimeOf(text);
        if (time.has_value() && *time > Duration::zero()) return "";
        return "must be a time such as 250ms, 2s or 1m30s";
      },
      "TIME");
}

CLI::Validator IsSize() {
  return CLI::Validator(
      [](const std::string& text) -> std::string {
        return ParseBytes(text).has_value() ? "" : "must be a size such as 65536 or 64MiB";
      },
      "SIZE");
}

// What CLI11 writes into; it must stay where it is until parsing is over.
struct Values {
  CommonOptions common;
  RequestOptions request;
  PoolsOptions pools;
  CloseIdleOptions close_idle;
  ExplainOptions explain;
  HealthOptions health;
  std::string timeout;
  std::string interval;
  std::string data;
  std::string raw_data;
  std::string max_response_bytes;
  bool location = false;
};

void AddCommon(CLI::App& app, Values& values) {
  CommonOptions& common = values.common;
  common.address = kDefaultGrpcAddress;
  common.admin_address = DefaultAdminAddress();
  app.add_option("--address", common.address, "Where the daemon serves: host:port or unix:PATH")
      ->envname("SPILLWAY_ADDRESS")
      ->check(IsAddress())
      ->capture_default_str();
  app.add_option("--admin-address,--admin_address", common.admin_address,
                 "Where it serves operators: host:port or unix:PATH")
      ->envname("SPILLWAY_ADMIN_ADDRESS")
      ->check(IsAddress())
      ->capture_default_str();
  app.add_flag("--tls", common.tls.use, "Speak TLS with a daemon at host:port")
      ->envname("SPILLWAY_TLS");
  app.add_option("--ca", common.tls.ca_file,
                 "Trust the daemon's certificate by this authority, PEM; means --tls (default: the "
                 "system's)")
      ->envname("SPILLWAY_CA")
      ->type_name("FILE");
  app.add_option("--cert", common.tls.certificate_file,
                 "Show the daemon this certificate, PEM; means --tls")
      ->envname("SPILLWAY_CERT")
      ->type_name("FILE");
  app.add_option("--key", common.tls.key_file, "Its key, PEM")
      ->envname("SPILLWAY_KEY")
      ->type_name("FILE");
  app.add_option("--tls-name,--tls_name", common.tls.name,
                 "Expect this name in the daemon's certificate; means --tls")
      ->envname("SPILLWAY_TLS_NAME")
      ->type_name("NAME");
  app.add_flag("--json", common.json, "Print JSON for programs");
  app.add_option("--timeout", values.timeout,
                 "Longest time to wait, as 250ms, 2s or 1m30s (default: 10s; none for request and "
                 "pools --watch)")
      ->check(IsTime());
}

CLI::App* AddRequest(CLI::App& app, Values& values) {
  RequestOptions& request = values.request;
  CLI::App* command = app.add_subcommand("request", "Send an HTTP request through the daemon");
  command->add_option("url", request.url, "Absolute http or https URL")->required();
  command->add_option("-X,--request,--method", request.method,
                      "Method (default: GET; POST with -d)");
  command->add_option("-H,--header", request.headers, "Header 'Name: value'; may be repeated")
      ->allow_extra_args(false);
  auto* data =
      command->add_option("-d,--data", values.data, "Body: text, @FILE, or @- for standard input");
  command->add_option("--data-raw", values.raw_data, "Body: text, even when it begins with @")
      ->excludes(data);
  command->add_flag("-I,--head", request.head, "Send a HEAD request");
  command->add_option("--request-target", request.request_target,
                      "Request target when it is not the URL's path: * with OPTIONS");
  command->add_flag("-i,--include", request.include, "Print status line and headers, too");
  command->add_option("-o,--output", request.output,
                      "Write the body to a file; - is standard output, even for binary");
  command->add_flag("--timing", request.timing,
                    "Draw how long each phase of each attempt took, to stderr");
  command->add_flag("-v,--verbose", request.verbosity,
                    "Print to stderr: -v what was asked and how it ended, -vv the request's head "
                    "too, -vvv the response's head, -vvvv a curl command, times and what happened");
  command->add_flag("--fail", request.fail, "End with 2 when the status is 400 or above");
  command->add_flag("--fresh", request.fresh, "Use a new connection");
  auto* idempotent = command->add_flag("--idempotent", request.idempotent,
                                       "The request may be sent twice, whatever its method");
  command
      ->add_flag("--not-idempotent", request.not_idempotent,
                 "The request must not be sent twice, whatever its method")
      ->excludes(idempotent);
  auto* follow = command->add_option("--follow", request.max_redirects, "Redirects to follow");
  command->add_flag("-L,--location", values.location, "Follow up to 10 redirects")
      ->excludes(follow);
  command->add_flag("--stream", request.stream,
                    "Send and print bodies as they come, of any size; -d @- sends standard input");
  command->add_flag("--compressed", request.compressed,
                    "Let the origin compress the body, and print it decompressed");
  command->add_option("--cookie-jar", request.cookie_jar,
                      "Keep cookies in this jar of the daemon's, if its configuration has jars");
  command->add_option("--max-attempts", request.max_attempts,
                      "Attempts at most; can only narrow what the daemon allows");
  command
      ->add_option("--max-response-bytes", values.max_response_bytes,
                   "Largest body to accept, as 65536 or 64MiB (default: 4 MiB less 64 KiB)")
      ->check(IsSize());
  return command;
}

CLI::App* AddPools(CLI::App& app, Values& values) {
  CLI::App* command = app.add_subcommand("pools", "Show the connection pools");
  command->add_option("filter", values.pools.filter, "Only this destination or host");
  auto* watch = command->add_flag("-w,--watch", values.pools.watch, "Keep showing them");
  command->add_option("--interval", values.interval, "Time between looks (default: 1s)")
      ->check(IsTime())
      ->needs(watch);
  return command;
}

CLI::App* AddExplain(CLI::App& app, Values& values) {
  CLI::App* command =
      app.add_subcommand("explain", "Say what would become of a request, and why, sending nothing");
  command->add_option("url", values.explain.url, "Absolute http or https URL")->required();
  command->add_option("--tenant", values.explain.tenant,
                      "Identity of the caller to ask for (default: none)");
  return command;
}

void Finish(Values& values, const CLI::App& request) {
  if (!values.timeout.empty()) values.common.timeout = TimeOf(values.timeout);
  if (!values.interval.empty()) values.pools.interval = *TimeOf(values.interval);
  if (!values.max_response_bytes.empty()) {
    values.request.max_response_bytes = *ParseBytes(values.max_response_bytes);
  }
  // As many as Go's client follows, and most others do.
  constexpr std::uint32_t kUsualRedirects = 10;
  if (values.location) values.request.max_redirects = kUsualRedirects;
  // An empty body is not the same as none: it still makes a POST.
  if (request.count("--data") > 0) values.request.data = values.data;
  if (request.count("--data-raw") > 0) values.request.raw_data = values.raw_data;
}

}  // namespace

std::optional<CommandLine> ParseCommandLine(int argc, const char* const* argv, Console& console,
                                            ExitCode& exit_code) {
  Values values;
  CLI::App app("Talk to a running spillway daemon.", "spillwayctl");
  app.set_version_flag("--version", "spillwayctl " + std::string(BuildVersion()) + " (" +
                                        std::string(BuildCommit()) + ")");
  app.footer(kExitCodes);
  app.require_subcommand(1);
  app.fallthrough();  // common flags may stand behind the command, too
  AddCommon(app, values);
  CLI::App* request = AddRequest(app, values);
  CLI::App* pools = AddPools(app, values);
  CLI::App* close_idle = app.add_subcommand("close-idle", "Close idle connections to origins");
  close_idle->add_option("filter", values.close_idle.filter, "Only this destination or host");
  CLI::App* explain = AddExplain(app, values);
  CLI::App* reload = app.add_subcommand("reload", "Read the configuration file again");
  CLI::App* config = app.add_subcommand("config", "Print the configuration in force");
  CLI::App* drain = app.add_subcommand("drain", "Begin an orderly end of the daemon");
  CLI::App* health = app.add_subcommand("health", "Ask whether the daemon serves");
  health->add_option("service", values.health.service,
                     "A gRPC service such as spillway.v1.Egress (default: the whole daemon)");
  // The library reports --help and mistakes by exception.
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // The library only says that a command is missing.
    const std::vector<std::string> rest = app.remaining();
    if (app.get_subcommands().empty() && !rest.empty() && error.get_exit_code() != 0) {
      console.Complain("there is no command or flag " + OneLine(rest.front()) +
                       "; run with --help for more information");
      exit_code = ExitCode::kLocal;
      return std::nullopt;
    }
    exit_code =
        app.exit(error, console.out(), console.err()) == 0 ? ExitCode::kOk : ExitCode::kLocal;
    return std::nullopt;
  }
  Finish(values, *request);
  if (const std::string problem = LoadTls(values.common.tls); !problem.empty()) {
    console.Complain(problem);
    exit_code = ExitCode::kLocal;
    return std::nullopt;
  }
  if (*request) return CommandLine{values.common, values.request};
  if (*pools) return CommandLine{values.common, values.pools};
  if (*close_idle) return CommandLine{values.common, values.close_idle};
  if (*explain) return CommandLine{values.common, values.explain};
  if (*reload) return CommandLine{values.common, ReloadCommand{}};
  if (*config) return CommandLine{values.common, ConfigCommand{}};
  if (*drain) return CommandLine{values.common, DrainCommand{}};
  return CommandLine{values.common, values.health};
}

}  // namespace spillway::cli
