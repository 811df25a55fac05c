// The ledger's load on the wire: requests as the daemon takes them, and what its answers tell.
//
// Thread safety: pure functions.

#pragma once

#include <string>

#include "google/rpc/status.pb.h"
#include "spillway/v1/egress.pb.h"
#include "tests/ledger/load.h"

namespace spillway {

// To http://`authority`/ID.
v1::HttpRequest MakeWireRequest(const LoadRequest& load, const std::string& authority);

void FillResponse(CallerEntry& entry, const v1::HttpResponse& response);
// `status` may be without a detail: nobody then says what the origin may have seen.
void FillFailure(CallerEntry& entry, const google::rpc::Status& status);

}  // namespace spillway
