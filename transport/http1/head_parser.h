// The lines of a response head, and what they say about the body.
//
// Thread safety: pure functions.
// Invariants: nothing is repaired. What does not match the grammar is refused with a constant text;
// no function here looks at more than its argument.

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "transport/base/failure.h"
#include "transport/base/message.h"

namespace spillway {

// Why a line or head is refused: `text` is constant, empty when there is no fault.
struct HeadFault {
  Reason reason = Reason::kHttpProtocolError;
  std::string_view text = {};
  explicit operator bool() const { return !text.empty(); }
};

// True while `line`, possibly incomplete, may still become a status line. Lets a peer that speaks
// something else be refused at its first byte instead of at a time limit (O-002).
bool MayBeStatusLine(std::string_view line);

// Parses exactly `HTTP/1.[01] SP 3DIGIT [SP reason]` (line end removed) into status, minor_version
// and reason. Refused: codes below 100, a reason that starts with a blank or holds a TAB or another
// control (O-003 to O-009). No reason, with and without its blank, is fine (O-008).
HeadFault ParseStatusLine(std::string_view line, ResponseHead& head);

// Splits `name: value` (line end removed). The name is a token right up to the colon, blanks round
// the value are not part of it, the value holds no control but TAB (O-016 to O-025). A value of
// Connection is a list of tokens: nobody may read another "close" in it than we do (O-033).
HeadFault ParseFieldLine(std::string_view line, std::string_view& name, std::string_view& value);

struct BodyFraming {
  BodyKind kind = BodyKind::kNone;
  std::uint64_t length = 0;
};

// Decides how the body of a final response is framed (RFC 9112 6.3, rule R1). The framing fields
// must be right even where no body follows; an unclear message is refused, never interpreted
// (O-038 to O-051).
HeadFault DecideFraming(const ResponseHead& head, bool head_request, BodyFraming& framing);

}  // namespace spillway
