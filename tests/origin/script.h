// What an origin does on one connection, as data.
//
// What it is: a Script is a list of steps; ParseScript reads it from text, one step a line:
//
//   expect_head                    read one request head
//   expect_body all | N            read the body by its framing, or N bytes of it
//   expect_bytes N                 read N raw bytes, whatever they are
//   expect_end                     read and drop until the peer closes its side; go on
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
//   hold / release                what is sent between them leaves in one piece
//   urgent BYTES                   TCP urgent data
//   signal NAME / wait_for NAME    events shared with the test (board.h)
//   serve [N]                      answer N requests by the origin's handler; without N: for ever
//   repeat N ... end               the steps between, N times
//
// TLS (tls_server.h):
//   tls [cert=NAME] [min=1.2] [max=1.3] [alpn=h2,http/1.1] [alpn_anyway=BYTES] [ciphers=LIST]
//       [client_ca=NAME] [client_optional] [tickets=N] [no_resume] [cut=N] [each]
//       [name=SERVER:NAME]
//                                  a handshake; `cut`: N bytes of our side of it, then the next
//                                  step
//   plain                          no TLS although the origin has one for all connections
//   raw BYTES                      write below TLS
//   close_notify | renegotiate | key_update N | tickets N
//
// HTTP/2 (h2_player.h):
//   h2_start [rude] [SETTING=N]... preface and SETTINGS both ways; `rude`: from now on nothing is
//                                  acknowledged and no window given back by itself
//   h2_preface                     reads the preface and sends nothing
//   h2 TYPE [KEY=VALUE]...         sends a frame
//   h2_expect EVENT [N]            waits for what the client sends
//   h2_run                         good manners, but no answers, until the peer hangs up
//
// BYTES is the language of text.h. A script that runs out falls through to `serve`, which answers
// in the protocol that the connection speaks; a connection that agreed on h2 begins with `h2_start`
// unless its script says how.
// Thread safety: plain values.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spillway {

// In this order: plain steps, those of TLS, those of HTTP/2.
enum class StepKind : std::uint8_t {
  kExpectHead,
  kExpectBody,
  kExpectBytes,
  kExpectEnd,
  kSend,
  kDrip,
  kStall,
  kStopReading,
  kHalfClose,
  kShutRead,
  kFin,
  kClose,
  kRst,
  kHold,
  kRelease,
  kUrgent,
  kSignal,
  kWaitFor,
  kServe,
  kRepeat,
  kTls,
  kPlain,
  kRaw,
  kCloseNotify,
  kRenegotiate,
  kKeyUpdate,
  kTickets,
  kH2Start,
  kH2Preface,
  kH2Frame,
  kH2Expect,
  kH2Run,
};

inline constexpr std::uint64_t kUnlimited = ~std::uint64_t{0};

struct Step {
  StepKind kind = StepKind::kServe;
  std::string text = {};              // bytes to send, or the name of an event
  std::uint64_t number = kUnlimited;  // bytes to read, requests to serve, rounds of a repeat
  bool each = false;                  // kSend: a byte at a time
  std::uint64_t split_at = 0;         // kSend: length of the first piece; 0: one piece
  std::uint64_t every_us = 0;         // kDrip
  bool forever = false;               // kDrip
  std::vector<Step> steps = {};       // kRepeat
  // kTls and kH2...: KEY=VALUE, in order; bare words have no value.
  std::vector<std::pair<std::string, std::string>> arguments = {};

  bool Has(std::string_view key) const;
  // "" when absent.
  std::string Argument(std::string_view key) const;
};

// Whether `script`, at any depth, has a step of this kind.
bool HasStep(const std::vector<Step>& script, StepKind kind);

using Script = std::vector<Step>;

struct ParsedScript {
  Script script;
  std::string error;  // empty when all is well; else names the line
};

ParsedScript ParseScript(std::string_view text);

// A response with Content-Length and the header lines given ("A: b\r\n").
std::string Answer(std::uint32_t status, std::string_view body, std::string_view headers = "");

}  // namespace spillway
