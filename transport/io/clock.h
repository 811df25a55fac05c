// The only door to time.
//
// Thread safety: any thread.

#pragma once

#include "transport/base/instant.h"

namespace spillway {

// CLOCK_BOOTTIME: steady, and it counts a suspend.
Instant Now();

}  // namespace spillway
