// Assertions that stay on in release builds: what we control must hold; what the world does to us
// never aborts (that is a Failure).
//
// SPILLWAY_CHECK(condition) aborts with file, line and condition text. SPILLWAY_CHECK(condition,
// "note") adds a constant note. Neither prints data, so no secret can leak into a log.

#pragma once

namespace spillway {

// Prints one line to stderr and aborts. Out of line to keep call sites small.
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition, const char* note);

}  // namespace spillway

#define SPILLWAY_CHECK_NOTE(condition, note)                         \
  do {                                                               \
    if (!(condition)) [[unlikely]] {                                 \
      ::spillway::CheckFailed(__FILE__, __LINE__, #condition, note); \
    }                                                                \
  } while (false)

#define SPILLWAY_CHECK(condition) SPILLWAY_CHECK_NOTE(condition, "")

#ifdef NDEBUG
#define SPILLWAY_DCHECK(condition) static_cast<void>(0)
#else
#define SPILLWAY_DCHECK(condition) SPILLWAY_CHECK(condition)
#endif
