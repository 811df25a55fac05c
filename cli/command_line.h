// The command line of spillwayctl, read with CLI11.
//
// Thread safety: ParseCommandLine is called once, from main.

#pragma once

#include <optional>
#include <string>
#include <variant>

#include "cli/admin_commands.h"
#include "cli/console.h"
#include "cli/daemon.h"
#include "cli/exit_code.h"
#include "cli/policy_commands.h"
#include "cli/request_command.h"

namespace spillway::cli {

struct CloseIdleOptions {
  std::string filter;
};
struct DrainCommand {};
struct ReloadCommand {};
struct ConfigCommand {};
struct HealthOptions {
  std::string service;
};

using Command = std::variant<RequestOptions, PoolsOptions, CloseIdleOptions, ExplainOptions,
                             ReloadCommand, ConfigCommand, DrainCommand, HealthOptions>;

struct CommandLine {
  CommonOptions common;
  Command command;
};

// The command; nullopt when there is nothing left to do (--help, --version, a mistake), and then
// `exit_code` is set. No exceptions leave it.
std::optional<CommandLine> ParseCommandLine(int argc, const char* const* argv, Console& console,
                                            ExitCode& exit_code);

}  // namespace spillway::cli
