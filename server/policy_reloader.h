// Puts a new configuration into force, or says why not.
//
// What it is: reads the whole file and all that it names, and only when everything is good gives
// the transport a policy with the next version (X-026, KG16). A bad file changes nothing: the log
// says why once, metrics show it. Settings that a running daemon cannot change are named, not
// applied. ReloadThread (server/reload_thread.h) says when.
// What it owns: the configuration in force.
// Thread safety: config() from any thread; the rest from one thread.
// Invariants: versions rise by one with each policy that differs from the one before; what config()
// returns is what the daemon runs on.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/config_metrics.h"
#include "server/config.h"
#include "server/config_diff.h"
#include "server/file_watch.h"
#include "transport/base/mutex.h"

namespace spillway {

enum class ReloadTrigger : std::uint8_t { kSignal, kAdmin, kFileChange };
std::string_view Label(ReloadTrigger trigger);  // signal, admin, file change

struct ReloadOutcome {
  enum class Kind : std::uint8_t { kApplied, kUnchanged, kRefused, kNoFile, kEnding } kind;
  std::uint64_t version = 0;  // in force afterwards
  ConfigDiff diff;
  std::string problems;  // kRefused: one a line
};

struct PolicyReloaderOptions {
  std::string path;  // "": the daemon runs without a file
  const ConfigInputs* inputs = &SystemInputs();
  std::function<void(Config&)> apply_flags;                         // never null
  std::function<void(std::shared_ptr<const Policy>)> apply_policy;  // never null
  ConfigMetrics* metrics = nullptr;                                 // never null
  // Tells the contents of files as FileProbe does, which null stands for.
  std::function<FileDigests(const std::vector<std::string>& paths)> digests = {};
};

class PolicyReloader {
 public:
  // `in_force` is what the daemon starts with, loaded from `options.path`.
  PolicyReloader(PolicyReloaderOptions options, Config in_force);

  ReloadOutcome Reload(ReloadTrigger trigger);
  // To be called every kFilePollInterval: reloads when the files have changed.
  void Poll(Instant now);

  std::shared_ptr<const Config> config() const;

 private:
  ReloadOutcome Refuse(ReloadTrigger trigger, const ConfigProblems& problems);
  void PutIntoForce(Config config);
  void TellPolicy(const Config& config);

  const PolicyReloaderOptions options_;
  FileWatch watch_;
  FileProbe probe_;
  mutable Mutex mu_;
  std::shared_ptr<const Config> config_ SPILLWAY_GUARDED_BY(mu_);
};

}  // namespace spillway
