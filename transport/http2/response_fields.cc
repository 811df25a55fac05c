#include "transport/http2/response_fields.h"

#include <algorithm>
#include <array>

#include "transport/base/ascii.h"
#include "transport/base/decimal.h"
#include "transport/base/field_rules.h"
#include "transport/base/trailer_rules.h"

namespace spillway {
namespace {

constexpr std::size_t kFieldOverhead = 32;  // RFC 9113 6.5.2

// They belong to an HTTP/1 hop; here they mark a message that was translated carelessly (O-176).
constexpr std::array<std::string_view, 5> kConnectionFields = {
    "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"};

Failure Fault(std::string_view what) {
  Failure failure;
  failure.reason = Reason::kHttpProtocolError;
  failure.source = Source::kOrigin;
  failure.message = what;
  return failure;
}

Failure TooLarge(bool trailers, std::string_view what) {
  Failure failure = Fault(what);
  failure.reason =
      trailers ? Reason::kHttpResponseTrailerSectionSize : Reason::kHttpResponseHeaderSectionSize;
  return failure;
}

bool HasUpper(std::string_view name) {
  return std::any_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

}  // namespace

void Http2ResponseFields::Begin() {
  any_regular_ = false;
  section_ = final_done_ ? Section::kTrailers : Section::kFinal;
  if (final_done_) return;
  head_ = ResponseHead{};
  head_.major_version = 2;
  declared_.reset();
}

std::optional<Failure> Http2ResponseFields::Count(std::string_view name, std::string_view value) {
  bytes_ += name.size() + value.size() + kFieldOverhead;
  ++fields_;
  if (bytes_ > limits_.max_header_bytes) {
    return TooLarge(final_done_, final_done_ ? "the trailers are too large"
                                             : "the response headers are too large");
  }
  if (fields_ > limits_.max_header_fields) {
    return TooLarge(final_done_, final_done_ ? "the response has too many trailers"
                                             : "the response has too many headers");
  }
  return std::nullopt;
}

std::optional<Failure> Http2ResponseFields::Add(std::string_view name, std::string_view value) {
  if (std::optional<Failure> failure = Count(name, value)) return failure;
  if (name.starts_with(':')) {
    if (final_done_) return Fault("a pseudo-header field in trailers");
    if (any_regular_) return Fault("a pseudo-header field after a regular one");
    if (name != ":status") return Fault("a pseudo-header field other than :status");
    return AddStatus(value);
  }
  any_regular_ = true;
  if (!IsToken(name) || HasUpper(name)) return Fault("a header name is not a lower-case token");
  if (!IsFieldValue(value)) return Fault("a control byte, or a blank at an end of a header value");
  if (std::find(kConnectionFields.begin(), kConnectionFields.end(), name) !=
      kConnectionFields.end()) {
    return Fault("a header of HTTP/1 connections");
  }
  if (final_done_) return AddTrailer(name, value);
  if (name == "content-length") {
    if (std::optional<Failure> failure = AddLength(value)) return failure;
  }
  head_.headers.Add(name, value);
  return std::nullopt;
}

std::optional<Failure> Http2ResponseFields::AddStatus(std::string_view value) {
  if (head_.status != 0) return Fault("more than one :status");
  const std::optional<std::uint64_t> status = ParseDecimal(value, 999);
  if (value.size() != 3 || !status || *status < 100) return Fault("malformed :status");
  if (*status == 101) return Fault("status 101, which HTTP/2 does not have");
  head_.status = static_cast<std::uint32_t>(*status);
  return std::nullopt;
}

std::optional<Failure> Http2ResponseFields::AddLength(std::string_view value) {
  if (declared_) return Fault("more than one content-length");
  declared_ = ParseDecimal(value);
  if (!declared_) return Fault("malformed content-length");
  return std::nullopt;
}

std::optional<Failure> Http2ResponseFields::AddTrailer(std::string_view name,
                                                       std::string_view value) {
  switch (RuleOfTrailer(name)) {
    case TrailerRule::kDeliver:
      trailers_.Add(name, value);
      break;
    case TrailerRule::kDrop:
      break;
    case TrailerRule::kRefuse:
      return Fault("a trailer that frames messages");
  }
  return std::nullopt;
}

std::optional<Failure> Http2ResponseFields::Finish(bool end_stream) {
  if (final_done_) {
    if (body_kind_ == BodyKind::kTunnel) return Fault("headers inside a tunnel");
    if (!end_stream) return Fault("trailers that do not end the stream");
    return std::nullopt;
  }
  if (head_.status == 0) return Fault("no :status");
  if (head_.status < 200) {
    section_ = Section::kInformational;
    if (end_stream) return Fault("an informational response ends the stream");
    if (++informational_ > limits_.max_informational) {
      return Fault("more informational responses than the limit");
    }
    return std::nullopt;
  }
  final_done_ = true;
  if (kind_ == RequestKind::kConnect && head_.status <= 299) {
    body_kind_ = BodyKind::kTunnel;
    return std::nullopt;
  }
  const bool bodiless = kind_ == RequestKind::kHead || head_.status == 204 || head_.status == 304;
  if (bodiless || end_stream) {
    if (!bodiless && declared_.value_or(0) > 0) return Fault("the body is missing");
    body_kind_ = BodyKind::kNone;
  } else if (declared_) {
    body_kind_ = BodyKind::kLength;
    body_length_ = *declared_;
  } else {
    // The end is marked, as chunked coding does it.
    body_kind_ = BodyKind::kChunked;
  }
  return std::nullopt;
}

}  // namespace spillway
