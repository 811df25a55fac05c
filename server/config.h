// The daemon's configuration: from a YAML file to checked values, and back to YAML.
//
// What it is: LoadConfig reads a file against the schema proto/spillway/config/v1/config.proto and
// gives either one whole Config or every problem of the file with line, column and key. Values that
// the file leaves out come from transport/base/options.h and server/defaults.h.
// Thread safety: pure functions but for reading the file. No exceptions leave them.
// Invariants: a Config that was returned is whole and within bounds: nothing is ever partially
// applied (cases C-067, X-026, X-027). PrintEffectiveConfig's text loads to an equal Config, but
// for masked secrets. Problems name keys, never values.

#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/system/result.hpp>

#include "server/config_inputs.h"
#include "server/defaults.h"
#include "server/profile_settings.h"
#include "transport/base/options.h"
#include "transport/base/policy.h"

namespace spillway {

struct Config {
  ListenOptions listen;
  FrontLimits front;
  DrainOptions drain;
  ProcessLimits process;
  CookieLimits cookies;
  // As the file states them; the policy holds what was read for them.
  std::vector<TlsProfileSettings> tls_profiles;
  std::vector<ProxySettings> proxies;
  RouteSettings default_route;
  std::vector<RouteSettings> routes;  // one a destination of the policy, in their order
  TlsProfilePtr default_tls;  // of destinations that name no profile; null: no file was read
  // What was made of them, entry for entry.
  std::vector<TlsProfilePtr> tls;
  std::vector<ProxyServerPtr> proxy_servers;
  // The configuration file and all that it names.
  FileDigests files;
  // Destinations, the fallback's limits and the limits on request fields; never null.
  std::shared_ptr<const Policy> policy;
};

// What kind of thing is wrong, for the metric that counts refused files.
enum class ConfigCause : std::uint8_t {
  kValue,  // a key, a value, or what two of them say together
  kText,   // the file itself cannot be read, or is not YAML
  kFile,   // a file that it names cannot be read
  kTls,    // such a file, or a list, is not what TLS needs
  kProxy,  // a proxy cannot be what the file says
};
std::string_view Label(ConfigCause cause);  // value, text, file, tls, proxy

// One thing wrong with a configuration file.
struct ConfigProblem {
  std::size_t line = 0;    // from 1; 0: the file as a whole
  std::size_t column = 0;  // from 1
  std::string path;        // "destinations[2].pool.max_connections"; empty: not about one key
  std::string message;
  ConfigCause cause = ConfigCause::kValue;

  bool operator==(const ConfigProblem&) const = default;
};

// Everything wrong with one file, in the order of its lines.
struct ConfigProblems {
  std::string file;
  std::vector<ConfigProblem> problems;  // never empty in an error, at most kMaxConfigProblems
  FileDigests files;                    // all that was looked at

  // One line a problem: "FILE:LINE:COLUMN: PATH: MESSAGE".
  std::string Text() const;
};

inline constexpr std::size_t kMaxConfigBytes = kMaxInputBytes;
inline constexpr std::size_t kMaxConfigProblems = 100;

using ConfigResult = boost::system::result<Config, ConfigProblems>;

// What a daemon without a configuration file runs on.
Config DefaultConfig();

// Reads, parses and checks `path` and all that it names.
ConfigResult LoadConfig(const std::string& path, std::uint64_t policy_version = 1,
                        const ConfigInputs& inputs = SystemInputs());

// The same for text that is already in memory; `file` is its name in problems, and the files that
// it names are relative to the folder of that.
ConfigResult ParseConfig(std::string_view text, std::string_view file,
                         std::uint64_t policy_version = 1,
                         const ConfigInputs& inputs = SystemInputs());

// Every value in force as YAML in the file's own form, defaults written out, secrets masked.
std::string PrintEffectiveConfig(const Config& config);

// `spillway --check_config FILE`: prints the effective configuration to `out` and returns 0, or the
// problems to `err` and returns 1.
int CheckConfigCommand(const std::string& path, std::ostream& out, std::ostream& err);

// Needed by boost::system::result<...>::value(); we never call it, so reaching this is a bug.
[[noreturn]] void throw_exception_from_error(const ConfigProblems& problems,
                                             const boost::source_location& where);

}  // namespace spillway
