#include "tests/transport/http2/session_driver.h"

#include <utility>

#include "transport/base/check.h"

namespace spillway {

void HeardStream::OnInformational(ResponseHead given) { informational.push_back(given.status); }

void HeardStream::OnHead(ResponseHead given, BodyKind given_kind, std::uint64_t given_length) {
  SPILLWAY_CHECK_NOTE(!head_seen && !ended, "one head, before the end");
  head_seen = true;
  head = std::move(given);
  kind = given_kind;
  length = given_length;
}

void HeardStream::OnData(std::string_view bytes) {
  SPILLWAY_CHECK_NOTE(head_seen && !ended, "data between head and end");
  body += bytes;
  if (consume) consume(bytes.size());
}

void HeardStream::OnEnd(Http2StreamEnd given) {
  SPILLWAY_CHECK_NOTE(!ended, "one end");
  ended = true;
  end = std::move(given);
}

std::string HeardStream::outcome() const {
  if (id == 0) return "not sent: " + std::string(Label(refused.reason));
  if (!ended) return "running";
  return end.failure ? std::string(Label(end.failure->reason)) : "";
}

SessionDriver::SessionDriver(const Http2Limits& limits) {
  Http2Visitor& visitor = *this;
  session_ = std::make_unique<Http2Session>(limits, visitor, now_);
  Drain();
}

HeardStream& SessionDriver::Send(std::string_view method, std::shared_ptr<BodySource> body,
                                 HeaderList headers, Http2BodyStart start) {
  RequestHead& head = heads_.emplace_back();
  head.method = method;
  head.url = {"https", "origin.test", 443, HostKind::kName, "/path?q=1"};
  head.headers = std::move(headers);
  if (start == Http2BodyStart::kInTunnel) head.target = "far.test:443";
  HeardStream& stream = streams_.emplace_back();
  const Result<std::int32_t> id =
      session_->Submit({&head, std::move(body), &response_limits, start}, stream, now_);
  if (!id.has_value()) {
    stream.refused = id.error();
    return stream;
  }
  stream.id = *id;
  if (!hold_windows) {
    stream.consume = [this, name = *id](std::size_t bytes) { session_->Consume(name, bytes); };
  }
  session_->Fill();
  Drain();
  return stream;
}

void SessionDriver::Handshake(
    std::initializer_list<std::pair<std::uint16_t, std::uint32_t>> settings) {
  Receive(h2::Settings(settings) + h2::SettingsAck());
  TakeSent();
}

void SessionDriver::Receive(std::string_view bytes) {
  session_->Receive(bytes, now_);
  Drain();
}

void SessionDriver::ReceiveInPieces(std::string_view bytes, std::size_t size) {
  for (; !bytes.empty(); bytes.remove_prefix(std::min(size, bytes.size()))) {
    Receive(bytes.substr(0, size));
  }
}

void SessionDriver::Advance(Duration by) {
  now_ = After(now_, by);
  if (now_ >= session_->next_deadline()) session_->OnTimer(now_);
  Drain();
}

void SessionDriver::Drain() {
  do {
    session_->Fill();
    const std::string output(session_->output());
    sent_ += output;
    session_->Written(output.size());
    session_->Fill();
  } while (!session_->output().empty());
  if (!preface_seen_ && sent_.size() >= h2::kPreface.size()) {
    SPILLWAY_CHECK(sent_.starts_with(h2::kPreface));
    sent_.erase(0, h2::kPreface.size());
    preface_seen_ = true;
  }
}

std::vector<h2::SeenFrame> SessionDriver::TakeFrames() {
  Drain();
  return h2::TakeFrames(sent_);
}

std::vector<std::string> SessionDriver::TakeSent() {
  std::vector<std::string> lines;
  for (const h2::SeenFrame& frame : TakeFrames()) lines.push_back(h2::Describe(frame));
  return lines;
}

std::string SessionDriver::TakeSentOfStreams() {
  std::string joined;
  for (const std::string& line : TakeSent()) {
    if (line.starts_with("SETTINGS") || line.starts_with("WINDOW") || line.starts_with("PING")) {
      continue;
    }
    if (!joined.empty()) joined += "; ";
    joined += line;
  }
  return joined;
}

std::string SessionDriver::failure() const {
  if (!session_->failure()) return "";
  switch (session_->failure()->kind) {
    case Http2SessionFailure::Kind::kProtocol:
      return "protocol";
    case Http2SessionFailure::Kind::kNotHttp2:
      return "not http2";
    case Http2SessionFailure::Kind::kFlood:
      return "flood";
    case Http2SessionFailure::Kind::kSettingsTimeout:
      return "settings timeout";
    case Http2SessionFailure::Kind::kPingTimeout:
      return "ping timeout";
  }
  return "?";
}

std::function<void()> SessionDriver::WakeUpload(std::int32_t stream) {
  return [this, stream] {
    session_->ResumeUpload(stream);
    Drain();
  };
}

}  // namespace spillway
