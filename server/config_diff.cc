#include "server/config_diff.h"

#include <cstddef>
#include <map>

#include "server/config_binding.h"

namespace spillway {
namespace {

// Names to a text that is equal when nothing has changed.
using Entries = std::map<std::string, std::string>;

ConfigDiff::Names Compare(const Entries& before, const Entries& after) {
  ConfigDiff::Names names;
  for (const auto& [name, content] : after) {
    const auto old = before.find(name);
    if (old == before.end()) {
      names.added.push_back(name);
    } else if (old->second != content) {
      names.changed.push_back(name);
    }
  }
  for (const auto& [name, content] : before) {
    if (!after.contains(name)) names.removed.push_back(name);
  }
  return names;
}

Entries Destinations(const config::v1::Config& message) {
  Entries entries;
  for (const auto& entry : message.destinations()) {
    entries[entry.name()] = entry.SerializeAsString();
  }
  return entries;
}

Entries Profiles(const config::v1::Config& message, const Config& config) {
  Entries entries;
  for (std::size_t i = 0; i < config.tls.size(); ++i) {
    entries[config.tls[i]->name] =
        config.tls[i]->digest + message.tls_profiles(static_cast<int>(i)).SerializeAsString();
  }
  return entries;
}

Entries Proxies(const config::v1::Config& message, const Config& config) {
  Entries entries;
  for (std::size_t i = 0; i < config.proxy_servers.size(); ++i) {
    entries[config.proxy_servers[i]->name] =
        config.proxy_servers[i]->credential_digest +
        message.proxies(static_cast<int>(i)).SerializeAsString();
  }
  return entries;
}

void AddLine(const char* what, const std::vector<std::string>& names,
             std::vector<std::string>& lines) {
  if (names.empty()) return;
  std::string line = what;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i == kMaxDiffNames) {
      line += " and " + std::to_string(names.size() - i) + " more";
      break;
    }
    line += (i == 0 ? ": " : ", ") + names[i];
  }
  lines.push_back(std::move(line));
}

}  // namespace

bool ConfigDiff::SamePolicy() const {
  return destinations == Names{} && tls_profiles == Names{} && proxies == Names{} &&
         sections.empty();
}

std::vector<std::string> ConfigDiff::Lines() const {
  std::vector<std::string> lines;
  AddLine("destinations added", destinations.added, lines);
  AddLine("destinations removed", destinations.removed, lines);
  AddLine("destinations changed", destinations.changed, lines);
  AddLine("TLS profiles added", tls_profiles.added, lines);
  AddLine("TLS profiles removed", tls_profiles.removed, lines);
  AddLine("TLS profiles changed", tls_profiles.changed, lines);
  AddLine("proxies added", proxies.added, lines);
  AddLine("proxies removed", proxies.removed, lines);
  AddLine("proxies changed", proxies.changed, lines);
  AddLine("changed", sections, lines);
  return lines;
}

ConfigDiff DiffConfigs(const Config& before, const Config& after) {
  const config::v1::Config old = WriteConfigMessage(before);
  const config::v1::Config now = WriteConfigMessage(after);
  ConfigDiff diff;
  diff.destinations = Compare(Destinations(old), Destinations(now));
  diff.tls_profiles = Compare(Profiles(old, before), Profiles(now, after));
  diff.proxies = Compare(Proxies(old, before), Proxies(now, after));
  const auto section = [](const char* name, const auto& a, const auto& b,
                          std::vector<std::string>& out) {
    if (a.SerializeAsString() != b.SerializeAsString()) out.emplace_back(name);
  };
  section("defaults", old.defaults(), now.defaults(), diff.sections);
  section("request", old.request(), now.request(), diff.sections);
  const auto digest = [](const TlsProfilePtr& profile) {
    return profile == nullptr ? std::string() : profile->digest;
  };
  if (digest(before.default_tls) != digest(after.default_tls)) {
    diff.sections.emplace_back("the system's roots");
  }
  if (old.unmatched() != now.unmatched()) diff.sections.emplace_back("unmatched");
  section("listen", old.listen(), now.listen(), diff.needs_restart);
  section("front", old.front(), now.front(), diff.needs_restart);
  section("drain", old.drain(), now.drain(), diff.needs_restart);
  section("process", old.process(), now.process(), diff.needs_restart);
  section("cookies", old.cookies(), now.cookies(), diff.needs_restart);
  return diff;
}

}  // namespace spillway
