#include "server/policy_reloader.h"

#include <array>
#include <chrono>
#include <utility>
#include <vector>

#include "server/log.h"
#include "transport/tls_profiles.h"

namespace spillway {
namespace {

constexpr std::size_t kMaxLoggedProblems = 10;

std::string Joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// What cannot change while the daemon runs stays as it is.
void KeepFixedParts(const Config& in_force, Config& config) {
  config.listen = in_force.listen;
  config.front = in_force.front;
  config.drain = in_force.drain;
  config.process = in_force.process;
  config.cookies = in_force.cookies;
}

}  // namespace

std::string_view Label(ReloadTrigger trigger) {
  static constexpr std::array<std::string_view, 3> kLabels = {"signal", "admin", "file change"};
  return kLabels.at(static_cast<std::size_t>(trigger));
}

PolicyReloader::PolicyReloader(PolicyReloaderOptions options, Config in_force)
    : options_(std::move(options)), probe_(*options_.inputs) {
  watch_.OnLoad(in_force.files);
  options_.metrics->OnLoaded(std::chrono::system_clock::now());
  TellPolicy(in_force);
  const MutexLock lock(mu_);
  config_ = std::make_shared<const Config>(std::move(in_force));
}

std::shared_ptr<const Config> PolicyReloader::config() const {
  const MutexLock lock(mu_);
  return config_;
}

ReloadOutcome PolicyReloader::Reload(ReloadTrigger trigger) {
  const std::shared_ptr<const Config> before = config();
  const std::uint64_t version = before->policy->version();
  if (options_.path.empty()) {
    Log(LogLevel::kWarning, "nothing to reload: the daemon runs without a configuration file");
    return {ReloadOutcome::Kind::kNoFile, version, {}, ""};
  }
  ConfigResult loaded = LoadConfig(options_.path, version + 1, *options_.inputs);
  if (!loaded.has_value()) return Refuse(trigger, loaded.error());

  Config config = std::move(*loaded);
  options_.apply_flags(config);
  watch_.OnLoad(config.files);
  options_.metrics->OnLoaded(std::chrono::system_clock::now());
  options_.metrics->OnStaleFiles(0);
  ReloadOutcome outcome{ReloadOutcome::Kind::kUnchanged, version, DiffConfigs(*before, config), ""};
  if (!outcome.diff.needs_restart.empty()) {
    Log(LogLevel::kWarning, "changed settings that need a restart",
        {{"keys", Joined(outcome.diff.needs_restart)}});
  }
  if (outcome.diff.SamePolicy()) {
    Log(LogLevel::kInfo, "configuration reloaded: the policy is the same",
        {{"trigger", Label(trigger)}, {"version", version}});
    // What the files hold now is what is in force, though it says the same in other words.
    auto same = std::make_shared<Config>(*before);
    same->files = std::move(config.files);
    const MutexLock lock(mu_);
    config_ = std::move(same);
    return outcome;
  }
  outcome.kind = ReloadOutcome::Kind::kApplied;
  outcome.version = version + 1;
  KeepFixedParts(*before, config);
  Log(LogLevel::kInfo, "configuration reloaded: new policy",
      {{"trigger", Label(trigger)}, {"version", outcome.version}});
  for (const std::string& line : outcome.diff.Lines()) {
    Log(LogLevel::kInfo, "policy", {{"version", outcome.version}, {"change", line}});
  }
  PutIntoForce(std::move(config));
  return outcome;
}

ReloadOutcome PolicyReloader::Refuse(ReloadTrigger trigger, const ConfigProblems& problems) {
  watch_.OnLoad(problems.files);
  options_.metrics->OnRefused(Label(problems.problems.front().cause));
  const std::uint64_t version = config()->policy->version();
  Log(LogLevel::kError, "configuration refused: the policy stays as it is",
      {{"trigger", Label(trigger)},
       {"version", version},
       {"problems", static_cast<std::uint64_t>(problems.problems.size())}});
  ConfigProblems shown{problems.file, problems.problems, {}};
  if (shown.problems.size() > kMaxLoggedProblems) shown.problems.resize(kMaxLoggedProblems);
  for (const ConfigProblem& problem : shown.problems) {
    std::string line = ConfigProblems{problems.file, {problem}, {}}.Text();
    line.pop_back();  // the line's end
    Log(LogLevel::kError, "configuration problem", {{"problem", line}});
  }
  return {ReloadOutcome::Kind::kRefused, version, {}, shown.Text()};
}

void PolicyReloader::PutIntoForce(Config config) {
  TellPolicy(config);
  auto shared = std::make_shared<const Config>(std::move(config));
  options_.apply_policy(shared->policy);
  const MutexLock lock(mu_);
  config_ = std::move(shared);
}

void PolicyReloader::TellPolicy(const Config& config) {
  PolicyFacts facts;
  facts.version = config.policy->version();
  const auto now = std::chrono::system_clock::now();
  for (const TlsProfilePtr& profile : config.tls) {
    if (profile->insecure) {
      ++facts.insecure_profiles;
      Log(LogLevel::kWarning, "INSECURE: a TLS profile verifies nothing",
          {{"tls_profile", profile->name}});
    }
    const std::vector<CertificateFact> certificates = ClientCertificateFacts(*profile);
    if (certificates.empty()) continue;
    facts.certificates.push_back({profile->name, certificates.front().not_after});
    if (certificates.front().not_after < now) {
      Log(LogLevel::kWarning, "the certificate of a TLS profile has expired",
          {{"tls_profile", profile->name}});
    }
  }
  options_.metrics->OnPolicy(std::move(facts));
}

void PolicyReloader::Poll(Instant now) {
  if (options_.path.empty()) return;
  const FileDigests contents =
      options_.digests ? options_.digests(watch_.paths()) : probe_.Digests(watch_.paths());
  const std::shared_ptr<const Config> in_force = config();
  std::uint64_t stale = 0;
  for (const auto& [path, digest] : in_force->files) {
    const auto found = contents.find(path);
    if (found != contents.end() && found->second != digest) ++stale;
  }
  options_.metrics->OnStaleFiles(stale);
  if (watch_.OnContents(contents, now)) Reload(ReloadTrigger::kFileChange);
}

}  // namespace spillway
