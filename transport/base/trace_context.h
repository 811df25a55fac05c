// W3C Trace Context: another span id in a traceparent that a caller sent.
//
// What it is: what a destination with `trace_attempts` needs, so that each attempt is a span of its
// own. A header that is not what the recommendation says, or stands there twice, stays as it is,
// and so does tracestate. Thread safety: pure functions; whoever calls draws the id.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "transport/base/header_list.h"

namespace spillway {

// A traceparent of version 00: lower-case hexadecimal digits of the right lengths, trace id and
// parent id not all zero.
bool IsTraceparent(std::string_view value);

// Sixteen lower-case hexadecimal digits.
std::string SpanIdText(std::uint64_t span_id);

// `headers` with `span_id`, which is not 0, where their only traceparent has the id of its parent;
// nothing when there is not exactly one, or it is not valid.
std::optional<HeaderList> WithSpanId(const HeaderList& headers, std::uint64_t span_id);

}  // namespace spillway
