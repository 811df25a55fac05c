// HTTP/2 frames as bytes, without any manners: what a hostile origin sends and how the honest part
// of it reads.
//
// What it is: reading and writing of frames, a stateless HPACK writer (every field a literal
// without indexing, whatever its bytes) and an HPACK reader.
// Thread safety: pure functions; HpackReader none.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spillway {

inline constexpr std::string_view kClientPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

struct H2Type {
  static constexpr std::uint8_t kData = 0;
  static constexpr std::uint8_t kHeaders = 1;
  static constexpr std::uint8_t kPriority = 2;
  static constexpr std::uint8_t kReset = 3;
  static constexpr std::uint8_t kSettings = 4;
  static constexpr std::uint8_t kPushPromise = 5;
  static constexpr std::uint8_t kPing = 6;
  static constexpr std::uint8_t kGoAway = 7;
  static constexpr std::uint8_t kWindowUpdate = 8;
  static constexpr std::uint8_t kContinuation = 9;
};

struct H2Flag {
  static constexpr std::uint8_t kEndStream = 0x1;
  static constexpr std::uint8_t kAck = 0x1;
  static constexpr std::uint8_t kEndHeaders = 0x4;
  static constexpr std::uint8_t kPadded = 0x8;
  static constexpr std::uint8_t kPriority = 0x20;
};

struct H2Frame {
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  std::uint32_t stream = 0;
  std::string payload;

  bool Has(std::uint8_t flag) const { return (flags & flag) != 0; }
};

// `length` is written instead of the payload's when it is given.
std::string FrameBytes(const H2Frame& frame, std::optional<std::uint32_t> length = std::nullopt);
// Takes one whole frame off the front of `in`.
std::optional<H2Frame> TakeFrame(std::string& in);
// Payload of DATA or HEADERS without padding and priority; nullopt when these do not fit.
std::optional<std::string> Unpadded(const H2Frame& frame);

std::string BigEndian(std::uint64_t value, std::size_t bytes);
std::uint64_t ReadBigEndian(std::string_view bytes);

// "HEADERS", "PING" ...; the number for unknown ones.
std::string H2TypeName(std::uint8_t type);
// "REFUSED_STREAM" ...; the number for unknown ones.
std::string H2CodeName(std::uint32_t code);
std::optional<std::uint32_t> H2CodeOf(std::string_view name_or_number);
// By the names that scripts use: table_size push max_streams window frame_size header_list.
std::optional<std::uint16_t> H2SettingOf(std::string_view name_or_number);

using H2Fields = std::vector<std::pair<std::string, std::string>>;

std::string HeaderBlock(const H2Fields& fields);

class HpackReader {
 public:
  HpackReader();
  ~HpackReader();
  HpackReader(const HpackReader&) = delete;
  HpackReader& operator=(const HpackReader&) = delete;
  // nullopt: not HPACK.
  std::optional<H2Fields> Read(std::string_view block);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace spillway
