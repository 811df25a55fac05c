// A HostPool under the eyes of its oracles. Simulations and fuzzing drive it.
//
// What it owns: the pool and the oracles.
// Thread safety: none.

#pragma once

#include <utility>

#include "tests/sim/pool_event.h"
#include "tests/sim/pool_oracles.h"

namespace spillway {

class CheckedPool {
 public:
  CheckedPool(const PoolLimits& limits, std::uint64_t seed, Duration longest_dial,
              PoolOracles::OnViolation on_violation)
      : pool_(limits, seed), oracles_(pool_, longest_dial, std::move(on_violation)) {}

  // Runs one event and judges it. The actions stay until the next.
  const Actions& Handle(const PoolEvent& event) {
    actions_.clear();
    oracles_.BeginEvent(event);
    const std::uint32_t result = Run(pool_, event, actions_);
    for (const Action& action : actions_) oracles_.Check(action);
    oracles_.EndEvent(result);
    return actions_;
  }

  const HostPool& pool() const { return pool_; }
  PoolModel& model() { return oracles_.model(); }
  PoolOracles& oracles() { return oracles_; }
  const PoolOracles& oracles() const { return oracles_; }

 private:
  HostPool pool_;
  PoolOracles oracles_;
  Actions actions_;
};

}  // namespace spillway
