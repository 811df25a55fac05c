// Which calls may run at once, and the ledger of how they ended.
//
// What it is: counters. A call is admitted or refused on the spot, never queued; admitted ones are
// counted until they end. Bytes are those of messages held: the request's, and the response's as it
// is collected.
// Thread safety: every function may be called from any thread.
// Invariants: admitted = ok + failed + cancelled + running; every Admit that let a call in is
// followed by exactly one End.

#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "transport/base/failure.h"

namespace spillway {

struct AdmissionLimits {
  std::uint32_t max_calls = 10'000;
  std::uint64_t max_bytes = 1024ULL * 1024 * 1024;
};

enum class CallOutcome : std::uint8_t { kOk, kFailed, kCancelled };

// Calls that ended together.
struct EndedCalls {
  std::uint64_t bytes = 0;
  std::uint64_t ok = 0;
  std::uint64_t failed = 0;
  std::uint64_t cancelled = 0;

  void Add(std::uint64_t held_bytes, CallOutcome outcome) {
    bytes += held_bytes;
    ++(outcome == CallOutcome::kOk ? ok : outcome == CallOutcome::kFailed ? failed : cancelled);
  }
};

struct CallLedger {
  std::uint64_t admitted = 0;
  std::uint64_t refused = 0;
  std::uint64_t ok = 0;
  std::uint64_t failed = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t running = 0;
  std::uint64_t bytes = 0;  // that the running ones hold
};

class Admission {
 public:
  explicit Admission(const AdmissionLimits& limits) : limits_(limits) {}

  // Lets a call in that holds `bytes`, or says why not. `counted` of them, no more, are in Grow's
  // count already: they are the call's from now on, unless it is refused.
  std::optional<Failure> Admit(std::uint64_t bytes, std::uint64_t counted = 0);
  // Why a call is not let in whose message itself found no room; counts it as refused.
  Failure RefuseForMemory();
  // The call holds `bytes` more. False when that is too much; they are then not counted.
  bool Grow(std::uint64_t bytes);
  // The call gives back `bytes` before its end.
  void Shrink(std::uint64_t bytes) { bytes_.fetch_sub(bytes, std::memory_order_relaxed); }
  // The call is over and gives back the `bytes` it still holds.
  void End(std::uint64_t bytes, CallOutcome outcome);
  void End(const EndedCalls& calls);

  // From now on Admit refuses every call. `on_empty` is called, on any thread, whenever the last
  // running call ended. Once.
  void StopAdmitting(std::function<void()> on_empty) {
    on_empty_ = std::move(on_empty);
    stopped_.store(true);
  }
  // Held by all calls.
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  bool stopped() const { return stopped_.load(); }
  CallLedger ledger() const;

 private:
  const AdmissionLimits limits_;
  std::function<void()> on_empty_;  // set before stopped_
  std::atomic<bool> stopped_{false};
  std::atomic<std::uint64_t> running_{0};
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> ok_{0};
  std::atomic<std::uint64_t> failed_{0};
  std::atomic<std::uint64_t> cancelled_{0};
};

}  // namespace spillway
