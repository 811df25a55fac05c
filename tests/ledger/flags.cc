#include "tests/ledger/flags.h"

#include <array>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "tests/origin/text.h"

namespace spillway {

bool ReadLedgerFlags(int argc, char** argv, LedgerFlags& flags) {
  const std::array<std::pair<std::string_view, std::uint64_t*>, 4> known = {{
      {"--requests=", &flags.requests},
      {"--seed=", &flags.seed},
      {"--faults_per_million=", &flags.faults_per_million},
      {"--callers=", &flags.callers},
  }};
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    bool read = false;
    for (const auto& [name, value] : known) {
      if (!argument.starts_with(name)) continue;
      const auto number = ReadNumber(argument.substr(name.size()));
      if (number.has_value()) *value = *number;
      read = number.has_value();
    }
    if (!read) {
      std::fprintf(stderr, "unknown or bad flag: %s\n", argv[i]);
      return false;
    }
  }
  return true;
}

void ReportOutcomes(const LedgerFlags& flags, const std::vector<CallerEntry>& entries,
                    std::size_t events) {
  std::map<std::string, std::uint64_t> outcomes;
  for (const CallerEntry& entry : entries) {
    ++outcomes[entry.ok ? (entry.attempts > 1 ? "ok after a retry" : "ok")
                        : entry.reason + "/" + entry.delivery];
  }
  std::printf("seed %llu: %zu requests, %zu events at the origin\n",
              static_cast<unsigned long long>(flags.seed), entries.size(), events);
  for (const auto& [outcome, count] : outcomes) {
    std::printf("  %8llu %s\n", static_cast<unsigned long long>(count), outcome.c_str());
  }
}

}  // namespace spillway
