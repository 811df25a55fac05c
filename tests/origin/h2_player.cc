#include "tests/origin/h2_player.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "tests/origin/h2_request.h"
#include "tests/origin/text.h"

namespace spillway {
namespace {

constexpr std::size_t kLargestData = 16384;
constexpr std::uint16_t kInitialWindow = 4;

// A script is part of the test: a slip in it ends the program.
[[noreturn]] void Bad(const Step& step, const std::string& key) {
  std::fprintf(stderr, "bad script: %s in `h2 %s`\n", key.c_str(), step.text.c_str());
  std::abort();
}

std::uint64_t NumberIn(const Step& step, std::string_view key, std::uint64_t otherwise) {
  if (!step.Has(key)) return otherwise;
  const auto number = ReadNumber(step.Argument(key));
  if (!number.has_value()) Bad(step, std::string(key));
  return *number;
}

std::uint32_t CodeIn(const Step& step) {
  if (!step.Has("code")) return 0;
  const auto code = H2CodeOf(step.Argument("code"));
  if (!code.has_value()) Bad(step, "code");
  return *code;
}

std::string SettingsOf(const Step& step) {
  std::string payload;
  for (const auto& [key, value] : step.arguments) {
    const auto setting = H2SettingOf(key);
    const auto number = ReadNumber(value);
    if (!setting.has_value() || !number.has_value()) continue;
    payload += BigEndian(*setting, 2) + BigEndian(*number, 4);
  }
  return payload;
}

std::string BlockOf(const Step& step) {
  H2Fields fields;
  std::string raw;
  for (const auto& [key, value] : step.arguments) {
    if (key == "status") fields.emplace_back(":status", value);
    if (key == "name") fields.emplace_back(value, "");
    if (key == "value" && !fields.empty()) fields.back().second = value;
    if (key == "block") raw += value;
    if (key != "field") continue;
    const std::size_t colon = value.find(": ", 1);
    if (colon == std::string::npos) Bad(step, "field");
    fields.emplace_back(value.substr(0, colon), value.substr(colon + 2));
  }
  return HeaderBlock(fields) + raw;
}

std::string Padded(const Step& step, H2Frame& frame, const std::string& text) {
  if (!step.Has("pad")) return text;
  frame.flags |= H2Flag::kPadded;
  const std::uint64_t pad = NumberIn(step, "pad", 0);
  return BigEndian(pad, 1) + text + std::string(static_cast<std::size_t>(pad), '\0');
}

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

// --- What a script asks for ---

bool H2Player::ReadPreface() {
  polite_ = false;
  while (!preface_read_) {
    if (!Pump(-1)) return false;
  }
  return true;
}

bool H2Player::Start(const Step& step) {
  polite_ = !step.Has("rude");
  // Before anything is read: an acknowledgement must not be the first frame.
  if (!Reply({H2Type::kSettings, 0, 0, SettingsOf(step)})) return false;
  while (!Taken("settings")) {
    if (!Pump(-1)) return false;
  }
  return true;
}

bool H2Player::Taken(const std::string& event) {
  if (taken_[event] >= events_[event]) return false;
  ++taken_[event];
  return true;
}

bool H2Player::Expect(const Step& step) {
  const auto happened = [&] {
    if (step.text == "headers") {
      if (next_request_ >= order_.size()) return false;
      current_ = order_[next_request_++];
      return true;
    }
    if (step.text == "end") return streams_[current_].ended;
    if (step.text == "data") return streams_[current_].data >= NumberIn(step, "bytes", 1);
    return Taken(step.text);
  };
  while (!happened()) {
    if (!Pump(-1)) return false;
  }
  return true;
}

void H2Player::Run(bool polite) {
  polite_ = polite_ && polite;
  while (Pump(-1)) {
  }
}

std::uint32_t H2Player::StreamOf(const Step& step, std::string_view key,
                                 std::uint32_t otherwise) const {
  if (!step.Has(key)) return otherwise;
  const std::string text = step.Argument(key);
  if (text == "$") return current_;
  if (text.starts_with("$")) {
    const auto place = ReadNumber(std::string_view(text).substr(1));
    if (!place.has_value() || *place == 0 || *place > order_.size()) Bad(step, text);
    return order_[static_cast<std::size_t>(*place) - 1];
  }
  return static_cast<std::uint32_t>(NumberIn(step, key, 0));
}

H2Frame H2Player::FrameOf(const Step& step) const {
  H2Frame frame;
  const std::string& type = step.text;
  const bool of_stream = type == "data" || type == "headers" || type == "continuation" ||
                         type == "rst" || type == "push_promise" || type == "priority";
  frame.stream = StreamOf(step, "stream", of_stream ? current_ : 0);
  if (step.Has("end")) frame.flags |= H2Flag::kEndStream;
  frame.payload = step.Argument("payload");
  if (type == "data") {
    frame.payload = Padded(step, frame, step.Argument("text"));
  } else if (type == "headers" || type == "continuation" || type == "push_promise") {
    frame.type = type == "headers"        ? H2Type::kHeaders
                 : type == "continuation" ? H2Type::kContinuation
                                          : H2Type::kPushPromise;
    if (!step.Has("more")) frame.flags |= H2Flag::kEndHeaders;
    std::string text = BlockOf(step);
    if (step.Has("promised")) text = BigEndian(NumberIn(step, "promised", 2), 4) + text;
    frame.payload = Padded(step, frame, text);
  } else if (type == "rst") {
    frame.type = H2Type::kReset;
    frame.payload = BigEndian(CodeIn(step), 4);
  } else if (type == "settings") {
    frame.type = H2Type::kSettings;
    if (step.Has("ack")) frame.flags |= H2Flag::kAck;
    frame.payload += SettingsOf(step);
  } else if (type == "ping") {
    frame.type = H2Type::kPing;
    if (step.Has("ack")) frame.flags |= H2Flag::kAck;
    if (!step.Has("payload")) frame.payload = "scripted";
  } else if (type == "goaway") {
    frame.type = H2Type::kGoAway;
    frame.payload = BigEndian(StreamOf(step, "last", current_), 4) + BigEndian(CodeIn(step), 4) +
                    step.Argument("debug");
  } else if (type == "window") {
    frame.type = H2Type::kWindowUpdate;
    frame.payload = BigEndian(NumberIn(step, "inc", 0), 4);
  } else if (type == "priority") {
    frame.type = H2Type::kPriority;
    if (!step.Has("payload")) frame.payload = std::string(5, '\0');
  } else if (type == "unknown") {
    frame.type = static_cast<std::uint8_t>(NumberIn(step, "type", 0x77));
  } else {
    Bad(step, "type");
  }
  if (step.Has("flags")) frame.flags = static_cast<std::uint8_t>(NumberIn(step, "flags", 0));
  return frame;
}

bool H2Player::SendFrame(const Step& step) {
  constexpr std::size_t kBatch = 64 * 1024;
  std::optional<std::uint32_t> length;
  if (step.Has("length")) length = static_cast<std::uint32_t>(NumberIn(step, "length", 0));
  const std::string bytes = FrameBytes(FrameOf(step), length);
  const std::uint64_t times = NumberIn(step, "times", 1);
  log_.Note(connection_, "h2 " + step.text);
  std::string batch;
  for (std::uint64_t sent = 0; sent < times;) {
    batch.clear();
    for (; sent < times && batch.size() < kBatch; ++sent) batch += bytes;
    // When the peer left meanwhile, the next step notices.
    if (!wire_.Send(batch)) return true;
    if (times > 1 && polite_ && !Pump(0)) return false;
  }
  return true;
}

// --- Serving ---

bool H2Player::SendData(std::uint32_t id, std::string_view body, std::size_t piece) {
  while (!body.empty()) {
    Stream& stream = streams_[id];
    if (stream.reset) return true;
    const std::int64_t room = std::min(stream.window, connection_window_);
    if (room <= 0) {
      if (!Pump(-1)) return false;
      continue;
    }
    const std::size_t take =
        std::min({body.size(), piece, static_cast<std::size_t>(room), kLargestData});
    const bool last = take == body.size();
    stream.window -= static_cast<std::int64_t>(take);
    connection_window_ -= static_cast<std::int64_t>(take);
    const H2Frame frame{H2Type::kData, static_cast<std::uint8_t>(last ? H2Flag::kEndStream : 0), id,
                        std::string(body.substr(0, take))};
    if (!Reply(frame)) return false;
    body.remove_prefix(take);
  }
  return true;
}

bool H2Player::AnswerWith(std::uint32_t id, std::string_view response, std::size_t piece) {
  for (;;) {
    const H2Answer answer = ReadAnswer(response);
    std::uint8_t flags = H2Flag::kEndHeaders;
    if (!answer.informational && answer.rest.empty()) flags |= H2Flag::kEndStream;
    if (!Reply({H2Type::kHeaders, flags, id, HeaderBlock(answer.fields)})) return false;
    response = answer.rest;
    if (!answer.informational) break;
  }
  streams_[id].answered = true;
  return SendData(id, response, piece);
}

bool H2Player::PlayFor(std::uint32_t id, const Script& script) {
  current_ = id;
  for (const Step& step : script) {
    bool on = true;
    if (step.kind == StepKind::kSend || step.kind == StepKind::kDrip) {
      on = AnswerWith(id, step.text, step.kind == StepKind::kDrip ? 1 : kLargestData);
    } else if (step.kind == StepKind::kH2Frame) {
      streams_[id].answered = true;
      on = SendFrame(step);
    } else {
      on = other_(step);
    }
    if (!on) return false;
  }
  streams_[id].answered = true;
  return true;
}

// Long loads: what is over is forgotten, in order.
void H2Player::Forget() {
  constexpr std::size_t kKept = 256;
  while (order_.size() > kKept && next_request_ == 0) {
    const Stream& oldest = streams_[order_.front()];
    if (!oldest.ended || (!oldest.answered && !oldest.reset)) return;
    streams_.erase(order_.front());
    order_.erase(order_.begin());
  }
}

bool H2Player::ServeOne(std::uint32_t id, bool& moved) {
  Stream& stream = streams_[id];
  if (stream.answered || stream.reset) return true;
  if (!stream.hooked && hooks_.on_head) {
    stream.hooked = true;
    const auto instead = hooks_.on_head(stream.request, connection_);
    moved = instead.has_value();
    if (moved) return PlayFor(id, *instead);
  }
  moved = stream.ended;
  return !moved || PlayFor(id, hooks_.handler(stream.request, connection_));
}

bool H2Player::Serve(std::uint64_t count) {
  for (std::uint64_t served = 0; served < count;) {
    bool any = false;
    for (std::size_t i = 0; i < order_.size() && served < count; ++i) {
      bool moved = false;
      if (!ServeOne(order_[i], moved)) return false;
      any = any || moved;
      served += moved ? 1 : 0;
    }
    Forget();
    if (!any && !Pump(-1)) return false;
  }
  return true;
}

}  // namespace spillway
