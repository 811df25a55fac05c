// How an exchange went, for people.
//
// Thread safety: pure functions.

#pragma once

#include <string>

#include "spillway/v1/egress.pb.h"

namespace spillway::cli {

// What is known of the last connection beside its number and reuse: " after 12 ms idle: FROM -> TO
// through PROXY".
std::string ConnectionText(const spillway::v1::Exchange& exchange);

// Lines that begin with "* ": connection, destination, attempts, bytes, timeline.
std::string Summary(const spillway::v1::Exchange& exchange);

}  // namespace spillway::cli
