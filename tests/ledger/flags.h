// Command line and printed summary of the two-ledger programs.
//
// Thread safety: plain values; called from main and from tests.

#pragma once

#include <cstdint>
#include <vector>

#include "tests/ledger/entry.h"

namespace spillway {

struct LedgerFlags {
  std::uint64_t requests = 20000;
  std::uint64_t seed = 1;
  std::uint64_t faults_per_million = 30000;
  std::uint64_t callers = 16;
};

// Reads --requests=N, --seed=N, --faults_per_million=N, --callers=N. False, with a message, for
// anything else.
bool ReadLedgerFlags(int argc, char** argv, LedgerFlags& flags);

// Prints how many requests ended in which way.
void ReportOutcomes(const LedgerFlags& flags, const std::vector<CallerEntry>& entries,
                    std::size_t events);

}  // namespace spillway
