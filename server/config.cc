#include "server/config.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ostream>
#include <set>
#include <system_error>
#include <tuple>
#include <utility>

#include "server/config_binding.h"
#include "server/config_print.h"
#include "server/config_schema.h"
#include "server/listen_address.h"
#include "server/yaml_reader.h"
#include "transport/base/check.h"

namespace spillway {
namespace {

// Owns a descriptor for the length of a scope.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

// Reads `path` into `text`, a little more than is allowed at most, so that a file that never ends
// does no harm. Returns what went wrong, "" when nothing did.
std::string ReadFile(const std::string& path, std::string& text) {
  const auto failed = [](int error) {
    return "cannot be read: " + std::generic_category().message(error);
  };
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return failed(errno);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return failed(errno);
  if (S_ISDIR(info.st_mode)) return failed(EISDIR);
  std::string block(64 * 1024, '\0');
  while (text.size() <= kMaxConfigBytes) {
    const ssize_t count = ::read(file.get(), block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed(errno);
    if (count == 0) break;
    text.append(block, 0, static_cast<std::size_t>(count));
  }
  return "";
}

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
    const PoolLimits& defaults = parts.fallback.pool;
    CheckBackoff(defaults, "defaults");
    std::vector<Destination> destinations = parts.destinations;
    for (std::size_t i = 0; i < destinations.size(); ++i) {
      const std::string path = "destinations[" + std::to_string(i) + "]";
      const PoolLimits& pool = destinations[i].pool;
      const bool inherited = pool.backoff_initial == defaults.backoff_initial &&
                             pool.backoff_max == defaults.backoff_max;
      if (!inherited) CheckBackoff(pool, path);
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

 private:
  void Add(const std::string& path, std::string message) {
    if (problems_.size() >= kMaxConfigProblems || reported_.contains(path)) return;
    const YamlMark mark = places_.Find(path);
    problems_.push_back({mark.line, mark.column, path, std::move(message)});
  }

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

  void CheckBackoff(const PoolLimits& pool, const std::string& path) {
    if (pool.backoff_max < pool.backoff_initial) {
      Add(path + ".pool.backoff_max", "must not be less than backoff_initial");
    }
  }

  const KeyPlaces& places_;
  std::vector<ConfigProblem>& problems_;
  std::set<std::string> reported_;  // paths
};

ConfigProblems InOrder(std::string_view file, std::vector<ConfigProblem> problems) {
  std::stable_sort(problems.begin(), problems.end(),
                   [](const ConfigProblem& a, const ConfigProblem& b) {
                     return std::tie(a.line, a.column) < std::tie(b.line, b.column);
                   });
  return ConfigProblems{std::string(file), std::move(problems)};
}

}  // namespace

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

ConfigResult LoadConfig(const std::string& path, std::uint64_t policy_version) {
  std::string text;
  std::string problem = ReadFile(path, text);
  if (!problem.empty()) {
    return ConfigProblems{path, {ConfigProblem{0, 0, "", std::move(problem)}}};
  }
  return ParseConfig(text, path, policy_version);
}

ConfigResult ParseConfig(std::string_view text, std::string_view file,
                         std::uint64_t policy_version) {
  std::vector<ConfigProblem> problems;
  const std::optional<YamlNode> root = ReadYaml(text, problems);
  if (!root.has_value()) return InOrder(file, std::move(problems));

  config::v1::Config message;
  KeyPlaces places;
  FillMessage(*root, message, places, problems);

  Config config;
  PolicyParts parts;
  ReadConfigMessage(message, config, parts);
  CrossChecks(places, problems).Run(config, parts);
  if (!problems.empty()) return InOrder(file, std::move(problems));

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
