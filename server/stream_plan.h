// What a head frame of Stream says about the body that follows it; the first piece of the body is
// not looked at.
//
// Thread safety: a pure function.

#pragma once

#include "server/stream_machine.h"
#include "server/wire_decode.h"
#include "transport/base/failure.h"

namespace spillway {

// A Content-Length header means the same as the field. Whether the headers may be sent at all is
// judged by the transport. Errors: BadRequest naming "content_length" when they disagree.
Result<StreamPlan> PlanStream(const WireRequest& head);

}  // namespace spillway
