// What a new configuration changes, by name.
//
// Thread safety: plain values; a pure function.
// Invariants: names only, never values; what was read from files counts by its content.

#pragma once

#include <string>
#include <vector>

#include "server/config.h"

namespace spillway {

struct ConfigDiff {
  struct Names {
    std::vector<std::string> added;
    std::vector<std::string> removed;
    std::vector<std::string> changed;

    bool operator==(const Names&) const = default;
  };

  Names destinations;
  Names tls_profiles;
  Names proxies;
  std::vector<std::string> sections;  // "defaults", "request", "unmatched", "the system's roots"
  std::vector<std::string> needs_restart;  // "listen", "front", "drain", "process": not applied

  // Nothing that a policy is made of has changed.
  bool SamePolicy() const;
  // One a kind of change: "destinations added: a, b". Lists are cut at kMaxDiffNames.
  std::vector<std::string> Lines() const;

  bool operator==(const ConfigDiff&) const = default;
};

inline constexpr std::size_t kMaxDiffNames = 20;

ConfigDiff DiffConfigs(const Config& before, const Config& after);

}  // namespace spillway
