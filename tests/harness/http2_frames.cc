#include "tests/harness/http2_frames.h"

#include <array>

namespace spillway::h2 {
namespace {

constexpr std::size_t kHeaderBytes = 9;

std::uint64_t Read(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

std::string CodeName(std::uint32_t code) {
  constexpr std::array<const char*, 14> kNames = {"NO_ERROR",
                                                  "PROTOCOL_ERROR",
                                                  "INTERNAL_ERROR",
                                                  "FLOW_CONTROL_ERROR",
                                                  "SETTINGS_TIMEOUT",
                                                  "STREAM_CLOSED",
                                                  "FRAME_SIZE_ERROR",
                                                  "REFUSED_STREAM",
                                                  "CANCEL",
                                                  "COMPRESSION_ERROR",
                                                  "CONNECT_ERROR",
                                                  "ENHANCE_YOUR_CALM",
                                                  "INADEQUATE_SECURITY",
                                                  "HTTP_1_1_REQUIRED"};
  return code < kNames.size() ? kNames[code] : std::to_string(code);
}

}  // namespace

std::string Number(std::uint64_t value, int bytes) {
  std::string out;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out += static_cast<char>(value >> shift & 0xff);
  }
  return out;
}

std::string Frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                  std::string_view payload) {
  std::string out = Number(payload.size(), 3);
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  out += Number(stream, 4);
  out += payload;
  return out;
}

std::string Settings(std::initializer_list<std::pair<std::uint16_t, std::uint32_t>> entries) {
  std::string payload;
  for (const auto& [id, value] : entries) payload += Number(id, 2) + Number(value, 4);
  return Frame(kSettings, 0, 0, payload);
}

std::string SettingsAck() { return Frame(kSettings, kAck, 0); }

std::string Ping(std::string_view opaque, bool ack) {
  return Frame(kPing, ack ? kAck : std::uint8_t{0}, 0, opaque);
}

std::string GoAway(std::uint32_t last, std::uint32_t code, std::string_view debug) {
  return Frame(kGoAway, 0, 0, Number(last, 4) + Number(code, 4) + std::string(debug));
}

std::string Rst(std::uint32_t stream, std::uint32_t code) {
  return Frame(kRst, 0, stream, Number(code, 4));
}

std::string Window(std::uint32_t stream, std::uint32_t increment) {
  return Frame(kWindow, 0, stream, Number(increment, 4));
}

std::string Data(std::uint32_t stream, std::string_view bytes, bool end) {
  return Frame(kData, end ? kEndStream : std::uint8_t{0}, stream, bytes);
}

std::string PaddedData(std::uint32_t stream, std::string_view bytes, std::uint8_t padding,
                       bool end) {
  const auto flags = static_cast<std::uint8_t>(kPadded | (end ? kEndStream : 0));
  return Frame(kData, flags, stream,
               Number(padding, 1) + std::string(bytes) + std::string(padding, '\0'));
}

std::string Headers(std::uint32_t stream, const Fields& fields, bool end) {
  const auto flags = static_cast<std::uint8_t>(kEndHeaders | (end ? kEndStream : 0));
  return Frame(kHeaders, flags, stream, Block(fields));
}

std::string HpackInteger(std::uint64_t value, int prefix_bits, std::uint8_t first_bits) {
  const std::uint64_t most = (std::uint64_t{1} << prefix_bits) - 1;
  if (value < most) return std::string(1, static_cast<char>(first_bits | value));
  std::string out(1, static_cast<char>(first_bits | most));
  value -= most;
  while (value >= 0x80) {
    out += static_cast<char>(0x80 | (value & 0x7f));
    value >>= 7;
  }
  out += static_cast<char>(value);
  return out;
}

std::string Block(const Fields& fields) {
  std::string out;
  for (const auto& [name, value] : fields) {
    out += '\0';
    out += HpackInteger(name.size(), 7, 0);
    out += name;
    out += HpackInteger(value.size(), 7, 0);
    out += value;
  }
  return out;
}

std::uint32_t SeenFrame::Word(std::size_t offset) const {
  return static_cast<std::uint32_t>(Read(std::string_view(payload).substr(offset, 4)));
}

std::vector<SeenFrame> TakeFrames(std::string& bytes) {
  std::vector<SeenFrame> frames;
  while (bytes.size() >= kHeaderBytes) {
    const std::string_view all = bytes;
    const std::size_t length = Read(all.substr(0, 3));
    if (all.size() < kHeaderBytes + length) break;
    SeenFrame frame;
    frame.type = static_cast<std::uint8_t>(all[3]);
    frame.flags = static_cast<std::uint8_t>(all[4]);
    frame.stream = static_cast<std::uint32_t>(Read(all.substr(5, 4)));
    frame.payload = all.substr(kHeaderBytes, length);
    frames.push_back(std::move(frame));
    bytes.erase(0, kHeaderBytes + length);
  }
  return frames;
}

std::string Describe(const SeenFrame& frame) {
  const std::string stream = " " + std::to_string(frame.stream);
  const std::string end = frame.Has(kEndStream) ? " END_STREAM" : "";
  switch (frame.type) {
    case kData:
      return "DATA" + stream + " " + std::to_string(frame.payload.size()) + end;
    case kHeaders:
      return "HEADERS" + stream + end;
    case kRst:
      return "RST_STREAM" + stream + " " + CodeName(frame.Word(0));
    case kSettings:
      return frame.Has(kAck) ? "SETTINGS ACK" : "SETTINGS";
    case kPing:
      return frame.Has(kAck) ? "PING ACK" : "PING";
    case kGoAway:
      return "GOAWAY " + std::to_string(frame.Word(0)) + " " + CodeName(frame.Word(4));
    case kWindow:
      return "WINDOW_UPDATE" + stream + " +" + std::to_string(frame.Word(0));
    default:
      return "type " + std::to_string(frame.type) + stream;
  }
}

}  // namespace spillway::h2
