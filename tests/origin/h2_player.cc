#include "tests/origin/h2_player.h"

#include <algorithm>
#include <utility>

#include "tests/origin/h2_request.h"

namespace spillway {
namespace {

constexpr std::uint16_t kInitialWindow = 4;

}  // namespace

H2Player::H2Player(Wire& wire, SeenLog& log, std::uint64_t connection, const Hooks& hooks,
                   std::function<bool(const Step&)> other)
    : wire_(wire), log_(log), connection_(connection), hooks_(hooks), other_(std::move(other)) {}

// --- What comes in ---

bool H2Player::Pump(int wait_ms) {
  const std::size_t before = in_.size();
  const Peer::Got got = wire_.Receive(in_, wait_ms);
  if (got == Peer::Got::kNothing) return true;
  if (got != Peer::Got::kBytes) {
    log_.OnHttp2(connection_, seen_);
    if (got == Peer::Got::kFin) log_.OnPeerEnd(connection_, PeerEnd::kFin);
    if (got == Peer::Got::kReset) log_.OnPeerEnd(connection_, PeerEnd::kReset);
    return false;
  }
  log_.OnBytes(connection_, in_.size() - before, wire_.peer().DataSegments());
  if (!preface_read_) {
    if (in_.size() < kClientPreface.size()) return true;
    seen_.preface = in_.starts_with(kClientPreface);
    if (!seen_.preface) Wrong("no preface");
    in_.erase(0, kClientPreface.size());
    preface_read_ = true;
  }
  while (auto frame = TakeFrame(in_)) Handle(*frame);
  log_.OnHttp2(connection_, seen_);
  return true;
}

void H2Player::Wrong(const std::string& what) {
  if (seen_.error.empty()) seen_.error = what;
}

void H2Player::Handle(const H2Frame& frame) {
  ++seen_.frames[H2TypeName(frame.type)];
  if (!block_.payload.empty() && frame.type != H2Type::kContinuation) Wrong("a block interrupted");
  switch (frame.type) {
    case H2Type::kData:
      return HandleData(frame);
    case H2Type::kHeaders:
    case H2Type::kContinuation:
      return HandleBlock(frame);
    case H2Type::kReset:
      return HandleReset(frame);
    case H2Type::kSettings:
      return HandleSettings(frame);
    case H2Type::kPing:
      return HandlePing(frame);
    case H2Type::kGoAway:
      return HandleGoAway(frame);
    case H2Type::kWindowUpdate:
      return HandleWindow(frame);
    default:
      return;
  }
}

void H2Player::HandleSettings(const H2Frame& frame) {
  if (frame.Has(H2Flag::kAck)) {
    ++events_["ack"];
    ++seen_.acks["SETTINGS"];
    return;
  }
  ++events_["settings"];
  const std::string_view payload = frame.payload;
  for (std::size_t at = 0; at + 6 <= payload.size(); at += 6) {
    const auto id = static_cast<std::uint16_t>(ReadBigEndian(payload.substr(at, 2)));
    const auto value = static_cast<std::uint32_t>(ReadBigEndian(payload.substr(at + 2, 4)));
    seen_.settings[id] = value;
    if (id != kInitialWindow) continue;
    for (auto& [number, stream] : streams_) stream.window += value - initial_window_;
    initial_window_ = value;
  }
  if (polite_) Reply({H2Type::kSettings, H2Flag::kAck, 0, ""});
}

void H2Player::HandlePing(const H2Frame& frame) {
  if (frame.Has(H2Flag::kAck)) {
    ++events_["ping_ack"];
    ++seen_.acks["PING"];
    return;
  }
  ++events_["ping"];
  if (polite_) Reply({H2Type::kPing, H2Flag::kAck, 0, frame.payload});
}

void H2Player::HandleBlock(const H2Frame& frame) {
  if (frame.type == H2Type::kHeaders) {
    const auto text = Unpadded(frame);
    if (!text.has_value()) Wrong("padding");
    block_ = frame;
    block_.payload = text.value_or("");
  } else {
    block_.payload += frame.payload;
    block_.flags |= frame.flags;
  }
  if (!block_.Has(H2Flag::kEndHeaders)) return;
  const auto fields = hpack_.Read(block_.payload);
  block_.payload.clear();
  if (!fields.has_value()) return Wrong("HPACK");
  const std::uint32_t id = block_.stream;
  if (id > highest_) OpenStream(id, *fields);
  if (id <= highest_ && !streams_.contains(id)) return;  // forgotten
  if (block_.Has(H2Flag::kEndStream)) EndStream(id, streams_[id]);
}

void H2Player::OpenStream(std::uint32_t id, const H2Fields& fields) {
  if (id % 2 == 0 || id <= highest_) Wrong("stream id");
  Stream& stream = streams_[id];
  stream.request = RequestOf(id, fields);
  stream.window = initial_window_;
  order_.push_back(id);
  highest_ = std::max(highest_, id);
  seen_.most_open = std::max(seen_.most_open, OpenCount());
  log_.Note(connection_, "head " + stream.request.method + " " + stream.request.target);
  log_.OnHead(connection_, stream.request);
}

std::uint64_t H2Player::OpenCount() const {
  return static_cast<std::uint64_t>(std::count_if(streams_.begin(), streams_.end(), [](auto& one) {
    return !one.second.answered && !one.second.reset;
  }));
}

void H2Player::EndStream(std::uint32_t id, Stream& stream) {
  stream.ended = true;
  stream.request.body_complete = true;
  log_.OnStreamBody(connection_, id, "", true);
}

void H2Player::HandleData(const H2Frame& frame) {
  const auto text = Unpadded(frame);
  const auto found = streams_.find(frame.stream);
  if (!text.has_value() || found == streams_.end() || found->second.ended) return Wrong("DATA");
  Stream& stream = found->second;
  stream.data += text->size();
  seen_.data_bytes += text->size();
  stream.request.body += *text;
  log_.OnStreamBody(connection_, frame.stream, *text, false);
  if (frame.Has(H2Flag::kEndStream)) EndStream(frame.stream, stream);
  if (!polite_ || frame.payload.empty()) return;
  const std::string bytes = BigEndian(frame.payload.size(), 4);
  Reply({H2Type::kWindowUpdate, 0, 0, bytes});
  if (!stream.ended) Reply({H2Type::kWindowUpdate, 0, frame.stream, bytes});
}

void H2Player::HandleReset(const H2Frame& frame) {
  ++events_["rst"];
  const auto code = static_cast<std::uint32_t>(ReadBigEndian(frame.payload));
  if (seen_.resets.size() < 1000) seen_.resets.emplace_back(frame.stream, H2CodeName(code));
  if (const auto found = streams_.find(frame.stream); found != streams_.end()) {
    found->second.reset = true;
  } else if (frame.stream > highest_) {
    Wrong("RST_STREAM of an idle stream");
  }
}

void H2Player::HandleGoAway(const H2Frame& frame) {
  ++events_["goaway"];
  const std::string_view payload = frame.payload;
  if (payload.size() < 8) return Wrong("GOAWAY");
  seen_.goaways.emplace_back(
      static_cast<std::uint32_t>(ReadBigEndian(payload.substr(0, 4))),
      H2CodeName(static_cast<std::uint32_t>(ReadBigEndian(payload.substr(4, 4)))));
}

void H2Player::HandleWindow(const H2Frame& frame) {
  ++events_["window"];
  const auto more = static_cast<std::int64_t>(ReadBigEndian(frame.payload));
  if (more == 0) Wrong("WINDOW_UPDATE of nothing");
  if (frame.stream == 0) {
    connection_window_ += more;
  } else if (const auto found = streams_.find(frame.stream); found != streams_.end()) {
    found->second.window += more;
  }
}

}  // namespace spillway
