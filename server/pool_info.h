// PoolSnapshot -> spillway.v1.PoolInfo.
//
// Thread safety: a pure function.

#pragma once

#include "spillway/v1/admin.pb.h"
#include "transport/records.h"

namespace spillway {

v1::PoolInfo ToPoolInfo(const PoolSnapshot& snapshot, Instant now);

void SetPoolLimits(const PoolLimits& limits, v1::PoolLimits& out);

// `length` must not be kForever, which the wire says by leaving the field out.
void SetDuration(Duration length, google::protobuf::Duration& out);

}  // namespace spillway
