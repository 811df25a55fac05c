// What one seed means: the limits of a pool and the character of its surroundings.
//
// Thread safety: plain values.

#pragma once

#include <cstdint>

#include "tests/sim/random.h"
#include "transport/base/options.h"

namespace spillway {

struct PoolScenario {
  PoolLimits limits;
  bool many_streams = false;  // HTTP/2: capacities above one, that change
  bool changes_limits = false;
  bool drains = false;
  Duration longest_dial{};  // what takes longer is given up
  Duration stormy{};        // until then things go wrong; after it nothing does
  unsigned bursts = 0;
  unsigned burst_size = 0;  // at most
  Duration longest_exchange{};

  // In per cent of their occasions.
  unsigned refused = 0;     // dials
  unsigned unanswered = 0;  // dials
  unsigned denied = 0;      // dials, by the process-wide budget
  unsigned cancelled = 0;   // waiters
  unsigned fresh = 0;       // waiters
  unsigned without_deadline = 0;
  unsigned given_back_unused = 0;  // grants
  unsigned broken = 0;             // exchanges: the connection dies under them
  unsigned not_reusable = 0;
  unsigned going_away = 0;  // exchanges answered with GOAWAY
  unsigned hinted = 0;      // exchanges with a Keep-Alive hint
  unsigned lagging = 0;     // events whose time is a little behind
  unsigned late_ticks = 0;

  // How often each happens in the stormy time.
  unsigned idle_closes = 0;
  unsigned goaways = 0;
  unsigned capacity_changes = 0;
  unsigned outages = 0;
  unsigned flushes = 0;
  unsigned retirements = 0;  // connections whose address or certificate changed
  unsigned idle_purges = 0;
  unsigned evictions = 0;
  unsigned stale_handles = 0;
};

// No event's time lags behind by more.
inline constexpr Duration kMostLag = std::chrono::milliseconds(3);

PoolScenario DrawPoolScenario(Random& random);
PoolLimits DrawPoolLimits(Random& random, bool age_jitter);

}  // namespace spillway
