// spillwayctl: the command line for people and scripts beside a running daemon.

#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>

#include "cli/command_line.h"

namespace spillway::cli {
namespace {

struct Runner {
  const CommonOptions& common;
  Console& console;

  ExitCode operator()(const RequestOptions& o) const { return RunRequest(common, o, console); }
  ExitCode operator()(const PoolsOptions& o) const { return RunPools(common, o, console); }
  ExitCode operator()(const CloseIdleOptions& o) const {
    return RunCloseIdle(common, o.filter, console);
  }
  ExitCode operator()(const ExplainOptions& o) const { return RunExplain(common, o, console); }
  ExitCode operator()(const ReloadCommand&) const { return RunReload(common, console); }
  ExitCode operator()(const ConfigCommand&) const { return RunConfig(common, console); }
  ExitCode operator()(const DrainCommand&) const { return RunDrain(common, console); }
  ExitCode operator()(const HealthOptions& o) const {
    return RunHealth(common, o.service, console);
  }
};

int Main(int argc, char** argv) {
  // gRPC's own log lines would stand between ours; what matters comes back as a status.
  ::setenv("GRPC_VERBOSITY", "NONE", 0);
  // A reader that went away shows as a failed write.
  std::signal(SIGPIPE, SIG_IGN);
  std::ios::sync_with_stdio(false);
  Console console;
  ExitCode exit_code = ExitCode::kOk;
  const std::optional<CommandLine> line = ParseCommandLine(argc, argv, console, exit_code);
  if (!line.has_value()) return static_cast<int>(exit_code);
  return static_cast<int>(std::visit(Runner{line->common, console}, line->command));
}

}  // namespace
}  // namespace spillway::cli

int main(int argc, char** argv) {
  // Libraries may still throw when memory runs out or a value surprises them.
  try {
    return spillway::cli::Main(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "spillwayctl: " << error.what() << "\n";
    return static_cast<int>(spillway::cli::ExitCode::kLocal);
  }
}
