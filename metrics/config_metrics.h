// What /metrics shows of the configuration: loads, the policy in force, its files and certificates.
//
// Thread safety: every function may be called from any thread.
// Invariants: until the first load nothing is shown; names of certificates come from configuration.

#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/exposition.h"
#include "transport/base/mutex.h"

namespace spillway {

// Why a configuration was refused (server/config.h's ConfigCause).
inline constexpr std::array<std::string_view, 5> kReloadCauses = {"value", "text", "file", "tls",
                                                                  "proxy"};

struct PolicyFacts {
  struct Certificate {
    std::string name;  // of the TLS profile
    std::chrono::system_clock::time_point not_after;
  };
  std::uint64_t version = 0;
  std::vector<Certificate> certificates;
  std::uint64_t insecure_profiles = 0;
};

class ConfigMetrics {
 public:
  using WallTime = std::chrono::system_clock::time_point;

  // A load succeeded, or failed for `cause`, one of kReloadCauses (any other text counts as none).
  void OnLoaded(WallTime at);
  void OnRefused(std::string_view cause);
  void OnPolicy(PolicyFacts facts);
  // How many watched files do not have the content that is in force.
  void OnStaleFiles(std::uint64_t count);

  void Write(Exposition& out) const;

 private:
  enum class Load : std::uint8_t { kNone, kRefused, kGood };

  mutable Mutex mu_;
  Load last_ SPILLWAY_GUARDED_BY(mu_) = Load::kNone;
  double loaded_at_ SPILLWAY_GUARDED_BY(mu_) = 0;  // Unix time; 0: never
  std::array<std::uint64_t, kReloadCauses.size()> refused_ SPILLWAY_GUARDED_BY(mu_){};
  PolicyFacts policy_ SPILLWAY_GUARDED_BY(mu_);
  std::uint64_t stale_files_ SPILLWAY_GUARDED_BY(mu_) = 0;
};

}  // namespace spillway
