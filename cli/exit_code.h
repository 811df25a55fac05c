// What spillwayctl's exit status says. docs/errors.md and --help list the same.

#pragma once

namespace spillway::cli {

enum class ExitCode : int {
  kOk = 0,           // done; a response with any HTTP status is one
  kLocal = 1,        // wrong usage, or a local file could not be read or written
  kHttpStatus = 2,   // with --fail: the HTTP status is 400 or above
  kEgress = 3,       // the daemon answered that no complete HTTP response could be had
  kUnreachable = 4,  // the daemon could not be reached, went away, or did not answer in time
  kRefused = 5,      // the daemon refused the call in another way
  kNotServing = 6,   // health: the service is not serving, or not known
};

}  // namespace spillway::cli
