// From ready to stopped: signals, drain, and the order in which things end.
//
// What it is: the main thread's loop. SIGTERM, SIGINT or a request for a drain begin the orderly
// end: health says NOT_SERVING; after the lame-duck time no new calls are admitted, listeners
// close, the transport drains; when every round trip has ended or the grace time is over, the
// servers shut down and Run returns. A second SIGTERM or SIGINT ends the process at once. SIGHUP
// asks for a reload of the configuration. What it owns: a signal descriptor and an event
// descriptor; not the parts it ends. Thread safety: BlockSignals and Run on the main thread; the
// rest from any thread. Invariants: states only move forward.

#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "server/admission.h"
#include "server/defaults.h"
#include "server/front.h"
#include "transport/transport.h"

namespace spillway {

class Lifecycle {
 public:
  enum class State : std::uint8_t { kStarting, kReady, kLameDuck, kDraining, kStopped };

  // What ends, in this order; all of it must outlive Run.
  struct Parts {
    Front* egress = nullptr;
    Front* admin = nullptr;
    Transport* transport = nullptr;
    Admission* admission = nullptr;
    // What SIGHUP asks for; must not block. May be null.
    std::function<void()> reload = {};
    // Ends the process at once with this exit status; replaced in tests.
    std::function<void(int)> end_now;
  };

  explicit Lifecycle(const DrainOptions& options);
  ~Lifecycle();
  Lifecycle(const Lifecycle&) = delete;
  Lifecycle& operator=(const Lifecycle&) = delete;

  // Before any thread is made: signals then reach only Run, and SIGPIPE nobody.
  static void BlockSignals();

  // From kStarting to kStopped. Returns the exit status: 0 when every admitted call got exactly one
  // outcome, else 1.
  int Run(const Parts& parts);

  // Asks Run for the orderly end. False when it has begun already.
  bool RequestDrain();
  State state() const { return state_.load(); }
  bool ready() const { return state() == State::kReady; }
  bool draining() const { return state() > State::kReady; }

 private:
  enum class Woken : std::uint8_t { kTimeout, kEvent, kEndSignal };

  // Waits for a signal, an event or `until`. Other signals are dealt with inside.
  Woken Wait(Instant until, const Parts& parts);
  // Like Wait until `until` or until `done`; a second signal ends the process.
  void WaitDraining(Instant until, const Parts& parts, const std::function<bool()>& done);
  void Drain(const Parts& parts);
  void Wake();

  const DrainOptions options_;
  int signals_ = -1;
  int event_ = -1;
  int last_signal_ = 0;
  std::atomic<State> state_{State::kStarting};
  std::atomic<bool> drain_requested_{false};
  std::atomic<bool> drained_{false};
};

}  // namespace spillway
