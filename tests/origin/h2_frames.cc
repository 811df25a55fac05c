#include "tests/origin/h2_frames.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>

#include "tests/origin/text.h"

namespace spillway {
namespace {

constexpr std::size_t kFrameHead = 9;
constexpr std::size_t kPriorityBytes = 5;

constexpr std::array<std::string_view, 10> kTypes = {
    "DATA",         "HEADERS", "PRIORITY", "RST_STREAM",    "SETTINGS",
    "PUSH_PROMISE", "PING",    "GOAWAY",   "WINDOW_UPDATE", "CONTINUATION"};

constexpr std::array<std::string_view, 14> kCodes = {"NO_ERROR",
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

constexpr std::array<std::string_view, 7> kSettings = {
    "", "table_size", "push", "max_streams", "window", "frame_size", "header_list"};

template <std::size_t N>
std::optional<std::uint32_t> PlaceOf(const std::array<std::string_view, N>& names,
                                     std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<std::uint32_t>(found - names.begin());
  const auto number = ReadNumber(name);
  if (!number.has_value()) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

// A string literal of HPACK, without Huffman coding.
std::string Literal(std::string_view text) {
  constexpr std::size_t kPrefix = 127;
  std::string out;
  if (text.size() < kPrefix) {
    out += static_cast<char>(text.size());
  } else {
    out += static_cast<char>(kPrefix);
    std::size_t rest = text.size() - kPrefix;
    while (rest >= 128) {
      out += static_cast<char>(rest % 128 + 128);
      rest /= 128;
    }
    out += static_cast<char>(rest);
  }
  return out.append(text);
}

}  // namespace

std::string BigEndian(std::uint64_t value, std::size_t bytes) {
  std::string out(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) {
    out[bytes - 1 - i] = static_cast<char>(value & 0xff);
    value >>= 8U;
  }
  return out;
}

std::uint64_t ReadBigEndian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8U | static_cast<unsigned char>(c);
  return value;
}

std::string FrameBytes(const H2Frame& frame, std::optional<std::uint32_t> length) {
  std::string out = BigEndian(length.value_or(static_cast<std::uint32_t>(frame.payload.size())), 3);
  out += static_cast<char>(frame.type);
  out += static_cast<char>(frame.flags);
  out += BigEndian(frame.stream, 4);
  return out + frame.payload;
}

std::optional<H2Frame> TakeFrame(std::string& in) {
  if (in.size() < kFrameHead) return std::nullopt;
  const std::string_view head(in);
  const auto length = static_cast<std::size_t>(ReadBigEndian(head.substr(0, 3)));
  if (in.size() < kFrameHead + length) return std::nullopt;
  H2Frame frame;
  frame.type = static_cast<std::uint8_t>(in[3]);
  frame.flags = static_cast<std::uint8_t>(in[4]);
  frame.stream = static_cast<std::uint32_t>(ReadBigEndian(head.substr(5, 4))) & 0x7fffffff;
  frame.payload = in.substr(kFrameHead, length);
  in.erase(0, kFrameHead + length);
  return frame;
}

std::optional<std::string> Unpadded(const H2Frame& frame) {
  std::string_view rest = frame.payload;
  std::size_t padding = 0;
  if (frame.Has(H2Flag::kPadded)) {
    if (rest.empty()) return std::nullopt;
    padding = static_cast<unsigned char>(rest.front());
    rest.remove_prefix(1);
  }
  if (frame.type == H2Type::kHeaders && frame.Has(H2Flag::kPriority)) {
    if (rest.size() < kPriorityBytes) return std::nullopt;
    rest.remove_prefix(kPriorityBytes);
  }
  if (padding > rest.size()) return std::nullopt;
  rest.remove_suffix(padding);
  return std::string(rest);
}

std::string H2TypeName(std::uint8_t type) {
  return type < kTypes.size() ? std::string(kTypes.at(type)) : std::to_string(type);
}

std::string H2CodeName(std::uint32_t code) {
  return code < kCodes.size() ? std::string(kCodes.at(code)) : std::to_string(code);
}

std::optional<std::uint32_t> H2CodeOf(std::string_view name_or_number) {
  return PlaceOf(kCodes, name_or_number);
}

std::optional<std::uint16_t> H2SettingOf(std::string_view name_or_number) {
  const auto place = PlaceOf(kSettings, name_or_number);
  if (!place.has_value()) return std::nullopt;
  return static_cast<std::uint16_t>(*place);
}

std::string HeaderBlock(const H2Fields& fields) {
  std::string out;
  for (const auto& [name, value] : fields) {
    out += '\0';  // literal without indexing, new name
    out += Literal(name);
    out += Literal(value);
  }
  return out;
}

struct HpackReader::State {
  nghttp2_hd_inflater* inflater = nullptr;
};

HpackReader::HpackReader() : state_(std::make_unique<State>()) {
  nghttp2_hd_inflate_new(&state_->inflater);
}

HpackReader::~HpackReader() { nghttp2_hd_inflate_del(state_->inflater); }

std::optional<H2Fields> HpackReader::Read(std::string_view block) {
  H2Fields fields;
  const auto* at = reinterpret_cast<const std::uint8_t*>(block.data());
  std::size_t left = block.size();
  for (;;) {
    nghttp2_nv field{};
    int flags = 0;
    const ssize_t n = nghttp2_hd_inflate_hd2(state_->inflater, &field, &flags, at, left, 1);
    if (n < 0) return std::nullopt;
    at += n;
    left -= static_cast<std::size_t>(n);
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
      fields.emplace_back(std::string(reinterpret_cast<const char*>(field.name), field.namelen),
                          std::string(reinterpret_cast<const char*>(field.value), field.valuelen));
    }
    if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0 && left == 0) break;
  }
  nghttp2_hd_inflate_end_headers(state_->inflater);
  return fields;
}

}  // namespace spillway
