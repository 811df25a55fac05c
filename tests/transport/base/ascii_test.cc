#include "transport/base/ascii.h"

#include <gtest/gtest.h>

#include <string_view>

#include "transport/base/decimal.h"
#include "transport/base/field_rules.h"

namespace spillway {
namespace {

// The classes once more, written out from RFC 9110 5.6.2, 5.5 and the choice in url.h.
TEST(Ascii, ClassesAreThoseOfTheStandards) {
  constexpr std::string_view kTokenMarks = "!#$%&'*+-.^_`|~";
  for (int code = 0; code < 256; ++code) {
    const char c = static_cast<char>(code);
    const bool digit = code >= 48 && code <= 57;
    const bool upper = code >= 65 && code <= 90;
    const bool lower = code >= 97 && code <= 122;
    const bool mark = code != 0 && kTokenMarks.find(c) != std::string_view::npos;
    EXPECT_EQ(IsDigit(c), digit) << code;
    EXPECT_EQ(IsAlpha(c), upper || lower) << code;
    EXPECT_EQ(IsHexDigit(c), digit || (code >= 65 && code <= 70) || (code >= 97 && code <= 102))
        << code;
    EXPECT_EQ(IsTokenByte(c), digit || upper || lower || mark) << code;
    EXPECT_EQ(IsFieldByte(c), code == 9 || (code >= 32 && code != 127)) << code;
    EXPECT_EQ(IsTargetByte(c), code > 32 && code < 127 && c != '#' && c != '\\') << code;
    EXPECT_EQ(LowerAscii(c), upper ? static_cast<char>(code + 32) : c) << code;
  }
}

TEST(Ascii, ReadsHexDigits) {
  constexpr std::string_view kDigits = "0123456789abcdefABCDEF";
  for (std::size_t i = 0; i < kDigits.size(); ++i) {
    EXPECT_EQ(HexValue(kDigits[i]), i < 16 ? i : i - 6);
  }
}

TEST(Ascii, TrimsBlanksOnly) {
  EXPECT_EQ(TrimBlanks(" \t a b \t"), "a b");
  EXPECT_EQ(TrimBlanks(" \t "), "");
  EXPECT_EQ(TrimBlanks("\ra\n"), "\ra\n");
}

TEST(Decimal, ReadsDigitsUpToTheLimit) {
  EXPECT_EQ(ParseDecimal("0"), 0u);
  EXPECT_EQ(ParseDecimal("007"), 7u);
  EXPECT_EQ(ParseDecimal("9223372036854775807"), kMaxBodyLength);
  EXPECT_EQ(ParseDecimal("000000000000000000000000000009"), 9u);
  EXPECT_EQ(ParseDecimal("65535", 65535), 65535u);
  EXPECT_EQ(ParseDecimal("5", 5), 5u);
}

TEST(Decimal, RefusesEverythingElse_O041_O042) {
  for (const std::string_view text :
       {"", " 1", "1 ", "+1", "-1", "1.0", "1e3", "0x1", "1_0", "9223372036854775808",
        "18446744073709551616", "18446744073709551618", "99999999999999999999999999"}) {
    EXPECT_EQ(ParseDecimal(text), std::nullopt) << text;
  }
  EXPECT_EQ(ParseDecimal("65536", 65535), std::nullopt);
  EXPECT_EQ(ParseDecimal("6", 5), std::nullopt);
}

TEST(FieldRules, TellTokensAndValues) {
  EXPECT_TRUE(IsToken("a!"));
  EXPECT_FALSE(IsToken(""));
  EXPECT_FALSE(IsToken("a b"));
  EXPECT_TRUE(IsFieldValue(""));
  EXPECT_TRUE(IsFieldValue("a \t b\xff"));
  EXPECT_FALSE(IsFieldValue(" a"));
  EXPECT_FALSE(IsFieldValue("a\t"));
  EXPECT_FALSE(IsFieldValue("a\x7f"));
}

}  // namespace
}  // namespace spillway
