// From instants that others took to a round trip's phases and events (M1 to M7).
//
// What it is: the parts of a timeline that are known only afterwards: a dial's steps when the wait
// for it is over, an exchange's moments when it ended.
// Thread safety: pure functions.
// Invariants: a timeline never exceeds kMaxTimelineEvents, and its last place is kept for the end.

#pragma once

#include <cstdint>
#include <vector>

#include "transport/base/dial_step.h"
#include "transport/base/instant.h"
#include "transport/connection/exchange.h"
#include "transport/records.h"

namespace spillway {

// A wait for a connection, as long as it lasted.
struct Wait {
  Instant began{};
  Instant ended{};
};

// What of `wait` went into each step of the dial, and the rest into the queue. A dial may have
// begun before anybody waited for it, and a connection may come before a dial that was meant to
// bring it (M3): only what lies within the wait counts.
void AddWait(const Wait& wait, const DialSteps& dial, Timings& timings);

void AddEvent(std::vector<TimelineEvent>& timeline, const TimelineEvent& event);
// The steps that ended within `wait`.
void AddDialEvents(const Wait& wait, const DialSteps& dial, std::uint32_t attempt,
                   std::vector<TimelineEvent>& timeline);
void AddExchangeEvents(const ExchangeResult& result, std::uint32_t attempt,
                       std::vector<TimelineEvent>& timeline);

// By time; what happened at once in the order that an exchange has on a fresh connection.
void SortEvents(std::vector<TimelineEvent>& timeline);

}  // namespace spillway
