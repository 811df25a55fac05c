// What one Set-Cookie line says.

#include "transport/client/set_cookie.h"

#include <gtest/gtest.h>

#include <string>

namespace spillway {
namespace {

using std::chrono::seconds;

const WallTime kNow{seconds(1700000000)};

std::string Text(const std::optional<SetCookie>& cookie) {
  if (!cookie.has_value()) return "none";
  std::string text = cookie->name + "=" + cookie->value;
  if (!cookie->domain.empty()) text += " domain:" + cookie->domain;
  if (!cookie->path.empty()) text += " path:" + cookie->path;
  if (cookie->secure) text += " secure";
  if (cookie->expires.has_value()) {
    text += *cookie->expires == WallTime::min()
                ? " gone"
                : " in:" + std::to_string((*cookie->expires - kNow).count());
  }
  return text;
}

struct Row {
  const char* line;
  const char* read;
};

TEST(SetCookie, ReadsNamesAndValues) {
  const Row rows[] = {
      {"a=b", "a=b"},
      {"a=", "a="},
      {"  a  =  b  ", "a=b"},
      {"a=b; ", "a=b"},
      {"a=b;;;", "a=b"},
      {"a==b=", "a==b="},
      {"a=\"b c\"", "a=\"b c\""},  // J5: quotes are kept
      {"a=\"", "a=\""},
      {"a=b, c=d", "a=b, c=d"},
      {"a=\xc3\xbc", "a=\xc3\xbc"},
      {"a=b\tc", "a=b\tc"},
      {"A=b", "A=b"},
      {"!#$%&'*+-.^_`|~=x", "!#$%&'*+-.^_`|~=x"},
      // No cookie at all.
      {"", "none"},
      {";", "none"},
      {"a", "none"},
      {"=b", "none"},
      {"=", "none"},
      {"a b=c", "none"},
      {"a(=c", "none"},
      {"a;b=c", "none"},
      {"a=b\x01", "none"},
      {"a=b\x7f", "none"},
      {"a=b; path=/\x02", "none"},
  };
  for (const Row& row : rows) EXPECT_EQ(Text(ParseSetCookie(row.line, kNow)), row.read) << row.line;
}

TEST(SetCookie, ReadsAttributes) {
  const Row rows[] = {
      {"a=b; Path=/x; Domain=Example.com; Secure; HttpOnly; SameSite=Lax",
       "a=b domain:Example.com path:/x secure"},
      {"a=b;secure", "a=b secure"},
      {"a=b; SECURE=no", "a=b secure"},
      {"a=b; Domain=.example.com", "a=b domain:example.com"},
      {"a=b; Domain=..example.com", "a=b domain:.example.com"},
      {"a=b; Domain=", "a=b"},
      {"a=b; Domain=x; Domain=y", "a=b domain:y"},
      {"a=b; Domain=x; Domain=", "a=b"},
      {"a=b; Path=x", "a=b"},
      {"a=b; Path=/x; Path=y", "a=b"},
      {"a=b; Path", "a=b"},
      {"a=b; nonsense; =; ==; path = /x ", "a=b path:/x"},
      // Ages (J4)
      {"a=b; Max-Age=60", "a=b in:60"},
      {"a=b; max-age=0", "a=b gone"},
      {"a=b; max-age=-1", "a=b gone"},
      {"a=b; max-age=-", "a=b"},
      {"a=b; max-age=", "a=b"},
      {"a=b; max-age=1.5", "a=b"},
      {"a=b; max-age=+5", "a=b"},
      {"a=b; max-age=5x", "a=b"},
      {"a=b; max-age=99999999999999999999", "a=b in:34560000"},
      {"a=b; max-age=34560001", "a=b in:34560000"},
      {"a=b; Expires=Tue, 14 Nov 2023 22:14:20 GMT", "a=b in:60"},
      {"a=b; Expires=Fri, 31 Dec 9999 23:59:59 GMT", "a=b in:34560000"},
      {"a=b; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "a=b in:-1700000000"},
      {"a=b; Expires=never", "a=b"},
      {"a=b; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "a=b in:60"},
      {"a=b; Expires=Fri, 31 Dec 9999 23:59:59 GMT; Max-Age=0", "a=b gone"},
      {"a=b; Max-Age=60; Max-Age=x", "a=b in:60"},
      {"a=b; Max-Age=60; Max-Age=30", "a=b in:30"},
  };
  for (const Row& row : rows) EXPECT_EQ(Text(ParseSetCookie(row.line, kNow)), row.read) << row.line;
}

TEST(SetCookie, HoldsNamesValuesAndAttributesToTheirLimits) {
  const std::string fits = "n=" + std::string(kMaxCookieBytes - 1, 'v');
  EXPECT_TRUE(ParseSetCookie(fits, kNow).has_value());
  EXPECT_FALSE(ParseSetCookie(fits + "v", kNow).has_value());
  const std::string path = "/" + std::string(kMaxAttributeBytes - 1, 'p');
  EXPECT_EQ(ParseSetCookie("a=b; Path=" + path, kNow)->path, path);
  EXPECT_EQ(ParseSetCookie("a=b; Path=" + path + "p", kNow)->path, "");
}

TEST(SetCookie, C13_TakesACookieOutOfALine) {
  EXPECT_EQ(WithoutCookie("a=1; b=2; c=3", "b"), "a=1; c=3");
  EXPECT_EQ(WithoutCookie("a=1; a=2", "a"), "");
  EXPECT_EQ(WithoutCookie("a=1;b=2", "x"), "a=1; b=2");
  EXPECT_EQ(WithoutCookie("A=1", "a"), "A=1");
  EXPECT_EQ(WithoutCookie("a", "a"), "");
  EXPECT_EQ(WithoutCookie(" ; ;", "a"), "");
  EXPECT_EQ(WithoutCookie("", "a"), "");
}

}  // namespace
}  // namespace spillway
