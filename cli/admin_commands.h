// The commands for operators: pools, close-idle, drain, health.
//
// Thread safety: one thread.

#pragma once

#include <string>

#include "cli/console.h"
#include "cli/daemon.h"
#include "cli/exit_code.h"

namespace spillway::cli {

struct PoolsOptions {
  std::string filter;  // destination name or host; empty: all
  bool watch = false;
  Duration interval = std::chrono::seconds(1);
};

ExitCode RunPools(const CommonOptions& common, const PoolsOptions& options, Console& console);

// `filter` as in PoolsOptions.
ExitCode RunCloseIdle(const CommonOptions& common, const std::string& filter, Console& console);

ExitCode RunDrain(const CommonOptions& common, Console& console);

// `service` empty: the daemon as a whole.
ExitCode RunHealth(const CommonOptions& common, const std::string& service, Console& console);

}  // namespace spillway::cli
