// A failed call, told to people and programs.
//
// Thread safety: pure functions but for the output.

#pragma once

#include <grpcpp/support/status.h>

#include <optional>

#include "cli/console.h"
#include "cli/daemon.h"
#include "cli/exit_code.h"
#include "spillway/v1/egress.pb.h"

namespace spillway::cli {

// The EgressError in grpc-status-details-bin; nullopt when there is none.
std::optional<spillway::v1::EgressError> EgressErrorOf(const grpc::Status& status);

// "UNAVAILABLE" and the like.
std::string CodeName(grpc::StatusCode code);

// Prints why the call to `address` failed: JSON to standard output with --json, else text to
// standard error. Gives the exit code.
ExitCode ReportFailure(const grpc::Status& status, const std::string& address,
                       const CommonOptions& options, Console& console);

}  // namespace spillway::cli
