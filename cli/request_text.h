// What a request looks like to people who debug it, as client-go's debugging round tripper has it.
//
// Thread safety: pure functions.
// Invariants: credentials do not get through (KG8).

#pragma once

#include <string>
#include <string_view>

#include "spillway/v1/egress.pb.h"
#include "transport/base/instant.h"

namespace spillway::cli {

inline constexpr char kHidden[] = "(hidden)";

// A header's value without what must stay secret: cookies altogether; of Authorization and
// Proxy-Authorization what comes after the scheme when that is a well-known one, else everything.
std::string ShownValue(std::string_view name, std::string_view value);

// A command for a shell that sends the same to the origin directly, but for credentials and body.
std::string CurlCommand(const spillway::v1::HttpRequest& request);

// "* times: queue 1.00 ms, dns 0, ...", all of them, with a line end.
std::string Times(const spillway::v1::Timings& timings);

// "12 ms"
std::string MillisecondsText(Duration time);

}  // namespace spillway::cli
