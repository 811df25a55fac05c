// HTTP/1.x response bytes to events, strictly.
//
// What it is: a push decoder for the responses of one exchange: any number of 1xx heads, then one
// final response. Framing is decided once, before any body byte is trusted (rule R1); anything
// ambiguous is refused (cases O-001 to O-082). Any segmentation of the same bytes gives the same
// events (O-001). Header fields are delivered as received: those that Connection lists stay too,
// because callers are promised raw headers (O-035 proposes otherwise); listing a framing field
// never changes the framing.
// What it owns: the bytes of an incomplete line or head; body bytes pass through as views into the
// input.
// Thread safety: none; one exchange, one thread.
// Invariants: memory is bounded by ResponseLimits; after kDone or a failure it takes no more bytes;
// it never consumes a byte beyond the final response.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "transport/base/failure.h"
#include "transport/base/message.h"
#include "transport/base/options.h"
#include "transport/http1/chunked_decoder.h"
#include "transport/http1/head_parser.h"
#include "transport/http1/line_reader.h"

namespace spillway {

// What the decoder saw. One call of Next() gives at most one.
enum class DecodeEvent : std::uint8_t {
  kNeedMore,       // all input consumed, nothing complete
  kInformational,  // head() holds a 1xx head (not 101)
  kHead,           // head() holds the final head; body_kind() and body_length() are decided.
                   // With BodyKind::kTunnel, what follows is no longer HTTP: raw bytes as kData
                   // until OnEof gives kDone
  kData,           // data() holds body bytes (a view into the input of this call)
  kDone,           // the message is complete; trailers() is filled
  kFailed,         // failure() says why; the connection must be closed
};

class ResponseDecoder {
 public:
  // `head_request`: the request's method was HEAD (B1). `switching`: a 101, or a 2xx, then opens a
  // tunnel.
  ResponseDecoder(const ResponseLimits& limits, bool head_request,
                  ProtocolSwitch switching = ProtocolSwitch::kNone);

  // Starts over for the next exchange, with the same limits.
  void Reset(bool head_request, ProtocolSwitch switching = ProtocolSwitch::kNone);

  // Consumes bytes from the front of `input` (shrinking it) until there is an event. Failures:
  // http_protocol_error (grammar, ambiguous framing), http_response_transfer_coding (an unusable
  // Transfer-Encoding, malformed chunks), http_response_header_size (the status line is too long),
  // http_response_header_section_size and http_response_trailer_section_size (bytes or fields over
  // the budget of the exchange), http_upgrade_failed (101 unasked). All from the origin, in phase
  // first_byte with delivery unknown before a complete final head, in phase body with delivery
  // answered and response_status after it.
  DecodeEvent Next(std::string_view& input);

  // The peer closed its side. kDone when the body is delimited by that (no length, no chunking);
  // kFailed otherwise, with delivery and phase told by how far the response had come:
  // nothing read: connection_terminated; head or body cut: http_response_incomplete.
  DecodeEvent OnEof();

  ResponseHead& head() { return head_; }  // may be moved from after kInformational or kHead
  BodyKind body_kind() const { return framing_.kind; }
  std::uint64_t body_length() const { return framing_.length; }  // kLength: the declared length
  // Body bytes still to come; nullopt when the framing does not tell yet.
  std::optional<std::uint64_t> body_left() const;
  std::string_view data() const { return data_; }
  // As sent, without those that framing, routing and authentication own (O-063). A Content-Length
  // or Transfer-Encoding among them is a failure.
  HeaderList& trailers() { return trailers_; }
  const Failure& failure() const { return failure_; }

  bool saw_any_byte() const { return saw_any_byte_; }    // of this exchange
  bool head_complete() const { return head_complete_; }  // of the final response

 private:
  enum class State : std::uint8_t {
    kStatusLine,
    kFields,
    kLengthBody,
    kChunkedBody,
    kTrailers,
    kUntilCloseBody,  // tunnels too
    kComplete,        // kDone is the next event
    kDone,
    kFailed,
  };

  // The next line of a head or trailer section within the budgets. False: `event` is the answer.
  bool TakeLine(std::string_view& input, std::size_t line_limit, DecodeEvent& event);
  DecodeEvent NextStatusLine(std::string_view& input);
  DecodeEvent NextFields(std::string_view& input);
  DecodeEvent NextLengthBody(std::string_view& input);
  DecodeEvent NextChunkedBody(std::string_view& input);
  DecodeEvent NextTrailers(std::string_view& input);
  DecodeEvent NextUntilCloseBody(std::string_view& input);
  // The blank line after a head was read.
  DecodeEvent EndHead();
  bool OpensTunnel() const;
  DecodeEvent BeginTunnel();
  DecodeEvent EndInformational();
  bool CountField();
  DecodeEvent Fail(Reason reason, std::string_view message);
  DecodeEvent Fail(const HeadFault& fault) { return Fail(fault.reason, fault.text); }

  const ResponseLimits limits_;
  bool head_request_ = false;
  ProtocolSwitch switching_ = ProtocolSwitch::kNone;

  State state_ = State::kStatusLine;
  LineReader lines_;
  ChunkedDecoder chunks_;
  // Spent so far by all heads and trailers of the exchange (O-012, O-013, O-064, O-080).
  std::size_t header_bytes_ = 0;
  std::size_t header_fields_ = 0;
  std::uint32_t informational_count_ = 0;
  bool saw_any_byte_ = false;
  bool head_complete_ = false;

  ResponseHead head_;
  std::uint32_t final_status_ = 0;  // kept when head_ is moved from
  BodyFraming framing_;
  std::uint64_t left_ = 0;  // kLength: body bytes still to come
  std::string_view data_;
  HeaderList trailers_;
  Failure failure_;
};

}  // namespace spillway
