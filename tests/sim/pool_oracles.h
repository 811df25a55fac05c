// What the pool's policy promises, each sentence as a check of its own.
//
// What it is: judges one HostPool event by event against the books of pool_model.h: BeginEvent()
// what comes in, Check() each action as it is taken, EndEvent() how things then stand. A broken
// promise is reported by the oracle's name. What it owns: the model. It only reads the pool. Thread
// safety: none.

#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string_view>

#include "tests/sim/pool_event.h"
#include "tests/sim/pool_model.h"

namespace spillway {

// What a simulation saw; a history in which something never happened proves nothing about it.
struct PoolCoverage {
  std::array<std::uint64_t, kPoolEventKinds> events{};
  std::array<std::uint64_t, static_cast<std::size_t>(CloseReason::kFlood) + 1> closes{};
  std::array<std::uint64_t, static_cast<std::size_t>(Reason::kReasonCount)> fails{};
  std::uint64_t dials = 0;
  std::uint64_t grants = 0;
  std::uint64_t grants_idle = 0;
  std::uint64_t grants_new = 0;
  std::uint64_t grants_coalesced = 0;
  std::uint64_t grants_stream = 0;
  std::uint64_t grants_to_fresh = 0;
  std::uint64_t stale_events = 0;
  std::uint64_t late_cancels = 0;
  std::uint64_t stranded = 0;  // failed with others by one dial
  std::uint64_t gave_way_to_fresh = 0;
  std::uint64_t probes = 0;     // single dials after a back-off
  std::uint64_t forgotten = 0;  // failures outlived
  std::uint64_t dead_origin_waits = 0;
  std::uint64_t ahead_of_need = 0;    // dials that relieve a crowd
  std::uint64_t spread = 0;           // grants to the least loaded of several
  std::uint64_t passed_over = 0;      // grants beside one that is to fall idle
  std::uint64_t woken = 0;            // idle connections taken for a crowd
  std::uint64_t barred = 0;           // waits beside a connection that allows nothing
  std::uint64_t fruitless = 0;        // back-offs after fruitless connections
  std::uint64_t idle_past_limit = 0;  // multiplexed ones that max_idle does not count
};

class PoolOracles {
 public:
  using OnViolation = std::function<void(std::string_view oracle)>;

  // `longest_dial`: no dial takes longer. kForever switches the oracle that needs it off.
  PoolOracles(const HostPool& pool, Duration longest_dial, OnViolation on_violation);

  void BeginEvent(const PoolEvent& event);
  void Check(const Action& action);
  void EndEvent(std::uint32_t result);
  // Nothing runs any more: all must be gone.
  void AtRest();

  PoolModel& model() { return model_; }
  const PoolCoverage& coverage() const { return coverage_; }

 private:
  void Require(bool holds, std::string_view oracle) {
    if (!holds) on_violation_(oracle);
  }
  bool EventIs(PoolEventKind kind) const { return model_.event->kind == kind; }

  void CheckDial(const DialAction& dial);
  void CheckGrant(const GrantAction& grant);
  void CheckChoice(const ModelConnection& granted);
  void CheckNewestIdle(const ModelConnection& granted);
  void CheckFail(const FailAction& fail);
  bool IsLastDialFailure(const Failure& why) const;
  void CheckDialFailureReaches(const ModelWaiter& waiter);
  void CheckClose(const CloseAction& close);
  bool MayCloseIdle(const ModelConnection& c, CloseReason why);
  bool MayCloseAsSurplus(const ModelConnection& c);
  void CheckDeadOrigin(const ModelWaiter& waiter);

  // pool_oracles_after.cc
  void NoteDialFailure();
  void NoteBackoff(std::shared_ptr<const Failure> why);
  void CheckForgetting();
  void CheckResult(std::uint32_t result);
  void CheckConnections();
  void CheckWaiters();
  void CheckWorkConserving();
  void CheckDemandIsMet();
  void CheckTimers();
  void CheckSnapshot();

  const HostPool& pool_;
  Duration longest_dial_;
  OnViolation on_violation_;
  PoolModel model_;
  PoolCoverage coverage_;
  bool was_backing_off_ = false;
  bool backs_off_ = false;  // the event at hand began a back-off
  std::uint32_t idle_before_ = 0;
};

}  // namespace spillway
