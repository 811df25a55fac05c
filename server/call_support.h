// What the calls of every method need.
//
// Thread safety: every function may be called from any thread.

#pragma once

#include <grpcpp/grpcpp.h>

#include <string_view>

#include "server/admission.h"
#include "transport/base/failure.h"
#include "transport/base/instant.h"

namespace spillway {

// Time until the gRPC deadline; kForever when there is none.
Duration GrpcTimeLeft(const grpc::CallbackServerContext& context);

CallOutcome OutcomeOf(const Failure& failure);

// The bytes are no message of the type that `type` names.
Failure UndecodableMessage(std::string_view type);

// A response had to be given up after its head, whose status is `status`.
Failure MemoryExhausted(std::uint32_t status);

// Logs faults of an origin's protocol or of ours, as many as the log's limiter lets through.
// `message` holds nothing of a request's or response's content.
void LogInternalFault(std::string_view message);

}  // namespace spillway
