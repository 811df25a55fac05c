// Text for people.

#include "cli/text.h"

#include <gtest/gtest.h>

#include <string>

namespace spillway::cli {
namespace {

TEST(Text, PlainTextHasNoControlsAndIsUtf8) {
  for (const char* plain : {"", "a\tb\r\nc", "gr\xc3\xbc\xc3\x9f", "\xf0\x9f\x9a\xb0"}) {
    EXPECT_TRUE(IsPlainText(plain)) << plain;
  }
  EXPECT_FALSE(IsPlainText(std::string("a\0b", 3)));
  // An escape, a delete, and C1's single-character form of ESC [.
  for (const char* other : {"\x1b[2J", "\x7f", "\xc2\x9b", "\xff", "\xc3", "\xed\xa0\x80"}) {
    EXPECT_FALSE(IsPlainText(other)) << other;
  }
}

TEST(Text, OneLineEscapesWhatATerminalWouldObey) {
  EXPECT_EQ(OneLine("plain gr\xc3\xbc\xc3\x9f\t"), "plain gr\xc3\xbc\xc3\x9f\t");
  EXPECT_EQ(OneLine("a\r\nb\x1b[31m\xff\xc2\x9b"), "a\\x0d\\x0ab\\x1b[31m\\xff\\xc2\\x9b");
}

TEST(Text, TimesHaveThreeFigures) {
  EXPECT_EQ(TimeText(Duration::zero()), "0.00 us");
  EXPECT_EQ(TimeText(std::chrono::microseconds(420)), "420 us");
  EXPECT_EQ(TimeText(std::chrono::microseconds(1234)), "1.23 ms");
  EXPECT_EQ(TimeText(std::chrono::milliseconds(45)), "45.0 ms");
  EXPECT_EQ(TimeText(std::chrono::milliseconds(59'900)), "59.9 s");
  EXPECT_EQ(TimeText(std::chrono::seconds(65)), "1m05s");
  EXPECT_EQ(TimeText(std::chrono::minutes(150)), "2h30m");
  EXPECT_EQ(TimeText(kForever), "forever");
}

TEST(Text, SizesHaveThreeFigures) {
  EXPECT_EQ(SizeText(0), "0 B");
  EXPECT_EQ(SizeText(1023), "1023 B");
  EXPECT_EQ(SizeText(1536), "1.50 KiB");
  EXPECT_EQ(SizeText(20UL * 1024 * 1024), "20.0 MiB");
}

TEST(Text, Base64AcrossPieces) {
  EXPECT_EQ(Base64(""), "");
  EXPECT_EQ(Base64("a"), "YQ==");
  EXPECT_EQ(Base64("ab"), "YWI=");
  EXPECT_EQ(Base64("abc"), "YWJj");
  const std::string large(3 * 1024 * 1024 + 1, '\0');
  const std::string encoded = Base64(large);
  EXPECT_EQ(encoded.size(), 4U * 1024 * 1024 + 4);
  EXPECT_TRUE(encoded.ends_with("AAAAAA=="));
}

TEST(Text, PaddingCountsCharacters) {
  EXPECT_EQ(PadRight("\xc3\xbc", 3), "\xc3\xbc  ");
  EXPECT_EQ(PadLeft("12", 4), "  12");
  EXPECT_EQ(PadLeft("12345", 4), "12345");
}

TEST(Text, DurationsOfTheWireAreTakenWithinBounds) {
  google::protobuf::Duration duration;
  duration.set_seconds(1);
  duration.set_nanos(5);
  EXPECT_EQ(DurationOf(duration), Duration(1'000'000'005));
  duration.set_seconds(-1);
  EXPECT_EQ(DurationOf(duration), Duration::zero());
  duration.set_seconds(315'576'000'000);
  EXPECT_EQ(DurationOf(duration), kForever);
}

}  // namespace
}  // namespace spillway::cli
