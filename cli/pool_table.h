// The pools as a table for people.
//
// Thread safety: pure function.

#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <string>

#include "cli/console.h"
#include "spillway/v1/admin.pb.h"

namespace spillway::cli {

// Header, one line a pool and a line of totals; at most `max_rows` lines when that is not 0, the
// busiest pools first then.
std::string PoolTable(const google::protobuf::RepeatedPtrField<spillway::v1::PoolInfo>& pools,
                      const spillway::v1::ProcessInfo& process, const Console& console,
                      std::size_t max_rows);

}  // namespace spillway::cli
