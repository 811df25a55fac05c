// Random numbers that name something, such as a span.
//
// Thread safety: any thread; each has a generator of its own.
// Invariants: never 0. Not for secrets.

#pragma once

#include <cstdint>

namespace spillway {

std::uint64_t RandomId();

}  // namespace spillway
