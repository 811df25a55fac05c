// HTTP/2 frames as a test writes and reads them: no library, so that malformed ones are as easy as
// good ones.
//
// Thread safety: plain values and pure functions.

#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spillway::h2 {

inline constexpr std::uint8_t kData = 0, kHeaders = 1, kPriority = 2, kRst = 3, kSettings = 4,
                              kPush = 5, kPing = 6, kGoAway = 7, kWindow = 8, kContinuation = 9;
inline constexpr std::uint8_t kEndStream = 1, kAck = 1, kEndHeaders = 4, kPadded = 8;

inline constexpr std::uint32_t kNoError = 0, kProtocolError = 1, kInternalError = 2,
                               kFlowControlError = 3, kSettingsTimeout = 4, kStreamClosed = 5,
                               kFrameSizeError = 6, kRefusedStream = 7, kCancel = 8,
                               kCompressionError = 9, kEnhanceYourCalm = 11, kHttp11Required = 13;

inline constexpr std::uint16_t kHeaderTableSize = 1, kEnablePush = 2, kMaxStreams = 3,
                               kInitialWindow = 4, kMaxFrame = 5, kMaxHeaderList = 6;

inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

using Field = std::pair<std::string_view, std::string_view>;
using Fields = std::vector<Field>;

// Big-endian.
std::string Number(std::uint64_t value, int bytes);

// --- Writing ---

std::string Frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                  std::string_view payload = {});
std::string Settings(std::initializer_list<std::pair<std::uint16_t, std::uint32_t>> entries = {});
std::string SettingsAck();
std::string Ping(std::string_view opaque = "12345678", bool ack = false);
std::string GoAway(std::uint32_t last, std::uint32_t code, std::string_view debug = {});
std::string Rst(std::uint32_t stream, std::uint32_t code);
std::string Window(std::uint32_t stream, std::uint32_t increment);
std::string Data(std::uint32_t stream, std::string_view bytes, bool end = false);
// `padding` bytes after `bytes`, and one for their number.
std::string PaddedData(std::uint32_t stream, std::string_view bytes, std::uint8_t padding,
                       bool end = false);
std::string Headers(std::uint32_t stream, const Fields& fields, bool end = false);

// HPACK: literals without indexing, nothing compressed.
std::string Block(const Fields& fields);
std::string HpackInteger(std::uint64_t value, int prefix_bits, std::uint8_t first_bits);

// --- Reading ---

struct SeenFrame {
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  std::uint32_t stream = 0;
  std::string payload;

  bool Has(std::uint8_t flag) const { return (flags & flag) != 0; }
  // The 32 bits at `offset` of the payload.
  std::uint32_t Word(std::size_t offset) const;
};

// Takes complete frames off `bytes`; what is left is the beginning of the next.
std::vector<SeenFrame> TakeFrames(std::string& bytes);

// "HEADERS 1 END_STREAM", "DATA 1 5 END_STREAM" (its length), "RST_STREAM 1 CANCEL",
// "GOAWAY 0 NO_ERROR", "PING", "PING ACK", "SETTINGS", "SETTINGS ACK", "WINDOW_UPDATE 0 +10".
std::string Describe(const SeenFrame& frame);

}  // namespace spillway::h2
