// The commands about the policy: explain, reload, config.
//
// Thread safety: one thread.

#pragma once

#include <string>

#include "cli/console.h"
#include "cli/daemon.h"
#include "cli/exit_code.h"

namespace spillway::cli {

struct ExplainOptions {
  std::string url;
  std::string tenant;  // identity of the caller; empty: none
};

ExitCode RunExplain(const CommonOptions& common, const ExplainOptions& options, Console& console);

ExitCode RunReload(const CommonOptions& common, Console& console);

ExitCode RunConfig(const CommonOptions& common, Console& console);

}  // namespace spillway::cli
