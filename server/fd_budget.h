// How the process's file descriptors are shared out, so that sockets to origins can never leave
// callers without one (cases X-019, finding 1).
//
// What it is: arithmetic over the descriptor limit: a reserve for everything that is neither a
// caller's nor an origin's connection, a share for the front, the rest for origins.
// Thread safety: RaiseDescriptorLimit changes the process; call it once, at start.

#pragma once

#include <cstdint>

#include "transport/base/failure.h"

namespace spillway {

struct FdBudget {
  std::uint32_t limit = 0;    // what it was made from
  std::uint32_t reserve = 0;  // listeners, event loops, resolver, log, metrics, admin
  std::uint32_t front = 0;    // callers' connections
  std::uint32_t origin = 0;   // origins' connections
};

struct FdDemand {
  std::uint32_t loops = 1;
  std::uint32_t front_wanted = 0;   // 0: a quarter of the limit, at most kMaxDefaultFront
  std::uint32_t origin_wanted = 0;  // 0: all that is left
};

inline constexpr std::uint32_t kMinDescriptors = 256;
inline constexpr std::uint32_t kMaxDefaultFront = 10'000;
// Above this a limit is as good as none.
inline constexpr std::uint32_t kMaxDescriptors = 1U << 20;

// Errors: a message saying which limit is too small for what.
Result<FdBudget> PlanDescriptors(std::uint64_t limit, const FdDemand& demand);

// Raises RLIMIT_NOFILE to the hard limit (at most kMaxDescriptors); returns what it is now.
std::uint64_t RaiseDescriptorLimit();

}  // namespace spillway
