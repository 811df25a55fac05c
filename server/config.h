// The daemon's configuration: from a YAML file to checked values, and back to YAML.
//
// What it is: LoadConfig reads a file against the schema proto/spillway/config/v1/config.proto and
// gives either one whole Config or every problem of the file with line, column and key. Values that
// the file leaves out come from transport/base/options.h and server/defaults.h.
// Thread safety: pure functions but for reading the file. No exceptions leave them.
// Invariants: a Config that was returned is whole and within bounds: nothing is ever partially
// applied (cases C-067, X-026, X-027). PrintEffectiveConfig's text loads to an equal Config.
// Problems name keys, never values.

#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/system/result.hpp>

#include "server/defaults.h"
#include "transport/base/options.h"
#include "transport/base/policy.h"

namespace spillway {

struct Config {
  ListenOptions listen;
  FrontLimits front;
  DrainOptions drain;
  ProcessLimits process;
  // Destinations, the fallback's limits and the limits on request fields; never null.
  std::shared_ptr<const Policy> policy;
};

// One thing wrong with a configuration file.
struct ConfigProblem {
  std::size_t line = 0;    // from 1; 0: the file as a whole
  std::size_t column = 0;  // from 1
  std::string path;        // "destinations[2].pool.max_connections"; empty: not about one key
  std::string message;

  bool operator==(const ConfigProblem&) const = default;
};

// Everything wrong with one file, in the order of its lines.
struct ConfigProblems {
  std::string file;
  std::vector<ConfigProblem> problems;  // never empty in an error, at most kMaxConfigProblems

  // One line a problem: "FILE:LINE:COLUMN: PATH: MESSAGE".
  std::string Text() const;
};

inline constexpr std::size_t kMaxConfigBytes = 1024 * 1024;
inline constexpr std::size_t kMaxConfigProblems = 100;

using ConfigResult = boost::system::result<Config, ConfigProblems>;

// What a daemon without a configuration file runs on.
Config DefaultConfig();

// Reads, parses and checks `path`.
ConfigResult LoadConfig(const std::string& path, std::uint64_t policy_version = 1);

// The same for text that is already in memory; `file` is only a name for problems.
ConfigResult ParseConfig(std::string_view text, std::string_view file,
                         std::uint64_t policy_version = 1);

// Every value in force as YAML in the file's own form, defaults written out.
std::string PrintEffectiveConfig(const Config& config);

// `spillway --check_config FILE`: prints the effective configuration to `out` and returns 0, or the
// problems to `err` and returns 1.
int CheckConfigCommand(const std::string& path, std::ostream& out, std::ostream& err);

// Needed by boost::system::result<...>::value(); we never call it, so reaching this is a bug.
[[noreturn]] void throw_exception_from_error(const ConfigProblems& problems,
                                             const boost::source_location& where);

}  // namespace spillway
