// What a waiter is told when the pool has no connection for it and no dial is to blame.
//
// Thread safety: pure functions; the shared values are immutable.
// Invariants: every one of them is NOT_SENT, and but for the last in phase queue.

#pragma once

#include <memory>

#include "transport/base/failure.h"
#include "transport/base/instant.h"

namespace spillway {

std::shared_ptr<const Failure> RefusedByFullQueue();
std::shared_ptr<const Failure> RefusedByDrain();
// `last_dial` is the failure of the last dial, or nullptr when that succeeded: it says why there
// was no connection.
std::shared_ptr<const Failure> RefusedByQueueTimeout(Duration waited, const Failure* last_dial);
std::shared_ptr<const Failure> RefusedByDeadline(Duration waited, const Failure* last_dial);
// The origin takes connections, but ends each before it has served anybody.
std::shared_ptr<const Failure> RefusedAsFruitless();

}  // namespace spillway
