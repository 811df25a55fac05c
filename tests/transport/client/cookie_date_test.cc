// Dates as origins write them.

#include "transport/client/cookie_date.h"

#include <gtest/gtest.h>

#include <string>

namespace spillway {
namespace {

using std::chrono::seconds;

WallTime At(std::int64_t since_1970) { return WallTime(seconds(since_1970)); }

TEST(CookieDate, ReadsWhatOriginsWrite) {
  const WallTime wanted = At(784111777);  // 1994-11-06 08:49:37
  for (const char* text :
       {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994", "06 Nov 1994 08:49:37", "8:49:37 6 november 1994",
        "1994 Nov 6 08:49:37", "Sun, 06-Nov-1994 08:49:37 +0000", "06 NOV 1994 08:49:37 PST",
        ";;;06;Nov;1994;08:49:37;;;", "06 Nov 1994x 08:49:37z"}) {
    EXPECT_EQ(ParseCookieDate(text), wanted) << text;
  }
}

TEST(CookieDate, ReadsYearsOfTwoDigits) {
  EXPECT_EQ(ParseCookieDate("01 Jan 70 00:00:00"), At(0));
  EXPECT_EQ(ParseCookieDate("01 Jan 99 00:00:00"), At(915148800));
  EXPECT_EQ(ParseCookieDate("01 Jan 00 00:00:00"), At(946684800));
  EXPECT_EQ(ParseCookieDate("01 Jan 69 00:00:00"), At(3124224000));
}

TEST(CookieDate, ReadsTheEndsOfTheCalendar) {
  EXPECT_EQ(ParseCookieDate("01 Jan 1601 00:00:00"), At(-11644473600));
  EXPECT_EQ(ParseCookieDate("31 Dec 9999 23:59:59"), At(253402300799));
  EXPECT_EQ(ParseCookieDate("29 Feb 2024 00:00:00"), At(1709164800));
}

TEST(CookieDate, RefusesWhatIsNoDate) {
  for (const char* text : {"",
                           "0",
                           "Sun",
                           "06 Nov 1994",
                           "06 1994 08:49:37",
                           "Nov 1994 08:49:37",
                           "06 Nov 08:49:37",
                           "06 Nov 1600 08:49:37",
                           "32 Nov 1994 08:49:37",
                           "00 Nov 1994 08:49:37",
                           "30 Feb 2024 00:00:00",
                           "29 Feb 2023 00:00:00",
                           "06 Nov 1994 24:00:00",
                           "06 Nov 1994 08:60:00",
                           "06 Nov 1994 08:49:60",
                           "06 Nov 1994 08:49",
                           "06 Nov 19945 08:49:37",
                           "006 Nov 1994 08:49:37",
                           "06 Nox 1994 08:49:37",
                           "06 Nov 1994 008:49:37",
                           "99999999999999999999",
                           "::: ::: :::"}) {
    EXPECT_EQ(ParseCookieDate(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace spillway
