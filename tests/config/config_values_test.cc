// The notation of times, sizes and numbers.

#include "server/config_values.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

namespace spillway {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(ParseDuration, ReadsUnitsFromLargeToSmall) {
  const struct {
    const char* text;
    Duration value;
  } rows[] = {
      {"0s", Duration::zero()},
      {"250ms", milliseconds(250)},
      {"1m30s", seconds(90)},
      {"90s", seconds(90)},
      {"1h2m3s4ms5us6ns", hours(1) + minutes(2) + seconds(3) + milliseconds(4) +
                              std::chrono::microseconds(5) + Duration(6)},
      {"1h1ns", hours(1) + Duration(1)},
      {"forever", kForever},
      {"8760h", hours(8760)},
  };
  for (const auto& row : rows) {
    ASSERT_TRUE(ParseDuration(row.text).has_value()) << row.text;
    EXPECT_EQ(*ParseDuration(row.text), row.value) << row.text;
  }
}

TEST(ParseDuration, RefusesEverythingElse) {
  for (const char* text :
       {"", " ", "10", "s", "-1s", "+1s", "1.5s", "1 s", "1s ", " 1s", "1S", "1min", "1s1m", "1s1s",
        "1ms1s", "s1", "1h-1m", "1d", "0", "Forever", "forever1s", "infinity", "1e3s",
        // what does not fit is refused, never wrapped.
        "9223372036854775808ns", "9223372036854775807ns", "2562048h", "99999999999999999999s",
        "18446744073709551617ns"}) {
    EXPECT_FALSE(ParseDuration(text).has_value()) << text;
  }
}

TEST(FormatDuration, ReadsBackAsTheSameTime) {
  for (const Duration value :
       {Duration::zero(), Duration(1), Duration(999), Duration(1'000'001), Duration(seconds(50)),
        Duration(minutes(10)), Duration(hours(1)), hours(1) + Duration(1), kForever,
        Duration(Duration::max().count() - 1)}) {
    const std::optional<Duration> again = ParseDuration(FormatDuration(value));
    ASSERT_TRUE(again.has_value()) << FormatDuration(value);
    EXPECT_EQ(*again, value);
  }
  EXPECT_EQ(FormatDuration(milliseconds(90'250)), "1m30s250ms");
  EXPECT_EQ(FormatDuration(Duration::zero()), "0s");
}

TEST(ParseBytes, ReadsPlainNumbersAndBinaryUnits) {
  const struct {
    const char* text;
    std::uint64_t value;
  } rows[] = {{"0", 0},          {"1000", 1000},
              {"7B", 7},         {"64KiB", 65536},
              {"1MiB", 1048576}, {"2GiB", 2147483648U},
              {"0KiB", 0},       {"18446744073709551615", 18446744073709551615U}};
  for (const auto& row : rows) {
    ASSERT_TRUE(ParseBytes(row.text).has_value()) << row.text;
    EXPECT_EQ(*ParseBytes(row.text), row.value);
  }
}

TEST(ParseBytes, RefusesEverythingElse) {
  for (const char* text : {"", "KiB", "1 KiB", "1kib", "1KB", "1k", "-1", "+1", "1.5MiB", "0x10",
                           "1_000", "1KiB1", "18446744073709551616", "18014398509481984KiB"}) {
    EXPECT_FALSE(ParseBytes(text).has_value()) << text;
  }
}

TEST(FormatBytes, UsesTheLargestUnitThatFits) {
  EXPECT_EQ(FormatBytes(0), "0");
  EXPECT_EQ(FormatBytes(1000), "1000");
  EXPECT_EQ(FormatBytes(65536), "64KiB");
  EXPECT_EQ(FormatBytes(1536), "1536");
  EXPECT_EQ(FormatBytes(1ULL << 30), "1GiB");
  for (const std::uint64_t value : {std::uint64_t{1}, std::uint64_t{1024}, std::uint64_t{1025},
                                    std::numeric_limits<std::uint64_t>::max()}) {
    EXPECT_EQ(ParseBytes(FormatBytes(value)), std::optional(value));
  }
}

TEST(ParseWhole, TakesDigitsOnly) {
  EXPECT_EQ(ParseWhole("0"), std::optional<std::uint64_t>(0));
  EXPECT_EQ(ParseWhole("007"), std::optional<std::uint64_t>(7));
  for (const char* text : {"", "-1", "+1", " 1", "1 ", "1.0", "1e3", "0x1", "\xd9\xa1"}) {
    EXPECT_FALSE(ParseWhole(text).has_value()) << text;
  }
}

TEST(ParseDecimal, TakesPlainDecimalsOnly) {
  EXPECT_EQ(ParseDecimal("0.25"), std::optional(0.25));
  EXPECT_EQ(ParseDecimal("10"), std::optional(10.0));
  for (const char* text :
       {"", ".", ".5", "5.", "1..2", "1.2.3", "-1", "nan", "inf", "1e3", "0x1p3"}) {
    EXPECT_FALSE(ParseDecimal(text).has_value()) << text;
  }
}

TEST(FormatDecimal, ReadsBackAsTheSameNumber) {
  for (const double value : {0.0, 0.1, 0.2, 1.0, 10.0, 1.0 / 3.0, 1e6, 1e-9, 1e300}) {
    EXPECT_EQ(ParseDecimal(FormatDecimal(value)), std::optional(value)) << FormatDecimal(value);
  }
  EXPECT_EQ(FormatDecimal(0.2), "0.2");
  EXPECT_EQ(FormatDecimal(10), "10");
}

}  // namespace
}  // namespace spillway
