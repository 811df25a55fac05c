// The notation of times and sizes in the configuration file, both ways.
//
// Thread safety: pure functions.
// Invariants: Parse...(Format...(x)) == x for every value that a configuration can hold.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "transport/base/instant.h"

namespace spillway {

// "forever", or numbers with the units h, m, s, ms, us, ns, each at most once and larger before
// smaller: "250ms", "1m30s", "0s". nullopt for anything else and for what does not fit.
std::optional<Duration> ParseDuration(std::string_view text);

// "forever" for kForever; `value` is not negative.
std::string FormatDuration(Duration value);

// A whole number, alone or with B, KiB, MiB or GiB directly behind it. nullopt for anything else
// and for what does not fit.
std::optional<std::uint64_t> ParseBytes(std::string_view text);

// With the largest unit that leaves a whole number: "64KiB", "1000".
std::string FormatBytes(std::uint64_t value);

// Plain decimal digits, nothing else. nullopt for anything else and for what does not fit.
std::optional<std::uint64_t> ParseWhole(std::string_view text);

// A decimal number such as 0.25 or 10; no exponent, sign, infinity or hexadecimal.
std::optional<double> ParseDecimal(std::string_view text);

// The shortest decimal text that reads back as `value`, which is finite and not negative.
std::string FormatDecimal(double value);

}  // namespace spillway
