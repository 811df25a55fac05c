// One seed, one life of a HostPool among callers, dials, origins and operators that misbehave.
//
// What it is: the actors. Each schedules events in virtual time and reacts to the pool's actions;
// all go through CheckedPool, so every event is judged by every oracle. After the stormy time no
// more faults are injected, and all must come to an end (liveness).
// What it owns: the pool, its oracles, the clock, the last events.
// Thread safety: none.

#pragma once

#include <cstdio>
#include <deque>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/sim/checked_pool.h"
#include "tests/sim/pool_scenario.h"
#include "tests/sim/random.h"
#include "tests/sim/virtual_time.h"

namespace spillway {

class PoolSimulator {
 public:
  PoolSimulator(std::uint64_t seed, PoolOracles::OnViolation on_violation);

  void Run();

  std::uint64_t event_count() const { return event_count_; }
  const PoolCoverage& coverage() const { return pool_.oracles().coverage(); }
  // The last events with their actions, oldest first.
  void PrintTail(std::FILE* out) const;

 private:
  void Handle(PoolEvent event);
  void React(const Actions& actions);
  PoolEvent About(PoolEventKind kind, ConnId conn = {}) const;
  bool stormy() const { return time_.now() < calm_at_; }
  bool Fault(unsigned percent) { return stormy() && random_.Percent(percent); }

  // Callers.
  void ScheduleBurst(unsigned left);
  void Arrive();
  // Dials.
  void StartDial(ConnId conn);
  void EndDial(ConnId conn, bool connects);
  void Deny(ConnId conn);
  std::uint32_t DrawCapacity();
  // Exchanges.
  void StartExchange(ConnId conn);
  void EndExchange(ConnId conn);
  ReleaseVerdict DrawVerdict();
  // Origin and operator.
  void ScheduleSurroundings();
  void Scatter(unsigned times, void (PoolSimulator::*act)());
  void CloseSomeIdle();
  void SendGoAway();
  void ChangeCapacity();
  void ToggleOutage();
  CloseReason DrawReason();
  void Flush();
  void RetireOne();
  void AnswerWithGoAway(ConnId conn);
  void PurgeIdle() { Handle(About(PoolEventKind::kCloseIdle)); }
  void Evict() { Handle(About(PoolEventKind::kEvict)); }
  void Drain() { Handle(About(PoolEventKind::kDrain)); }
  void ChangeLimits();
  void UseStaleHandle();
  void CalmDown();
  // The shell's timer.
  void ScheduleTick();
  void OnTimer(Instant scheduled_for);
  const ModelConnection* SomeConnection(bool idle);

  static constexpr std::size_t kTail = 200;
  static constexpr std::uint64_t kMostSteps = 100'000;

  Random random_;
  PoolScenario scenario_;
  VirtualTime time_{Instant(seconds(1))};
  Instant calm_at_;
  PoolOracles::OnViolation on_violation_;
  CheckedPool pool_;
  WaiterId last_waiter_ = 0;
  bool outage_ = false;
  Instant tick_at_ = kNever;
  std::vector<ConnId> gone_;  // handles that must reach nothing
  std::deque<std::pair<PoolEvent, Actions>> tail_;
  std::uint64_t event_count_ = 0;
};

}  // namespace spillway
