// What Admin.Explain answers, from what the transport found out.
//
// Thread safety: pure function.
// Invariants: no secret: credentials and keys appear in no field.

#pragma once

#include <string>

#include "spillway/v1/admin.pb.h"
#include "transport/transport.h"

namespace spillway {

// `url` is the one asked for; `explanation` is of it, and its refusal is not the caller's mistake.
void FillExplainResponse(const std::string& url, const Explanation& explanation,
                         v1::ExplainResponse& response);

}  // namespace spillway
