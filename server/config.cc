#include "server/config.h"

#include <algorithm>
#include <array>
#include <ostream>
#include <set>
#include <tuple>
#include <utility>

#include "server/config_binding.h"
#include "server/config_print.h"
#include "server/config_schema.h"
#include "server/listen_address.h"
#include "server/profile_loader.h"
#include "server/yaml_reader.h"
#include "transport/base/check.h"
#include "transport/tls_profiles.h"

namespace spillway {
namespace {

// The rules that one field cannot state. They run even when single fields are wrong, so that a
// person sees everything at once; what follows from a problem already reported is left out.
class CrossChecks {
 public:
  CrossChecks(const KeyPlaces& places, std::vector<ConfigProblem>& problems)
      : places_(places), problems_(problems) {
    for (const ConfigProblem& problem : problems) reported_.insert(problem.path);
  }

  void Run(const Config& config, const PolicyParts& parts) {
    CheckListen(config.listen);
    CheckAddresses(parts.fallback.addresses, "defaults");
    CheckDefaultBackoffs(parts.fallback);
    std::vector<Destination> destinations = parts.destinations;
    for (std::size_t i = 0; i < destinations.size(); ++i) {
      const std::string path = "destinations[" + std::to_string(i) + "]";
      CheckBackoffs(destinations[i], parts.fallback, path);
      if (destinations[i].addresses != parts.fallback.addresses) {
        CheckAddresses(destinations[i].addresses, path);
      }
      CheckProtocol(destinations[i], path);
      for (std::size_t j = 0; j < destinations[i].matches.size(); ++j) {
        // Half a match could seem to tie with another: let it match nothing that is real.
        if (!ReportedBelow(path + ".matches[" + std::to_string(j) + "]")) continue;
        destinations[i].matches[j] = {
            "", "m" + std::to_string(j) + ".d" + std::to_string(i) + ".invalid", {}};
      }
    }
    for (const Failure& failure : Policy::Check(destinations, parts.fallback)) {
      // A Failure's message begins with its field.
      Add(failure.field, failure.message.substr(failure.field.size() + 2));
    }
  }

  void Add(const std::string& path, std::string message, ConfigCause cause = ConfigCause::kValue) {
    if (problems_.size() >= kMaxConfigProblems || ReportedBelow(path)) return;
    const YamlMark mark = places_.Find(path);
    problems_.push_back({mark.line, mark.column, path, std::move(message), cause});
  }

 private:
  bool ReportedBelow(const std::string& path) const {
    const auto next = reported_.lower_bound(path);
    return next != reported_.end() && next->starts_with(path);
  }

  void CheckListen(const ListenOptions& listen) {
    std::set<std::string> taken;
    const auto check = [&](const std::string& address, const std::string& path) {
      const Result<ListenAddress> parsed = ParseListenAddress(address, path);
      const bool any_port = parsed.has_value() && parsed->port == 0 && parsed->path.empty();
      if (!any_port && !taken.insert(address).second) {
        Add(path, "another listener has this address");
      }
    };
    for (std::size_t i = 0; i < listen.grpc.size(); ++i) {
      check(listen.grpc[i], "listen.grpc[" + std::to_string(i) + "]");
    }
    check(listen.http, "listen.http");
    check(listen.admin, "listen.admin");
  }

  void CheckAddresses(const AddressChoice& choice, const std::string& path) {
    if (!choice.static_addresses.empty() && !choice.host_alias.empty()) {
      Add(path + ".addresses.host_alias", "not beside static, which leaves nothing to look up");
    }
    const auto other_family = [&choice](const IpAddress& address) {
      const bool v4 = address.family == IpAddress::Family::kIpv4;
      return choice.family == (v4 ? AddressFamily::kIpv6Only : AddressFamily::kIpv4Only);
    };
    if (choice.source.has_value() && other_family(*choice.source)) {
      Add(path + ".addresses.source", "not of the family that is asked for");
    }
    for (std::size_t i = 0; i < choice.static_addresses.size(); ++i) {
      if (!other_family(choice.static_addresses[i])) continue;
      Add(path + ".addresses.static[" + std::to_string(i) + "]",
          "not of the family that is asked for");
    }
  }

  void CheckProtocol(const Destination& destination, const std::string& path) {
    const auto only = [&destination](std::string_view scheme) {
      return std::all_of(
          destination.matches.begin(), destination.matches.end(),
          [scheme](const DestinationMatch& match) { return match.scheme == scheme; });
    };
    if (destination.matches.empty()) return;
    if (destination.protocol == Protocol::kH2c && only("https")) {
      Add(path + ".protocol", "h2c is for http URLs, and no match is");
    }
    if (destination.protocol == Protocol::kHttp2 && only("http")) {
      Add(path + ".protocol", "h2 is for https URLs, and no match is; h2c is for http");
    }
  }

  // `Limits` is PoolLimits or RetryLimits.
  template <typename Limits>
  void CheckBackoff(const Limits& limits, const std::string& path) {
    if (limits.backoff_max < limits.backoff_initial) {
      Add(path + ".backoff_max", "must not be less than backoff_initial");
    }
  }

  void CheckDefaultBackoffs(const Destination& defaults) {
    CheckBackoff(defaults.pool, "defaults.pool");
    CheckBackoff(defaults.retry, "defaults.retry");
  }

  // Only what is not inherited: that was said once.
  void CheckBackoffs(const Destination& destination, const Destination& defaults,
                     const std::string& path) {
    const auto same = [](const auto& a, const auto& b) {
      return a.backoff_initial == b.backoff_initial && a.backoff_max == b.backoff_max;
    };
    if (!same(destination.pool, defaults.pool)) CheckBackoff(destination.pool, path + ".pool");
    if (!same(destination.retry, defaults.retry)) CheckBackoff(destination.retry, path + ".retry");
  }

  const KeyPlaces& places_;
  std::vector<ConfigProblem>& problems_;
  std::set<std::string> reported_;  // paths
};

ConfigProblems InOrder(std::string_view file, std::vector<ConfigProblem> problems,
                       FileDigests files) {
  std::stable_sort(problems.begin(), problems.end(),
                   [](const ConfigProblem& a, const ConfigProblem& b) {
                     return std::tie(a.line, a.column) < std::tie(b.line, b.column);
                   });
  return ConfigProblems{std::string(file), std::move(problems), std::move(files)};
}

// Looked up for each load: the system's roots may be others than when the daemon started.
void UseDefaultTls(Config& config, PolicyParts& parts) {
  config.default_tls = CurrentDefaultTlsProfile();
  const auto fill = [&config](Destination& destination) {
    if (destination.tls == nullptr) destination.tls = config.default_tls;
  };
  fill(parts.fallback);
  for (Destination& destination : parts.destinations) fill(destination);
}

}  // namespace

std::string_view Label(ConfigCause cause) {
  static constexpr std::array<std::string_view, 5> kLabels = {"value", "text", "file", "tls",
                                                              "proxy"};
  return kLabels.at(static_cast<std::size_t>(cause));
}

std::string ConfigProblems::Text() const {
  std::string text;
  for (const ConfigProblem& problem : problems) {
    text += EscapeForError(file, 4096);
    if (problem.line > 0) {
      text += ":" + std::to_string(problem.line) + ":" + std::to_string(problem.column);
    }
    text += ": ";
    if (!problem.path.empty()) text += problem.path + ": ";
    text += problem.message + "\n";
  }
  if (problems.size() >= kMaxConfigProblems) {
    text += EscapeForError(file, 4096) + ": there may be more\n";
  }
  return text;
}

Config DefaultConfig() {
  Config config;
  auto policy = Policy::Build(1, {}, Destination{}, RequestFieldLimits{});
  SPILLWAY_CHECK(policy.has_value());
  config.policy = *std::move(policy);
  return config;
}

ConfigResult LoadConfig(const std::string& path, std::uint64_t policy_version,
                        const ConfigInputs& inputs) {
  std::string text;
  std::string problem = inputs.read_file(path, text);
  if (!problem.empty()) {
    return ConfigProblems{
        path, {ConfigProblem{0, 0, "", std::move(problem), ConfigCause::kText}}, {{path, ""}}};
  }
  return ParseConfig(text, path, policy_version, inputs);
}

ConfigResult ParseConfig(std::string_view text, std::string_view file, std::uint64_t policy_version,
                         const ConfigInputs& inputs) {
  Config config;
  config.files[std::string(file)] = ContentDigest(text);
  std::vector<ConfigProblem> problems;
  const std::optional<YamlNode> root = ReadYaml(text, problems);
  if (!root.has_value()) {
    for (ConfigProblem& problem : problems) problem.cause = ConfigCause::kText;
    return InOrder(file, std::move(problems), std::move(config.files));
  }

  config::v1::Config message;
  KeyPlaces places;
  FillMessage(*root, message, places, problems);

  PolicyParts parts;
  ReadConfigMessage(message, config, parts);
  CrossChecks checks(places, problems);
  checks.Run(config, parts);
  const std::size_t slash = file.rfind('/');
  const std::string_view folder = slash == std::string_view::npos
                                      ? std::string_view()
                                      : file.substr(0, std::max<std::size_t>(slash, 1));
  LoadProfiles(
      folder, inputs,
      [&checks](const std::string& path, ConfigCause cause, std::string why) {
        checks.Add(path, std::move(why), cause);
      },
      config, parts);
  if (!problems.empty()) return InOrder(file, std::move(problems), std::move(config.files));
  UseDefaultTls(config, parts);

  auto policy = Policy::Build(policy_version, std::move(parts.destinations),
                              std::move(parts.fallback), parts.request);
  SPILLWAY_CHECK(policy.has_value());
  config.policy = *std::move(policy);
  return config;
}

std::string PrintEffectiveConfig(const Config& config) {
  return PrintYaml(WriteConfigMessage(config));
}

int CheckConfigCommand(const std::string& path, std::ostream& out, std::ostream& err) {
  const ConfigResult config = LoadConfig(path);
  if (!config.has_value()) {
    err << config.error().Text();
    return 1;
  }
  out << PrintEffectiveConfig(*config);
  return 0;
}

void throw_exception_from_error(const ConfigProblems&, const boost::source_location& where) {
  CheckFailed(where.file_name(), static_cast<int>(where.line()), "configuration is valid", "");
}

}  // namespace spillway
