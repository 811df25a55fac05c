#include "transport/base/header_list.h"

#include <gtest/gtest.h>

namespace spillway {
namespace {

const HeaderList& Sample() {
  static const HeaderList list = {{"A", "1"}, {"b", "x, Y ,\tz"}, {"a", "2"}, {"B", ""}};
  return list;
}

TEST(HeaderList, KeepsOrderCaseAndDuplicates_G9) {
  HeaderList list;
  list.Add("X-b", "2");
  list.Add("x-B", "1");
  list.Add("X-b", "2");
  EXPECT_EQ(list, (HeaderList{{"X-b", "2"}, {"x-B", "1"}, {"X-b", "2"}}));
  EXPECT_FALSE(list == (HeaderList{{"x-b", "2"}, {"x-B", "1"}, {"X-b", "2"}}));
}

TEST(HeaderList, FindsTheFirstValueWithoutRegardToCase) {
  EXPECT_EQ(Sample().Find("a"), "1");
  EXPECT_EQ(Sample().Find("B"), "x, Y ,\tz");
  EXPECT_EQ(Sample().Find("c"), std::nullopt);
  EXPECT_EQ(Sample().Count("A"), 2u);
  EXPECT_EQ(Sample().Count("ab"), 0u);
}

TEST(HeaderList, FindsTokensInListsOfAnyField) {
  for (const char* const token : {"x", "y", "Z"}) EXPECT_TRUE(Sample().HasToken("b", token));
  EXPECT_FALSE(Sample().HasToken("b", "x, Y"));
  EXPECT_FALSE(Sample().HasToken("b", "xy"));
  EXPECT_FALSE(Sample().HasToken("a", "x"));
  EXPECT_TRUE((HeaderList{{"c", "no"}, {"C", ",,yes"}}).HasToken("c", "YES"));
}

TEST(EqualsIgnoreCase, FoldsOnlyAsciiLetters) {
  EXPECT_TRUE(EqualsIgnoreCase("aZ0-", "Az0-"));
  EXPECT_TRUE(EqualsIgnoreCase("", ""));
  EXPECT_FALSE(EqualsIgnoreCase("a", "ab"));
  // Bytes that differ by 0x20 without being letters.
  EXPECT_FALSE(EqualsIgnoreCase("@", "`"));
  EXPECT_FALSE(EqualsIgnoreCase("[", "{"));
  EXPECT_FALSE(EqualsIgnoreCase("\xc0", "\xe0"));
  // U+212A, the Kelvin sign, is not k.
  EXPECT_FALSE(EqualsIgnoreCase("\xe2\x84\xaa", "k"));
}

}  // namespace
}  // namespace spillway
