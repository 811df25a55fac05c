// One row of the hostile-peer catalogue: what is asked, what the origin does, what must come of it.
//
// What it is: the text format of tests/hostile/rows/*.rows, read at run time:
//
//   row O-044 a body shorter than its length is cut          id, then words
//   request POST /x body "hi"       method, target, body; GET /row when left out
//   url "http://..."                instead of the origin's; $PORT is the origin's port
//   target "*"                      Request::request_target
//   header "Name" "value"           added to the request
//   option fresh idempotent ...     see RowOptions; `streamed`: its caller can stream
//   policy response_header=30ms ... see ApplyPolicy
//   option https | h2 | h2c      TLS; TLS whose origin chooses h2; HTTP/2 in clear text. Scripts
//                               begin after TLS and the first SETTINGS unless they say how
//   option tls="cert=expired"   further words of the origin's `tls` step
//   warm 1                          requests sent before, one after the other
//   before await EVENT              what the test does before the request starts, ...
//   during cancel                   ... while it runs, ...
//   after await EVENT               ... when it is over; the event `ended` is signalled by itself
//   origin [N]                      the script of connection N (1), indented lines follow
//     expect_head
//   expect TRUNC body="abc" ...     outcome word and facts, see Expectation
//
// Actions: await EVENT, signal EVENT, cancel, resume, await_head, await_body N, await_1xx N,
// await_gone N (connection N of the origin was closed by us), stop_listening.
// Thread safety: plain values.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/origin/script.h"

namespace spillway {

struct RowAction {
  std::string verb;
  std::string argument;
};

// The outcome words of the catalogue, as this harness checks them.
enum class Outcome : std::uint8_t {
  kReuse,      // good response; the probe travels on the same connection
  kClose,      // good response; the connection is closed, the probe gets another
  kReject,     // typed error of the origin's making; closed; no good head unless it was read before
  kTrunc,      // head delivered, body cut: typed error, ANSWERED; closed
  kAmbiguous,  // error with UNKNOWN; closed; not repeated
  kNotSent,    // error with NOT_SENT: no byte of the request reached the origin
  kRetried,    // good response after more than one attempt
  kRefused,    // the request's own fault: nothing was dialled
  kCancelled,  // cancelled; the connection it used is closed
};

struct Expectation {
  Outcome outcome = Outcome::kReuse;
  // Facts by name: status reason phase delivery source field body body_bytes attempts seen
  // connections informational trailer header no_header closed stale retries body_kind.
  std::multimap<std::string, std::string> facts;
};

struct Row {
  std::string id;
  std::string words;
  std::string where;  // file:line

  std::string method = "GET";
  std::string path = "/row";
  std::optional<std::string> body;
  std::optional<std::string> url;
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<std::pair<std::string, std::string>> options;
  std::vector<std::pair<std::string, std::string>> policy;
  std::uint64_t warm = 0;
  std::vector<RowAction> before;
  std::vector<RowAction> during;
  std::vector<RowAction> after;
  std::map<std::uint64_t, Script> scripts;
  Expectation expectation;

  // A gtest name: letters, digits and underscores.
  std::string TestName() const;
};

struct RowFile {
  std::vector<Row> rows;
  std::vector<std::string> errors;
};

RowFile ParseRows(std::string_view text, const std::string& file);

}  // namespace spillway
