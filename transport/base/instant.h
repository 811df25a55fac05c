// Points in time and lengths of time, for code that must never read a clock.
//
// What it is: `Instant` is a point on a clock that starts at boot and keeps counting through a
// suspend (CLOCK_BOOTTIME), so that a connection ages while the machine sleeps (behaviour I2) and
// wall-clock jumps change nothing (case X-024). `Duration` is nanoseconds.
// Thread safety: plain values.
// Invariants: arithmetic here saturates at kNever and at the clock's zero (case X-025). There is
// deliberately no way to ask for the current time; transport/io/clock.h is the only door.

#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace spillway {

using Duration = std::chrono::nanoseconds;

// Names the clock of an Instant. Has no now(): pure code cannot read it.
struct BootClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;
};

using Instant = BootClock::time_point;

// Later than every other Instant: "no deadline", "no timer".
inline constexpr Instant kNever = Instant::max();

// Longer than every other Duration: "no limit".
inline constexpr Duration kForever = Duration::max();

// `at + by`, saturating at kNever. `by` may be negative; never earlier than the clock's zero.
constexpr Instant After(Instant at, Duration by) {
  if (at == kNever || by == kForever) return kNever;
  const auto start = at.time_since_epoch().count();
  const auto step = by.count();
  if (step >= 0) {
    return start > kNever.time_since_epoch().count() - step ? kNever
                                                            : Instant(Duration(start + step));
  }
  return start < -(step + 1) ? Instant() : Instant(Duration(start + step));
}

// Time left until `deadline`: zero when it has passed, kForever when there is none.
constexpr Duration Until(Instant deadline, Instant now) {
  if (deadline == kNever) return kForever;
  return std::max(Duration::zero(), deadline - now);
}

constexpr double ToSeconds(Duration d) {
  return std::chrono::duration_cast<std::chrono::duration<double>>(d).count();
}

}  // namespace spillway
