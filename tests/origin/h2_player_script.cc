// H2Player: what scripts and handlers ask for.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "tests/origin/h2_player.h"
#include "tests/origin/h2_request.h"
#include "tests/origin/text.h"

namespace spillway {
namespace {

constexpr std::size_t kLargestData = 16384;

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
      streams_[current_].scripted = true;
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
  if (text == "$before") return current_ - 2;
  if (text == "$begun") return std::max(begun_, current_);
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
  if (step.text == "respond") {
    const auto status = static_cast<std::uint32_t>(NumberIn(step, "status", 200));
    return AnswerWith(current_, Answer(status, step.Argument("text")), kLargestData);
  }
  if (step.text == "goaway") {
    last_accepted_ = std::min(last_accepted_, StreamOf(step, "last", current_));
  }
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
  if (stream.answered || stream.reset || stream.scripted || id > last_accepted_) return true;
  if (!stream.hooked && hooks_.on_head) {
    stream.hooked = true;
    begun_ = std::max(begun_, id);
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
