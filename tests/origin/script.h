// What an origin does on one connection, as data.
//
// What it is: a Script is a list of steps; ParseScript reads it from text, one step a line:
//
//   expect_head                    read one request head
//   expect_body all | N            read the body by its framing, or N bytes of it
//   expect_bytes N                 read N raw bytes, whatever they are
//   send BYTES [each | at N]       write; `each`: one byte at a time, `at N`: in two pieces. The
//   next
//                                  piece leaves only when the peer has taken the one before
//   drip BYTES every TIME [forever]  one byte per TIME; ends early when the peer hangs up
//   answer STATUS BYTES            a whole response with Content-Length
//   stall                          read and drop until the peer hangs up
//   stop_reading                   read nothing until the peer hangs up
//   stop_reading_until NAME        read nothing until the event came
//   half_close | shut_read         shut one direction, go on
//   fin                            shut the sending side, take what still comes, close
//   close                          close at once (RST when unread bytes are left)
//   rst                            close with a RST (SO_LINGER 0)
//   urgent BYTES                   TCP urgent data
//   signal NAME / wait_for NAME    events shared with the test (board.h)
//   serve [N]                      answer N requests by the origin's handler; without N: for ever
//   repeat N ... end               the steps between, N times
//
// BYTES is the language of text.h. A script that runs out falls through to `serve`.
// Thread safety: plain values.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace spillway {

enum class StepKind : std::uint8_t {
  kExpectHead,
  kExpectBody,
  kExpectBytes,
  kSend,
  kDrip,
  kStall,
  kStopReading,
  kHalfClose,
  kShutRead,
  kFin,
  kClose,
  kRst,
  kUrgent,
  kSignal,
  kWaitFor,
  kServe,
  kRepeat,
};

inline constexpr std::uint64_t kAll = ~std::uint64_t{0};

struct Step {
  StepKind kind = StepKind::kServe;
  std::string text = {};         // bytes to send, or the name of an event
  std::uint64_t number = kAll;   // bytes to read, requests to serve, rounds of a repeat
  bool each = false;             // kSend: a byte at a time
  std::uint64_t split_at = 0;    // kSend: length of the first piece; 0: one piece
  std::uint64_t every_us = 0;    // kDrip
  bool forever = false;          // kDrip
  std::vector<Step> steps = {};  // kRepeat
};

using Script = std::vector<Step>;

struct ParsedScript {
  Script script;
  std::string error;  // empty when all is well; else names the line
};

ParsedScript ParseScript(std::string_view text);

// A response with Content-Length and the header lines given ("A: b\r\n").
std::string Answer(std::uint32_t status, std::string_view body, std::string_view headers = "");

}  // namespace spillway
