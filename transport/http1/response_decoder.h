// HTTP/1.x response bytes to events, strictly.
//
// What it is: a push decoder for the responses of one exchange: any number of 1xx heads, then one
// final response. Framing is decided once, before any body byte is trusted (rule R1); anything
// ambiguous is refused (cases O-001 to O-082). Any segmentation of the same bytes gives the same
// events (O-001).
// What it owns: the bytes of an incomplete line or head; body bytes pass through as views into the
// input.
// Thread safety: none; one exchange, one thread.
// Invariants: memory is bounded by ResponseLimits; after kDone or a failure it takes no more bytes;
// it never consumes a byte beyond the final response.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "transport/base/failure.h"
#include "transport/base/message.h"
#include "transport/base/options.h"

namespace spillway {

// What the decoder saw. One call of Next() gives at most one.
enum class DecodeEvent : std::uint8_t {
  kNeedMore,       // all input consumed, nothing complete
  kInformational,  // head() holds a 1xx head (not 101)
  kHead,           // head() holds the final head; body_kind() and body_length() are decided
  kData,           // data() holds body bytes (a view into the input of this call)
  kDone,           // the message is complete; trailers() is filled
  kFailed,         // failure() says why; the connection must be closed
};

class ResponseDecoder {
 public:
  // `head_request`: the request's method was HEAD (B1). `upgrade_allowed`: a 101 is a final head.
  ResponseDecoder(const ResponseLimits& limits, bool head_request, bool upgrade_allowed = false);

  // Starts over for the next exchange, keeping allocated memory.
  void Reset(bool head_request, bool upgrade_allowed = false);

  // Consumes bytes from the front of `input` (shrinking it) until there is an event.
  DecodeEvent Next(std::string_view& input);

  // The peer closed its side. kDone when the body is delimited by that (no length, no chunking);
  // kFailed otherwise, with delivery and phase told by how far the response had come:
  // nothing read: connection_terminated; head or body cut: http_response_incomplete.
  DecodeEvent OnEof();

  ResponseHead& head();  // may be moved from after kInformational or kHead
  BodyKind body_kind() const;
  std::uint64_t body_length() const;  // kLength: the declared length
  std::string_view data() const;
  HeaderList& trailers();
  const Failure& failure() const;

  bool saw_any_byte() const;   // of this exchange
  bool head_complete() const;  // of the final response

 private:
  // (implementation detail, see .cc)
};

}  // namespace spillway
