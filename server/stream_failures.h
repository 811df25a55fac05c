// Why a Stream call ends when its exchange does not say so.
//
// Thread safety: pure functions.

#pragma once

#include "transport/base/failure.h"
#include "transport/base/instant.h"
#include "transport/records.h"

namespace spillway {

Failure CallerGone();
// There is no memory for what the caller sent.
Failure TooMuchInFlight();
// No head frame came for as long as `waited`.
Failure HeadOverdue(Duration waited);
// Frames wait for a caller that takes none.
Failure CallerTakesNothing();
// `own`, with what only the exchange knows: `record` is of its end.
Failure WhyEnded(const RoundTripRecord& record, const Failure& own);

}  // namespace spillway
