// Plays one row: a transport of its own against a scripted origin of its own, then a probe.
//
// What it is: starts the row's request, does what the row says at the right moments, compares the
// caller's story with the origin's, and sends one more request to see which connection it travels
// on: that is how "reused" and "closed" are proven, not believed.
// Beside what a row states, it always checks: one end and calls in order; every request the origin
// got is well formed by the origin's own parser (C-024); NOT_SENT is true; a request that is not
// idempotent arrives at most once; errors are one printable line and echo no value; nothing is left
// active or waiting.
// Thread safety: may run on several threads at once, a world each.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/hostile/row.h"
#include "transport/base/policy.h"
#include "transport/transport.h"

namespace spillway {

// What is wrong; empty when the row holds.
std::vector<std::string> RunRow(const Row& row);

// `settings` without the limits in time of a single round trip.
std::vector<std::pair<std::string, std::string>> WithoutTimeouts(
    const std::vector<std::pair<std::string, std::string>>& settings);

// The policy of a row; complains about unknown keys in `errors`.
std::shared_ptr<const Policy> PolicyOf(
    const std::vector<std::pair<std::string, std::string>>& settings,
    std::vector<std::string>& errors);

}  // namespace spillway
