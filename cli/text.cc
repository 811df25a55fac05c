#include "cli/text.h"

#include <absl/strings/escaping.h>

#include <algorithm>
#include <array>
#include <cstdio>

namespace spillway::cli {
namespace {

// Length of the valid UTF-8 sequence at the start of `text`; 0 when there is none. On success
// `code` is the code point.
std::size_t Decode(std::string_view text, char32_t& code) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) {
    code = first;
    return 1;
  }
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  code = first & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    code = (code << 6) | (byte(i) & 0x3fU);
  }
  constexpr std::array<char32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  return code < kSmallest[length] || code > 0x10ffff || surrogate ? 0 : length;
}

bool IsControl(char32_t code) { return code < 0x20 || (code >= 0x7f && code < 0xa0); }

std::string Printed(const char* format, double value, const char* unit) {
  std::array<char, 64> text{};
  const int length = std::snprintf(text.data(), text.size(), format, value, unit);
  return std::string(text.data(), static_cast<std::size_t>(length));
}

// Three figures are enough for a person.
std::string ThreeFigures(double value, const char* unit) {
  if (value < 10) return Printed("%.2f %s", value, unit);
  if (value < 100) return Printed("%.1f %s", value, unit);
  return Printed("%.0f %s", value, unit);
}

}  // namespace

bool IsUtf8(std::string_view text) {
  char32_t code = 0;
  while (!text.empty()) {
    const std::size_t length = Decode(text, code);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

bool IsPlainText(std::string_view text) {
  char32_t code = 0;
  while (!text.empty()) {
    const std::size_t length = Decode(text, code);
    if (length == 0) return false;
    if (IsControl(code) && code != '\t' && code != '\n' && code != '\r') return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string OneLine(std::string_view text) {
  std::string out;
  char32_t code = 0;
  while (!text.empty()) {
    const std::size_t length = Decode(text, code);
    if (length > 0 && (!IsControl(code) || code == '\t')) {
      out += text.substr(0, length);
      text.remove_prefix(length);
      continue;
    }
    for (std::size_t i = 0; i < std::max<std::size_t>(length, 1); ++i) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\x%02x", static_cast<unsigned char>(text[i]));
      out += escape.data();
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

Duration DurationOf(const google::protobuf::Duration& duration) {
  // What the daemon sends fits; what does not is shown as the longest that does.
  constexpr std::int64_t kMostSeconds = Duration::max().count() / 1'000'000'000 - 1;
  if (duration.seconds() > kMostSeconds) return kForever;
  if (duration.seconds() < 0 || duration.nanos() < 0) return Duration::zero();
  return std::chrono::seconds(duration.seconds()) + std::chrono::nanoseconds(duration.nanos());
}

std::string TimeText(Duration value) {
  const auto nanoseconds = static_cast<double>(value.count());
  if (value == kForever) return "forever";
  if (value < std::chrono::milliseconds(1)) return ThreeFigures(nanoseconds / 1e3, "us");
  if (value < std::chrono::seconds(1)) return ThreeFigures(nanoseconds / 1e6, "ms");
  if (value < std::chrono::minutes(1)) return ThreeFigures(nanoseconds / 1e9, "s");
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(value).count();
  const auto two = [](std::int64_t n) { return (n < 10 ? "0" : "") + std::to_string(n); };
  if (seconds < 3600) return std::to_string(seconds / 60) + "m" + two(seconds % 60) + "s";
  return std::to_string(seconds / 3600) + "h" + two(seconds / 60 % 60) + "m";
}

std::string SizeText(std::uint64_t bytes) {
  if (bytes < 1024) return std::to_string(bytes) + " B";
  auto value = static_cast<double>(bytes);
  const char* unit = "B";
  for (const char* next : {"KiB", "MiB", "GiB", "TiB"}) {
    if (value < 1024) break;
    value /= 1024;
    unit = next;
  }
  return ThreeFigures(value, unit);
}

std::string Base64(std::string_view bytes) {
  return absl::Base64Escape(absl::string_view(bytes.data(), bytes.size()));
}

std::size_t Width(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return count;
}

std::string PadRight(std::string_view text, std::size_t width) {
  const std::size_t own = Width(text);
  return std::string(text) + std::string(own < width ? width - own : 0, ' ');
}

std::string PadLeft(std::string_view text, std::size_t width) {
  const std::size_t own = Width(text);
  return std::string(own < width ? width - own : 0, ' ') + std::string(text);
}

}  // namespace spillway::cli
