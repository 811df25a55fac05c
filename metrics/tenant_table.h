// Round trips by caller, for a bounded number of callers.
//
// What it is: the first kMaxTenants identities get a counter of their own for good, later ones
// share `_other` (C-080). Identities come from certificates that were verified or from the kernel,
// never from a request.
// What it owns: its counters and the identities' names.
// Thread safety: every function may be called from any thread. Count takes no lock but for an
// identity that was never seen, while there is room.
// Invariants: counters never decrease.

#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "metrics/names.h"
#include "metrics/striped_counter.h"
#include "transport/base/mutex.h"

namespace spillway {

class TenantTable {
 public:
  static constexpr std::size_t kMaxTenants = 64;

  // `tenant` "" is nobody in particular, and has a counter of its own.
  void Count(std::string_view tenant);
  // Each tenant that was counted: "" and `_other` only when they were.
  void Read(const std::function<void(std::string_view tenant, std::uint64_t count)>& each) const;

 private:
  static constexpr std::size_t kNobody = kMaxTenants;
  static constexpr std::size_t kOther = kMaxTenants + 1;
  // Power of two, twice the tenants: chains of the open hash stay short, and always end.
  static constexpr std::size_t kBuckets = 2 * kMaxTenants;

  struct Entry {
    std::string name;
    std::size_t cell = 0;
  };

  std::size_t CellOf(std::string_view tenant);
  std::size_t AddCell(std::string_view tenant, std::size_t hash);

  StripedCells<kMaxTenants + 2> counts_;
  std::array<std::atomic<const Entry*>, kBuckets> buckets_{};  // point into entries_
  std::atomic<std::size_t> used_{0};                           // of entries_
  Mutex mu_;                                                   // for adding
  std::array<Entry, kMaxTenants> entries_;  // each written once, before it is pointed to
};

}  // namespace spillway
