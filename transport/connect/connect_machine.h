// Which step of getting connected comes next, how long it may take, and what its failure means.
//
// What it is: a pure machine over the plans of a route, in their order. A dial asks for the step to
// take, takes it, and tells how it went. One budget covers all plans and all steps (D10, K6); a
// proxy that cannot be used hands on to the next plan, a refusal never does (O-307).
// Thread safety: none; one dial, one thread.
// Invariants: each plan is begun at most once; after kDone or kFailed nothing follows; every
// failure has Delivery::kNotSent.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "transport/base/dial_step.h"
#include "transport/base/failure.h"
#include "transport/base/instant.h"
#include "transport/connect/connect_plan.h"

namespace spillway {

enum class ConnectStep : std::uint8_t { kTcp, kProxyTls, kTunnel, kOriginTls, kDone, kFailed };

class ConnectMachine {
 public:
  ConnectMachine(std::vector<ConnectPlan> plans, Instant now);

  // Each answers with the step to take now.
  ConnectStep Begin(Instant now);
  ConnectStep OnStepDone(Instant now);
  // `failure` as the step saw it; what it says about proxies and phases is settled here.
  ConnectStep OnStepFailed(Failure failure, Instant now);
  // Of TCP, before it is told how that went: this much of it was the lookup of the name.
  void NoteLookup(Duration took) { lookup_ = took; }
  // deadline() passed. `detail` is what the step can add, such as the addresses tried.
  ConnectStep OnDeadline(std::string_view detail, Instant now);

  ConnectStep step() const { return step_; }
  const ConnectPlan& plan() const { return plans_[current_]; }
  // Of the step under way.
  Instant deadline() const { return deadline_; }
  const Failure& failure() const { return failure_; }

  // How long each part took, over all plans.
  Duration tcp() const { return took_[0]; }  // with the lookup of names
  Duration proxying() const { return took_[1] + took_[2]; }
  Duration securing() const { return took_[3]; }
  // What was done until now, at most kMaxDialSteps.
  DialSteps TakeSteps() { return std::exchange(steps_, {}); }

 private:
  ConnectStep Enter(ConnectStep step, Instant now);
  ConnectStep NextPlan(Failure failure, Instant now);
  Failure TimedOut(std::string_view detail) const;
  void Account(Instant now, Reason error);
  void AddStep(DialStep step);

  std::vector<ConnectPlan> plans_;
  std::size_t current_ = 0;
  ConnectStep step_ = ConnectStep::kFailed;
  Instant end_;                // of everything
  Instant plan_end_ = kNever;  // of the plan under way
  Instant deadline_ = kNever;
  Instant entered_{};
  Duration took_[4] = {};
  Duration lookup_{};  // of the TCP step under way
  DialSteps steps_;
  Failure failure_;
};

// What is spoken once TLS with the origin agreed on `alpn` ("" for nothing), or without TLS.
// Errors: the origin chose what was not offered, or not what policy demands (O-229, O-230).
enum class Spoken : std::uint8_t { kHttp1, kHttp2 };
Result<Spoken> SpokenProtocol(const ConnectPlan& plan, std::string_view alpn);

}  // namespace spillway
