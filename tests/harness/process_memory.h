// How much memory another process of this machine uses.
//
// Thread safety: any thread.

#pragma once

#include <sys/types.h>

#include <cstdint>

namespace spillway {

struct ProcessMemory {
  std::uint64_t resident = 0;  // bytes, now
  std::uint64_t peak = 0;      // the most since its start or since ForgetPeak
};

// All zero when there is no such process.
ProcessMemory MemoryOf(pid_t process);

// From now on `peak` counts anew. False when the kernel does not do that.
bool ForgetPeak(pid_t process);

}  // namespace spillway
