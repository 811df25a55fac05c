#include "tests/transport/http1/transcript.h"

#include "transport/base/check.h"
#include "transport/http1/response_decoder.h"

namespace spillway {
namespace {

bool SameHead(const ResponseHead& a, const ResponseHead& b) {
  return a.status == b.status && a.minor_version == b.minor_version && a.reason == b.reason &&
         a.headers == b.headers;
}

bool SameFailure(const Failure& a, const Failure& b) {
  return a.reason == b.reason && a.source == b.source && a.phase == b.phase &&
         a.delivery == b.delivery && a.message == b.message &&
         a.response_status == b.response_status;
}

bool LiesIn(std::string_view part, std::string_view whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

class Recorder {
 public:
  explicit Recorder(const DecoderInput& input)
      : decoder_(input.limits, input.head_request,
                 input.upgrade_allowed ? ProtocolSwitch::kUpgrade : ProtocolSwitch::kNone) {}

  // False when the decoder wants no more.
  bool Feed(std::string_view piece) {
    const std::string_view whole = piece;
    for (;;) {
      const std::size_t before = piece.size();
      const DecodeEvent event = decoder_.Next(piece);
      SPILLWAY_CHECK(LiesIn(piece, whole) && piece.size() <= before);
      switch (event) {
        case DecodeEvent::kNeedMore:
          SPILLWAY_CHECK(piece.empty());
          return true;
        case DecodeEvent::kInformational:
          SPILLWAY_CHECK(!transcript_.has_head);
          transcript_.informational.push_back(std::move(decoder_.head()));
          break;
        case DecodeEvent::kHead:
          TakeHead();
          break;
        case DecodeEvent::kData:
          SPILLWAY_CHECK(transcript_.has_head && !decoder_.data().empty());
          SPILLWAY_CHECK(LiesIn(decoder_.data(), whole));
          transcript_.body += decoder_.data();
          break;
        case DecodeEvent::kDone:
          TakeDone();
          transcript_.left = piece.size();
          return false;
        case DecodeEvent::kFailed:
          TakeFailure();
          return false;
      }
    }
  }

  void Eof() {
    const DecodeEvent event = decoder_.OnEof();
    if (event == DecodeEvent::kDone) {
      TakeDone();
      transcript_.done_by_eof = true;
    } else {
      SPILLWAY_CHECK(event == DecodeEvent::kFailed);
      TakeFailure();
    }
  }

  Transcript Take() { return std::move(transcript_); }

 private:
  void TakeHead() {
    SPILLWAY_CHECK(!transcript_.has_head && decoder_.head_complete());
    transcript_.has_head = true;
    transcript_.head = std::move(decoder_.head());
    transcript_.body_kind = decoder_.body_kind();
    transcript_.body_length = decoder_.body_length();
  }

  void TakeDone() {
    SPILLWAY_CHECK(transcript_.has_head);
    transcript_.done = true;
    transcript_.trailers = std::move(decoder_.trailers());
    CheckStaysAt(DecodeEvent::kDone);
  }

  void TakeFailure() {
    transcript_.failure = decoder_.failure();
    SPILLWAY_CHECK(transcript_.failure.source == Source::kOrigin);
    SPILLWAY_CHECK(transcript_.failure.reason != Reason::kNone);
    CheckStaysAt(DecodeEvent::kFailed);
  }

  void CheckStaysAt(DecodeEvent event) {
    std::string_view more = "more";
    SPILLWAY_CHECK(decoder_.Next(more) == event && more.size() == 4);
    SPILLWAY_CHECK(decoder_.OnEof() == event);
  }

  ResponseDecoder decoder_;
  Transcript transcript_;
};

std::string BodyText(const Transcript& transcript) {
  switch (transcript.body_kind) {
    case BodyKind::kNone:
      return "none";
    case BodyKind::kLength:
      return "length:" + std::to_string(transcript.body_length);
    case BodyKind::kChunked:
      return "chunked";
    case BodyKind::kUntilClose:
      return "until_close";
    case BodyKind::kTunnel:
      return "tunnel";
  }
  return "?";
}

}  // namespace

std::string Transcript::Summary() const {
  std::string out;
  for (const ResponseHead& head_1xx : informational) out += std::to_string(head_1xx.status) + "; ";
  if (has_head) {
    out += std::to_string(head.status) + " " + BodyText(*this) + " ";
    if (!body.empty()) out += "'" + EscapeForError(body) + "' ";
    for (const HeaderField& field : trailers) {
      out += "[" + field.name + "=" + EscapeForError(field.value) + "] ";
    }
  }
  if (done) {
    out += "done";
    if (left > 0) out += " left:" + std::to_string(left);
    return out;
  }
  out.append("fail:").append(Label(failure.reason));
  out.append("/").append(Label(failure.phase)).append("/").append(Label(failure.delivery));
  if (failure.response_status != 0) out += "/" + std::to_string(failure.response_status);
  return out;
}

bool operator==(const Transcript& a, const Transcript& b) {
  if (a.informational.size() != b.informational.size()) return false;
  for (std::size_t i = 0; i < a.informational.size(); ++i) {
    if (!SameHead(a.informational[i], b.informational[i])) return false;
  }
  return a.has_head == b.has_head && SameHead(a.head, b.head) && a.body_kind == b.body_kind &&
         a.body_length == b.body_length && a.body == b.body && a.trailers == b.trailers &&
         a.done == b.done && a.done_by_eof == b.done_by_eof && a.left == b.left &&
         SameFailure(a.failure, b.failure);
}

Transcript Transcribe(std::string_view bytes, const std::vector<std::size_t>& cuts,
                      const DecoderInput& input) {
  Recorder recorder(input);
  std::size_t start = 0;
  for (std::size_t i = 0; i <= cuts.size(); ++i) {
    const std::size_t end = i < cuts.size() ? cuts[i] : bytes.size();
    // A copy of its own, so that a view kept from an earlier piece shows up under ASan.
    const std::string piece(bytes.substr(start, end - start));
    if (!recorder.Feed(piece)) {
      Transcript transcript = recorder.Take();
      if (transcript.done) transcript.left += bytes.size() - end;
      return transcript;
    }
    start = end;
  }
  recorder.Eof();
  return recorder.Take();
}

}  // namespace spillway
