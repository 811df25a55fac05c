#include "transport/http1/response_decoder.h"

#include <algorithm>

#include "transport/base/trailer_rules.h"

namespace spillway {
namespace {

// Most heads have fewer fields; one allocation instead of five.
constexpr std::size_t kUsualFields = 16;

}  // namespace

ResponseDecoder::ResponseDecoder(const ResponseLimits& limits, bool head_request,
                                 ProtocolSwitch switching)
    : limits_(limits), chunks_(limits) {
  Reset(head_request, switching);
}

void ResponseDecoder::Reset(bool head_request, ProtocolSwitch switching) {
  head_request_ = head_request;
  switching_ = switching;
  state_ = State::kStatusLine;
  lines_.Reset();
  chunks_.Reset();
  header_bytes_ = 0;
  header_fields_ = 0;
  informational_count_ = 0;
  saw_any_byte_ = false;
  head_complete_ = false;
  head_ = {};
  final_status_ = 0;
  framing_ = {};
  left_ = 0;
  data_ = {};
  trailers_ = {};
  failure_ = {};
}

DecodeEvent ResponseDecoder::Next(std::string_view& input) {
  if (state_ == State::kDone) return DecodeEvent::kDone;
  if (state_ == State::kFailed) return DecodeEvent::kFailed;
  if (!input.empty()) saw_any_byte_ = true;
  for (;;) {
    const State before = state_;
    DecodeEvent event = DecodeEvent::kNeedMore;
    switch (state_) {
      case State::kStatusLine:
        event = NextStatusLine(input);
        break;
      case State::kFields:
        event = NextFields(input);
        break;
      case State::kLengthBody:
        event = NextLengthBody(input);
        break;
      case State::kChunkedBody:
        event = NextChunkedBody(input);
        break;
      case State::kTrailers:
        event = NextTrailers(input);
        break;
      case State::kUntilCloseBody:
        event = NextUntilCloseBody(input);
        break;
      case State::kComplete:
        state_ = State::kDone;
        return DecodeEvent::kDone;
      case State::kDone:
      case State::kFailed:
        break;
    }
    if (event != DecodeEvent::kNeedMore || state_ == before) return event;
  }
}

DecodeEvent ResponseDecoder::OnEof() {
  switch (state_) {
    case State::kDone:
      return DecodeEvent::kDone;
    case State::kFailed:
      return DecodeEvent::kFailed;
    case State::kComplete:
    case State::kUntilCloseBody:
      state_ = State::kDone;
      return DecodeEvent::kDone;
    case State::kStatusLine:
    case State::kFields:
      if (!saw_any_byte_) {
        return Fail(Reason::kConnectionTerminated, "the origin closed without a response");
      }
      return Fail(Reason::kHttpResponseIncomplete, "the origin closed within the response head");
    case State::kLengthBody:
    case State::kChunkedBody:
    case State::kTrailers:
      return Fail(Reason::kHttpResponseIncomplete, "the origin closed within the response body");
  }
  return DecodeEvent::kFailed;
}

bool ResponseDecoder::TakeLine(std::string_view& input, std::size_t line_limit,
                               DecodeEvent& event) {
  const std::size_t budget = limits_.max_header_bytes - header_bytes_;
  switch (lines_.Take(input, std::min(line_limit, budget))) {
    case LineReader::Status::kLine:
      header_bytes_ += lines_.line().size();
      return true;
    case LineReader::Status::kMore:
      event = DecodeEvent::kNeedMore;
      return false;
    case LineReader::Status::kTooLong:
      break;
  }
  if (line_limit < budget) {
    event = Fail(Reason::kHttpResponseHeaderSize, "the status line is too long");
  } else if (state_ == State::kTrailers) {
    event = Fail(Reason::kHttpResponseTrailerSectionSize, "the trailers are too large");
  } else {
    event = Fail(Reason::kHttpResponseHeaderSectionSize, "the response headers are too large");
  }
  return false;
}

DecodeEvent ResponseDecoder::NextStatusLine(std::string_view& input) {
  DecodeEvent event{};
  const bool complete = TakeLine(input, limits_.max_status_line_bytes, event);
  // Whether the line is complete, cut or too long: what cannot become HTTP/1 is told apart first.
  if (!MayBeStatusLine(lines_.line())) {
    return Fail(Reason::kHttpProtocolError, "the answer is not HTTP/1");
  }
  if (!complete) return event;
  std::string_view line = lines_.line();
  if (!StripLineEnd(line)) {
    return Fail(Reason::kHttpProtocolError, "the status line ends in a bare LF");
  }
  head_ = {};
  if (const HeadFault fault = ParseStatusLine(line, head_)) return Fail(fault);
  head_.headers.reserve(kUsualFields);
  state_ = State::kFields;
  return DecodeEvent::kNeedMore;
}

bool ResponseDecoder::CountField() { return ++header_fields_ <= limits_.max_header_fields; }

DecodeEvent ResponseDecoder::NextFields(std::string_view& input) {
  DecodeEvent event{};
  while (TakeLine(input, limits_.max_header_bytes, event)) {
    std::string_view line = lines_.line();
    if (!StripLineEnd(line)) {
      return Fail(Reason::kHttpProtocolError, "a header line ends in a bare LF");
    }
    if (line.empty()) return EndHead();
    std::string_view name;
    std::string_view value;
    if (const HeadFault fault = ParseFieldLine(line, name, value)) return Fail(fault);
    if (!CountField()) {
      return Fail(Reason::kHttpResponseHeaderSectionSize, "the response has too many headers");
    }
    head_.headers.Add(name, value);
  }
  return event;
}

DecodeEvent ResponseDecoder::EndHead() {
  if (OpensTunnel()) return BeginTunnel();
  if (head_.status < 200) return EndInformational();
  if (const HeadFault fault = DecideFraming(head_, head_request_, framing_)) return Fail(fault);
  head_complete_ = true;
  final_status_ = head_.status;
  switch (framing_.kind) {
    case BodyKind::kNone:
      state_ = State::kComplete;
      break;
    case BodyKind::kLength:
      left_ = framing_.length;
      state_ = left_ == 0 ? State::kComplete : State::kLengthBody;
      break;
    case BodyKind::kChunked:
      state_ = State::kChunkedBody;
      break;
    case BodyKind::kUntilClose:
    case BodyKind::kTunnel:
      state_ = State::kUntilCloseBody;
      break;
  }
  return DecodeEvent::kHead;
}

std::optional<std::uint64_t> ResponseDecoder::body_left() const {
  if (state_ == State::kLengthBody) return left_;
  if (state_ == State::kComplete || state_ == State::kDone) return 0;
  return std::nullopt;
}

bool ResponseDecoder::OpensTunnel() const {
  switch (switching_) {
    case ProtocolSwitch::kNone:
      return false;
    case ProtocolSwitch::kUpgrade:
      return head_.status == 101;
    case ProtocolSwitch::kConnect:
      return head_.status >= 200 && head_.status < 300;
  }
  return false;
}

// Framing fields mean nothing here (RFC 9110 9.3.6, O-275).
DecodeEvent ResponseDecoder::BeginTunnel() {
  head_complete_ = true;
  final_status_ = head_.status;
  framing_ = {BodyKind::kTunnel, 0};
  state_ = State::kUntilCloseBody;
  return DecodeEvent::kHead;
}

// Framing fields of a 1xx mean nothing, but must not contradict each other: it has no body, and
// bytes that follow it must be the next status line (O-077).
DecodeEvent ResponseDecoder::EndInformational() {
  BodyFraming ignored;
  if (const HeadFault fault = DecideFraming(head_, head_request_, ignored)) return Fail(fault);
  if (head_.status == 101) {
    // An answer, and a final one: the origin has left HTTP (O-082, S3).
    head_complete_ = true;
    final_status_ = head_.status;
    return Fail(Reason::kHttpUpgradeFailed, "the origin switched protocols unasked");
  }
  if (++informational_count_ > limits_.max_informational) {
    return Fail(Reason::kHttpProtocolError, "too many informational responses");
  }
  state_ = State::kStatusLine;
  return DecodeEvent::kInformational;
}

DecodeEvent ResponseDecoder::NextLengthBody(std::string_view& input) {
  if (input.empty()) return DecodeEvent::kNeedMore;
  data_ = input.substr(0, std::min<std::uint64_t>(left_, input.size()));
  input.remove_prefix(data_.size());
  left_ -= data_.size();
  if (left_ == 0) state_ = State::kComplete;
  return DecodeEvent::kData;
}

DecodeEvent ResponseDecoder::NextChunkedBody(std::string_view& input) {
  switch (chunks_.Next(input)) {
    case ChunkedDecoder::Status::kMore:
      return DecodeEvent::kNeedMore;
    case ChunkedDecoder::Status::kData:
      data_ = chunks_.data();
      return DecodeEvent::kData;
    case ChunkedDecoder::Status::kLast:
      state_ = State::kTrailers;
      return DecodeEvent::kNeedMore;
    case ChunkedDecoder::Status::kFailed:
      break;
  }
  return Fail(Reason::kHttpResponseTransferCoding, chunks_.fault());
}

DecodeEvent ResponseDecoder::NextTrailers(std::string_view& input) {
  DecodeEvent event{};
  while (TakeLine(input, limits_.max_header_bytes, event)) {
    std::string_view line = lines_.line();
    if (!StripLineEnd(line)) {
      return Fail(Reason::kHttpProtocolError, "a trailer line ends in a bare LF");
    }
    if (line.empty()) {
      state_ = State::kComplete;
      return DecodeEvent::kNeedMore;
    }
    std::string_view name;
    std::string_view value;
    if (const HeadFault fault = ParseFieldLine(line, name, value)) return Fail(fault);
    if (!CountField()) {
      return Fail(Reason::kHttpResponseTrailerSectionSize, "the response has too many trailers");
    }
    switch (RuleOfTrailer(name)) {
      case TrailerRule::kDeliver:
        trailers_.Add(name, value);
        break;
      case TrailerRule::kDrop:
        break;
      case TrailerRule::kRefuse:
        return Fail(Reason::kHttpProtocolError, "a framing field in the trailers");
    }
  }
  return event;
}

DecodeEvent ResponseDecoder::NextUntilCloseBody(std::string_view& input) {
  if (input.empty()) return DecodeEvent::kNeedMore;
  data_ = input;
  input.remove_prefix(input.size());
  return DecodeEvent::kData;
}

DecodeEvent ResponseDecoder::Fail(Reason reason, std::string_view message) {
  const bool in_body = head_complete_ && state_ != State::kFields;
  state_ = State::kFailed;
  failure_ = {};
  failure_.reason = reason;
  failure_.source = Source::kOrigin;
  failure_.phase = in_body ? Phase::kBody : Phase::kFirstByte;
  failure_.delivery = head_complete_ ? Delivery::kAnswered : Delivery::kUnknown;
  failure_.message = message;
  failure_.response_status = final_status_;
  return DecodeEvent::kFailed;
}

}  // namespace spillway
