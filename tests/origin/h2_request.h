// Reads an HTTP/2 request's fields as strictly as RFC 9113 8.3.1 asks, sharing no code with the
// transport; and turns HTTP/1.1 responses into HTTP/2 fields.
//
// Thread safety: pure functions.

#pragma once

#include <cstdint>
#include <string_view>

#include "tests/origin/h2_frames.h"
#include "tests/origin/seen.h"

namespace spillway {

// `head` reads as HTTP/1 would write it, with "HTTP/2" and names as they came.
SeenRequest RequestOf(std::uint32_t stream, const H2Fields& fields);

struct H2Answer {
  H2Fields fields;  // :status first; without connection-specific ones
  bool informational = false;
  std::string_view rest;  // behind the head
};
// Takes the first head off `text`.
H2Answer ReadAnswer(std::string_view text);

}  // namespace spillway
