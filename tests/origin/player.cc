#include "tests/origin/player.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace spillway {
namespace {

// Largest request head an origin reads before it gives up.
constexpr std::size_t kMaxHead = 4 * 1024 * 1024;

}  // namespace

Player::Player(Peer& peer, SeenLog& log, std::uint64_t connection, Board& board, const Hooks& hooks)
    : peer_(peer), wire_(peer), log_(log), connection_(connection), board_(board), hooks_(hooks) {}

void Player::Run(const Script& script) {
  if (Begin(script) && Play(script)) Serve(kUnlimited);
  if (wire_.tls() != nullptr) {
    tls_.alert = wire_.tls()->alert().empty() ? tls_.alert : wire_.tls()->alert();
    log_.OnTls(connection_, tls_);
  }
  if (!in_.empty()) log_.OnStray(connection_, in_);
  peer_.Close();
  log_.OnClosed(connection_);
}

bool Player::Play(const Script& script) {
  for (const Step& step : script) {
    if (!PlayStep(step)) return false;
  }
  return true;
}

bool Player::PlayStep(const Step& step) {
  switch (step.kind) {
    case StepKind::kExpectHead:
      return ExpectHead();
    case StepKind::kExpectBody:
      return ExpectBody(step.number);
    case StepKind::kExpectBytes:
      return ExpectBytes(step.number);
    case StepKind::kExpectEnd:
      log_.Note(connection_, "expect_end");
      DropUntilPeerEnds();
      return true;
    case StepKind::kSend:
      return SendStep(step);
    case StepKind::kDrip:
      return Drip(step);
    case StepKind::kServe:
      return Serve(step.number);
    case StepKind::kHold:
      return Hold();
    case StepKind::kRelease:
      return Release();
    case StepKind::kUrgent:
      log_.Note(connection_, "urgent");
      return wire_.Send(step.text, true);
    case StepKind::kSignal:
      log_.Note(connection_, "signal " + step.text);
      board_.Signal(step.text);
      return true;
    case StepKind::kWaitFor:
      log_.Note(connection_, "wait_for " + step.text);
      return board_.Await(step.text, std::chrono::hours(1));
    case StepKind::kStall:
      log_.Note(connection_, "stall");
      DropUntilPeerEnds();
      return false;
    case StepKind::kStopReading:
      log_.Note(connection_, "stop_reading");
      if (peer_.AwaitHangUp() == Peer::Got::kFin) log_.OnPeerEnd(connection_, PeerEnd::kFin);
      return false;
    case StepKind::kHalfClose:
      log_.Note(connection_, "half_close");
      peer_.ShutdownSend();
      return true;
    case StepKind::kShutRead:
      log_.Note(connection_, "shut_read");
      peer_.ShutdownReceive();
      return true;
    case StepKind::kFin:
      log_.Note(connection_, "fin");
      peer_.ShutdownSend();
      DropUntilPeerEnds();
      return false;
    case StepKind::kClose:
      log_.Note(connection_, "close");
      peer_.Close();
      return false;
    case StepKind::kRst:
      log_.Note(connection_, "rst");
      peer_.Reset();
      return false;
    case StepKind::kRepeat:
      for (std::uint64_t i = 0; i < step.number; ++i) {
        if (!Play(step.steps)) return false;
      }
      return true;
    default:
      return step.kind >= StepKind::kH2Start ? PlayHttp2(step) : PlayTls(step);
  }
}

bool Player::Hold() {
  peer_.Hold();
  return true;
}

bool Player::Release() {
  log_.Note(connection_, "release");
  peer_.Release();  // when the peer left meanwhile, the next step notices
  return true;
}

H2Player& Player::Http2() {
  if (http2_ == nullptr) {
    http2_ = std::make_unique<H2Player>(wire_, log_, connection_, hooks_,
                                        [this](const Step& step) { return PlayStep(step); });
  }
  return *http2_;
}

bool Player::Begin(const Script& script) {
  const bool own = HasStep(script, StepKind::kTls) || HasStep(script, StepKind::kPlain);
  if (hooks_.tls.has_value() && !own && !PlayTls(*hooks_.tls)) return false;
  return wire_.tls() == nullptr && own ? true : BeginHttp2(script);
}

bool Player::BeginHttp2(const Script& script) {
  const bool agreed = wire_.tls() != nullptr ? tls_.alpn == "h2" : hooks_.http2;
  const bool own = HasStep(script, StepKind::kH2Start) || HasStep(script, StepKind::kH2Preface);
  return !agreed || own || http2_ != nullptr || Http2().Start(Step{StepKind::kH2Start});
}

bool Player::PlayTls(const Step& step) {
  log_.Note(connection_, "tls");
  TlsServer* tls = wire_.tls();
  switch (step.kind) {
    case StepKind::kTls: {
      const bool finished = wire_.Secure(hooks_.tls_keys, TlsStepOf(step), tls_);
      log_.OnTls(connection_, tls_);
      if (!finished && !step.Has("cut")) DropUntilPeerEnds();
      return finished || step.Has("cut");
    }
    case StepKind::kPlain:
      return true;
    case StepKind::kRaw:
      return peer_.Send(step.text);
    case StepKind::kCloseNotify:
      return tls != nullptr && tls->SendCloseNotify();
    case StepKind::kRenegotiate:
      return tls != nullptr && tls->AskToRenegotiate();
    case StepKind::kKeyUpdate:
      return tls != nullptr && tls->SendKeyUpdates(step.number);
    default:
      return tls != nullptr && tls->SendTickets(step.number);
  }
}

bool Player::PlayHttp2(const Step& step) {
  switch (step.kind) {
    case StepKind::kH2Start:
      return Http2().Start(step);
    case StepKind::kH2Preface:
      return Http2().ReadPreface();
    case StepKind::kH2Frame:
      return Http2().SendFrame(step);
    case StepKind::kH2Expect:
      return Http2().Expect(step);
    default:
      Http2().Run(true);
      return false;
  }
}

void Player::Ended(Peer::Got got) {
  if (got == Peer::Got::kFin) log_.OnPeerEnd(connection_, PeerEnd::kFin);
  if (got == Peer::Got::kReset) log_.OnPeerEnd(connection_, PeerEnd::kReset);
}

bool Player::ReadMore() {
  const std::size_t before = in_.size();
  const Peer::Got got = wire_.Receive(in_);
  if (got == Peer::Got::kBytes) {
    log_.OnBytes(connection_, in_.size() - before, peer_.DataSegments());
    return true;
  }
  Ended(got);
  return false;
}

void Player::DropUntilPeerEnds() {
  if (http2_ != nullptr) return http2_->Run(false);
  while (ReadMore()) {
    log_.OnStray(connection_, in_);
    in_.clear();
  }
}

bool Player::ExpectHead() {
  std::size_t from = 0;
  for (;;) {
    const std::size_t end = in_.find("\r\n\r\n", from);
    if (end != std::string::npos) {
      request_ = ParseHead(std::string_view(in_).substr(0, end + 4));
      in_.erase(0, end + 4);
      log_.Note(connection_, "head " + request_.method + " " + request_.target);
      log_.OnHead(connection_, request_);
      return true;
    }
    from = in_.size() > 3 ? in_.size() - 3 : 0;
    if (in_.size() > kMaxHead || !ReadMore()) return false;
  }
}

bool Player::ExpectBody(std::uint64_t limit) {
  const SeenFraming framing = FramingOf(request_);
  if (framing.chunked) return ReadChunkedBody();
  const std::uint64_t have = request_.body.size();
  std::uint64_t left = std::min(limit, framing.length - std::min(have, framing.length));
  while (left > 0) {
    if (in_.empty() && !ReadMore()) return false;
    const std::size_t take = static_cast<std::size_t>(std::min<std::uint64_t>(left, in_.size()));
    request_.body.append(in_, 0, take);
    request_.body_complete = request_.body.size() == framing.length;
    log_.OnBody(connection_, std::string_view(in_).substr(0, take), request_.body_complete);
    in_.erase(0, take);
    left -= take;
  }
  if (framing.length == 0) log_.OnBody(connection_, "", true);
  return true;
}

bool Player::ReadChunkedBody() {
  for (;;) {
    std::size_t line = in_.find("\r\n");
    while (line == std::string::npos) {
      if (!ReadMore()) return false;
      line = in_.find("\r\n");
    }
    std::size_t size = 0;
    std::from_chars(in_.data(), in_.data() + line, size, 16);
    while (in_.size() < line + 2 + size + 2) {
      if (!ReadMore()) return false;
    }
    request_.body.append(in_, line + 2, size);
    request_.body_complete = size == 0;
    log_.OnBody(connection_, std::string_view(in_).substr(line + 2, size), size == 0);
    in_.erase(0, line + 2 + size + 2);
    if (size == 0) return true;
  }
}

bool Player::ExpectBytes(std::uint64_t count) {
  while (in_.size() < count) {
    if (!ReadMore()) return false;
  }
  log_.OnStray(connection_, std::string_view(in_).substr(0, static_cast<std::size_t>(count)));
  in_.erase(0, static_cast<std::size_t>(count));
  return true;
}

bool Player::SendStep(const Step& step) {
  log_.Note(connection_, "send " + std::to_string(step.text.size()));
  const std::string_view text = step.text;
  if (step.split_at > 0 && step.split_at < text.size()) {
    const auto at = static_cast<std::size_t>(step.split_at);
    return wire_.Send(text.substr(0, at)) && peer_.AwaitTaken() && wire_.Send(text.substr(at));
  }
  if (!step.each) {
    wire_.Send(text);  // when the peer left meanwhile, the next step notices
    return true;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!wire_.Send(text.substr(i, 1))) return false;
    if (i + 1 < text.size() && !peer_.AwaitTaken()) return false;
  }
  return true;
}

bool Player::Drip(const Step& step) {
  log_.Note(connection_, "drip");
  do {
    for (const char c : step.text) {
      if (!wire_.Send(std::string_view(&c, 1)) ||
          peer_.AwaitHangUp(static_cast<std::int64_t>(step.every_us)) != Peer::Got::kNothing) {
        DropUntilPeerEnds();
        return false;
      }
    }
  } while (step.forever);
  return true;
}

bool Player::Serve(std::uint64_t count) {
  if (http2_ != nullptr) return http2_->Serve(count);
  for (std::uint64_t i = 0; count == kUnlimited || i < count; ++i) {
    if (!ExpectHead()) return false;
    const auto instead =
        hooks_.on_head ? hooks_.on_head(request_, connection_) : std::optional<Script>();
    if (instead.has_value()) {
      if (!Play(*instead)) return false;
      continue;
    }
    if (!ExpectBody(kUnlimited) || !Play(hooks_.handler(request_, connection_))) return false;
  }
  return true;
}

}  // namespace spillway
