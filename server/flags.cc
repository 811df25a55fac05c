#include "server/flags.h"

#include <map>

#include <CLI/CLI.hpp>

#include "bazel/build_info.h"
#include "server/defaults.h"

namespace spillway {
namespace {

constexpr int kUsageError = 2;

const std::map<std::string, LogLevel> kLevels = {{"debug", LogLevel::kDebug},
                                                 {"info", LogLevel::kInfo},
                                                 {"warning", LogLevel::kWarning},
                                                 {"error", LogLevel::kError},
                                                 {"off", LogLevel::kOff}};
const std::map<std::string, LogFormat> kFormats = {{"text", LogFormat::kText},
                                                   {"json", LogFormat::kJson}};

const std::map<std::string, AccessLogMode> kAccessLogs = {{"off", AccessLogMode::kOff},
                                                          {"failures", AccessLogMode::kFailures},
                                                          {"all", AccessLogMode::kAll}};

std::string VersionText() {
  return "spillway " + std::string(BuildVersion()) + " (" + std::string(BuildCommit()) + ")";
}

void AddTls(CLI::App& app, Flags& flags) {
  app.add_option("--grpc_tls_certificate", flags.grpc_tls.certificate_file,
                 "certificate of the TCP listeners for gRPC and Admin, PEM, leaf first")
      ->type_name("FILE");
  app.add_option("--grpc_tls_key", flags.grpc_tls.key_file, "its key, PEM")->type_name("FILE");
  app.add_option("--grpc_tls_client_ca", flags.grpc_tls.client_ca_file,
                 "callers must show a certificate of one of these authorities, PEM")
      ->type_name("FILE");
  app.add_flag("--allow_insecure_remote", flags.allow_insecure_remote,
               "let other machines send requests in clear text, without TLS");
}

}  // namespace

ParsedFlags ParseFlags(int argc, const char* const* argv) {
  CLI::App app{
      "Spillway sends HTTP requests that arrive over gRPC through one pool of connections.\n"
      "ADDR is host:port or unix:PATH. Flags win over the configuration file.",
      "spillway"};
  // A wrapper's flags come first and its user's last; the last wins.
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  ParsedFlags parsed;
  Flags& flags = parsed.flags;
  app.set_version_flag("--version", VersionText());
  app.add_option(
         "--grpc_listen", flags.grpc_listen,
         std::string("gRPC address; may be given more than once [") + kDefaultGrpcAddress + "]")
      ->type_name("ADDR")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option(
         "--http_listen", flags.http_listen,
         std::string("HTTP address of /metrics, /healthz, /readyz [") + kDefaultHttpAddress + "]")
      ->type_name("ADDR");
  app.add_option("--admin_listen", flags.admin_listen,
                 "gRPC address of the Admin service [" + DefaultAdminAddress() + "]")
      ->type_name("ADDR");
  AddTls(app, flags);
  auto* config =
      app.add_option("--config", flags.config, "configuration file (YAML)")->type_name("FILE");
  app.add_option("--check_config", flags.check_config,
                 "check a configuration file, print what it means and exit")
      ->type_name("FILE")
      ->excludes(config);
  app.add_option("--log_level", flags.log_level, "debug, info, warning, error or off [info]")
      ->transform(CLI::CheckedTransformer(kLevels).description(""))
      ->type_name("LEVEL");
  app.add_option("--log_format", flags.log_format, "text or json [text]")
      ->transform(CLI::CheckedTransformer(kFormats).description(""))
      ->type_name("FORMAT");
  app.add_option("--access_log", flags.access_log,
                 "one line a round trip: off, failures or all [off]")
      ->transform(CLI::CheckedTransformer(kAccessLogs).description(""))
      ->type_name("WHICH");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int status = app.exit(error);
    parsed.exit_status = status == 0 ? 0 : kUsageError;
  }
  return parsed;
}

}  // namespace spillway
