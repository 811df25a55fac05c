// `spillwayctl request --stream`: one exchange over Stream, its bodies passed on as they come.
//
// Thread safety: called from one thread; it sends from another of its own.

#pragma once

#include "cli/console.h"
#include "cli/daemon.h"
#include "cli/exit_code.h"
#include "cli/request_command.h"

namespace spillway::cli {

ExitCode RunStream(const CommonOptions& common, const RequestOptions& options, Console& console);

}  // namespace spillway::cli
