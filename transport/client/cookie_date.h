// Dates as cookies carry them (RFC 6265 5.1.1), which are hardly ever what a standard says.
//
// Thread safety: pure functions.

#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace spillway {

// A point on the calendar. Code that is given one never asks for the current time itself.
using WallTime = std::chrono::sys_seconds;

// Nothing when a day, month, year or time of day is missing, or is none.
std::optional<WallTime> ParseCookieDate(std::string_view text);

}  // namespace spillway
