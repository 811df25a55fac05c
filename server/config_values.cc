#include "server/config_values.h"

#include <array>
#include <charconv>
#include <limits>

namespace spillway {
namespace {

constexpr std::string_view kForeverText = "forever";
constexpr std::string_view kDigits = "0123456789";

struct TimeUnit {
  std::string_view name;
  std::int64_t nanoseconds;
};
constexpr std::array<TimeUnit, 6> kTimeUnits = {{{"h", 3'600'000'000'000},
                                                 {"m", 60'000'000'000},
                                                 {"s", 1'000'000'000},
                                                 {"ms", 1'000'000},
                                                 {"us", 1'000},
                                                 {"ns", 1}}};

struct ByteUnit {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr std::array<ByteUnit, 3> kByteUnits = {
    {{"GiB", 1ULL << 30}, {"MiB", 1ULL << 20}, {"KiB", 1ULL << 10}}};

// Splits the leading digits off `text`.
std::string_view TakeDigits(std::string_view& text) {
  const std::size_t end = std::min(text.find_first_not_of(kDigits), text.size());
  const std::string_view digits = text.substr(0, end);
  text.remove_prefix(end);
  return digits;
}

std::string_view TakeUnit(std::string_view& text) {
  const std::size_t end = std::min(text.find_first_of(kDigits), text.size());
  const std::string_view unit = text.substr(0, end);
  text.remove_prefix(end);
  return unit;
}

}  // namespace

std::optional<Duration> ParseDuration(std::string_view text) {
  if (text == kForeverText) return kForever;
  if (text.empty()) return std::nullopt;
  std::int64_t total = 0;
  auto next_unit = kTimeUnits.begin();
  while (!text.empty()) {
    const std::optional<std::uint64_t> count = ParseWhole(TakeDigits(text));
    if (!count.has_value()) return std::nullopt;
    const std::string_view name = TakeUnit(text);
    while (next_unit != kTimeUnits.end() && next_unit->name != name) ++next_unit;
    if (next_unit == kTimeUnits.end()) return std::nullopt;
    // kForever itself must not be reachable by counting.
    const std::int64_t room = Duration::max().count() - 1 - total;
    if (*count > static_cast<std::uint64_t>(room / next_unit->nanoseconds)) return std::nullopt;
    total += static_cast<std::int64_t>(*count) * next_unit->nanoseconds;
    ++next_unit;
  }
  return Duration(total);
}

std::string FormatDuration(Duration value) {
  if (value == kForever) return std::string(kForeverText);
  std::int64_t left = value.count();
  if (left <= 0) return "0s";
  std::string text;
  for (const TimeUnit& unit : kTimeUnits) {
    const std::int64_t count = left / unit.nanoseconds;
    left %= unit.nanoseconds;
    if (count == 0) continue;
    text += std::to_string(count);
    text += unit.name;
  }
  return text;
}

std::optional<std::uint64_t> ParseBytes(std::string_view text) {
  const std::optional<std::uint64_t> count = ParseWhole(TakeDigits(text));
  if (!count.has_value() || text.empty() || text == "B") return count;
  for (const ByteUnit& unit : kByteUnits) {
    if (text != unit.name) continue;
    if (*count > std::numeric_limits<std::uint64_t>::max() / unit.bytes) return std::nullopt;
    return *count * unit.bytes;
  }
  return std::nullopt;
}

std::string FormatBytes(std::uint64_t value) {
  for (const ByteUnit& unit : kByteUnits) {
    if (value != 0 && value % unit.bytes == 0) {
      return std::to_string(value / unit.bytes) + std::string(unit.name);
    }
  }
  return std::to_string(value);
}

std::optional<std::uint64_t> ParseWhole(std::string_view text) {
  if (text.empty() || text.find_first_not_of(kDigits) != std::string_view::npos) {
    return std::nullopt;
  }
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

std::optional<double> ParseDecimal(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789.") != std::string_view::npos ||
      text.front() == '.' || text.back() == '.') {
    return std::nullopt;
  }
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string FormatDecimal(double value) {
  std::array<char, 400> text;  // the longest fixed form of a double has 309 + 17 digits
  const auto [end, error] =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  return error == std::errc() ? std::string(text.data(), end) : "0";
}

}  // namespace spillway
