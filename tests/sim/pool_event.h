// One call into a HostPool, as a value: what simulators draw, oracles judge and traces print.
//
// Thread safety: plain values.

#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "transport/pool/host_pool.h"

namespace spillway {

enum class PoolEventKind : std::uint8_t {
  kAcquire,
  kCancel,
  kConnected,
  kDialFailed,
  kDialDenied,
  kDialAllowed,
  kCapacity,
  kGoAway,
  kClosed,
  kRelease,
  kReleaseUnused,
  kTick,
  kFlush,
  kCloseIdle,
  kDrain,
  kEvict,
  kSetLimits,
  kRetire,
};
inline constexpr std::size_t kPoolEventKinds = 18;

struct PoolEvent {
  PoolEventKind kind = PoolEventKind::kTick;
  Instant now;
  ConnId conn;                                 // of events about a connection
  Demand demand;                               // of Acquire; Cancel uses its waiter
  std::uint32_t capacity = 0;                  // of Connected and Capacity
  ReleaseVerdict verdict;                      // of Release
  std::shared_ptr<const Failure> why;          // of DialFailed
  CloseReason reason = CloseReason::kFlushed;  // of Flush and Retire
  PoolLimits limits;                           // of SetLimits
};

// What the call returned: Cancel's, Evict's and Retire's answer as 0 or 1, CloseIdle's count, else
// 0.
std::uint32_t Run(HostPool& pool, const PoolEvent& event, Actions& actions);

const char* Name(PoolEventKind kind);
std::string Text(const PoolEvent& event);
std::string Text(const Action& action);

}  // namespace spillway
