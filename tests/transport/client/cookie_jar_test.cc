// Which cookies a jar takes, and which it gives back.

#include "transport/client/cookie_jar.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "transport/client/public_suffix.h"

namespace spillway {
namespace {

using std::chrono::seconds;

const WallTime kNow{seconds(1700000000)};

CookiePlace Place(const std::string& url, const std::string& host = "") {
  return PlaceOf(*ParseUrl(url), host);
}

struct Exchange {
  const char* url;
  std::vector<const char*> set;
};

struct Row {
  const char* name;
  std::vector<Exchange> exchanges;
  const char* url;   // asked for
  const char* line;  // and given
};

std::string LineAfter(const Row& row) {
  CookieJar jar(1000);
  for (const Exchange& exchange : row.exchanges) {
    HeaderList headers;
    for (const char* line : exchange.set) headers.Add("Set-Cookie", line);
    jar.Store(Place(exchange.url), headers, kNow);
  }
  return jar.LineFor(Place(row.url), kNow);
}

void Check(const std::vector<Row>& rows) {
  for (const Row& row : rows) EXPECT_EQ(LineAfter(row), row.line) << row.name;
}

TEST(CookieJar, J1_GivesCookiesToTheHostsThatTheyAreFor) {
  Check({
      {"host only", {{"http://a.example.com/", {"n=1"}}}, "http://a.example.com/", "n=1"},
      {"host only, below", {{"http://example.com/", {"n=1"}}}, "http://a.example.com/", ""},
      {"host only, above", {{"http://a.example.com/", {"n=1"}}}, "http://example.com/", ""},
      {"domain, itself",
       {{"http://example.com/", {"n=1; Domain=example.com"}}},
       "http://example.com/",
       "n=1"},
      {"domain, below",
       {{"http://example.com/", {"n=1; Domain=example.com"}}},
       "http://a.b.example.com/",
       "n=1"},
      {"domain, from below",
       {{"http://a.example.com/", {"n=1; Domain=.EXAMPLE.com"}}},
       "http://b.example.com/",
       "n=1"},
      {"domain, no suffix",
       {{"http://example.com/", {"n=1; Domain=example.com"}}},
       "http://badexample.com/",
       ""},
      {"another's domain",
       {{"http://evil.com/", {"n=1; Domain=example.com"}}},
       "http://example.com/",
       ""},
      {"sibling's domain",
       {{"http://a.example.com/", {"n=1; Domain=b.example.com"}}},
       "http://b.example.com/",
       ""},
      {"below itself",
       {{"http://example.com/", {"n=1; Domain=a.example.com"}}},
       "http://a.example.com/",
       ""},
      {"malformed domains",
       {{"http://example.com/",
         {"a=1; Domain=..example.com", "b=1; Domain=example.com.", "c=1; Domain=example.com:80",
          "d=1; Domain=exa mple.com", "e=1; Domain=[::1]", "f=1; Domain=example.com/x"}}},
       "http://example.com/",
       ""},
      {"ports are all one",
       {{"http://example.com:8080/", {"n=1"}}},
       "http://example.com:81/",
       "n=1"},
      {"address", {{"http://10.0.0.1/", {"n=1"}}}, "http://10.0.0.1/", "n=1"},
      {"address with its own domain",
       {{"http://10.0.0.1/", {"n=1; Domain=10.0.0.1"}}},
       "http://10.0.0.1/",
       "n=1"},
      {"address with another's",
       {{"http://10.0.0.1/", {"n=1; Domain=0.0.1"}}},
       "http://10.0.0.1/",
       ""},
      {"name with an address",
       {{"http://example.com/", {"n=1; Domain=10.0.0.1"}}},
       "http://10.0.0.1/",
       ""},
      {"IPv6", {{"http://[::1]/", {"n=1"}}}, "http://[::1]/", "n=1"},
      {"single label", {{"http://localhost/", {"n=1"}}}, "http://localhost/", "n=1"},
      {"international",
       {{"http://b\xc3\xbc"
         "cher.example/",
         {"n=1; Domain=xn--bcher-kva.example"}}},
       "http://a.xn--bcher-kva.example/",
       "n=1"},
  });
}

TEST(CookieJar, J2_LetsNoCookieReachAcrossAPublicSuffix) {
  Check({
      {"com", {{"http://example.com/", {"n=1; Domain=com"}}}, "http://example.com/", ""},
      {"co.uk", {{"http://a.co.uk/", {"n=1; Domain=co.uk"}}}, "http://a.co.uk/", ""},
      {"below co.uk", {{"http://x.a.co.uk/", {"n=1; Domain=a.co.uk"}}}, "http://a.co.uk/", "n=1"},
      {"a private one",
       {{"http://a.github.io/", {"n=1; Domain=github.io"}}},
       "http://b.github.io/",
       ""},
      {"by wildcard", {{"http://a.b.ck/", {"n=1; Domain=b.ck"}}}, "http://a.b.ck/", ""},
      {"by exception", {{"http://www.ck/", {"n=1; Domain=www.ck"}}}, "http://a.www.ck/", "n=1"},
      {"the suffix itself",
       {{"http://github.io/", {"n=1; Domain=github.io"}}},
       "http://github.io/",
       "n=1"},
      {"which is host only then",
       {{"http://github.io/", {"n=1; Domain=github.io"}}},
       "http://a.github.io/",
       ""},
      {"an unknown one",
       {{"http://a.internal/", {"n=1; Domain=internal"}}},
       "http://a.internal/",
       ""},
  });
}

TEST(CookieJar, J3_MatchesPathsAndPutsLongerOnesFirst) {
  Check({
      {"default", {{"http://h.test/a/b", {"n=1"}}}, "http://h.test/a/c", "n=1"},
      {"default of a folder", {{"http://h.test/a/b/", {"n=1"}}}, "http://h.test/a/b/c", "n=1"},
      {"default, outside", {{"http://h.test/a/b", {"n=1"}}}, "http://h.test/b", ""},
      {"default at the top", {{"http://h.test/a?x=/y/", {"n=1"}}}, "http://h.test/z", "n=1"},
      {"no prefix of a word", {{"http://h.test/", {"n=1; Path=/ab"}}}, "http://h.test/abc", ""},
      {"with a slash", {{"http://h.test/", {"n=1; Path=/ab/"}}}, "http://h.test/ab", ""},
      {"itself", {{"http://h.test/", {"n=1; Path=/ab"}}}, "http://h.test/ab", "n=1"},
      {"below", {{"http://h.test/", {"n=1; Path=/ab"}}}, "http://h.test/ab/c?d", "n=1"},
      {"order",
       {{"http://h.test/", {"a=1; Path=/", "b=2; Path=/x", "c=3; Path=/x/y", "d=4; Path=/"}}},
       "http://h.test/x/y",
       "c=3; b=2; a=1; d=4"},
  });
}

TEST(CookieJar, J4_ReplacesAndDeletesAndKeepsTheOrderOfCreation) {
  Check({
      {"replaced",
       {{"http://h.test/", {"a=1", "b=2"}}, {"http://h.test/", {"a=3"}}},
       "http://h.test/",
       "a=3; b=2"},
      {"deleted by age",
       {{"http://h.test/", {"a=1", "b=2"}}, {"http://h.test/", {"a=; Max-Age=0"}}},
       "http://h.test/",
       "b=2"},
      {"deleted by date",
       {{"http://h.test/", {"a=1"}},
        {"http://h.test/", {"a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"}}},
       "http://h.test/",
       ""},
      {"another path is another cookie",
       {{"http://h.test/", {"a=1; Path=/"}}, {"http://h.test/", {"a=; Path=/x; Max-Age=0"}}},
       "http://h.test/x",
       "a=1"},
      {"host-only and domain are two",
       {{"http://example.com/", {"a=1", "a=2; Domain=example.com"}}},
       "http://example.com/",
       "a=1; a=2"},
      {"names have case", {{"http://h.test/", {"a=1", "A=2"}}}, "http://h.test/", "a=1; A=2"},
  });
  CookieJar jar(10);
  const CookiePlace place = Place("http://h.test/");
  jar.Store(place, HeaderList{{"Set-Cookie", "a=1; Max-Age=60"}, {"set-cookie", "b=2"}}, kNow);
  EXPECT_EQ(jar.LineFor(place, kNow + seconds(59)), "a=1; b=2");
  EXPECT_EQ(jar.LineFor(place, kNow + seconds(60)), "b=2");
  EXPECT_EQ(jar.size(), 1U);
}

TEST(CookieJar, J5_KeepsSecureCookiesToSecureOrigins) {
  Check({
      {"over https", {{"https://h.test/", {"n=1; Secure"}}}, "https://h.test/", "n=1"},
      {"not over http", {{"https://h.test/", {"n=1; Secure"}}}, "http://h.test/", ""},
      {"not from http", {{"http://h.test/", {"n=1; Secure"}}}, "https://h.test/", ""},
      {"localhost", {{"http://localhost/", {"n=1; Secure"}}}, "http://localhost/", "n=1"},
      {"below localhost", {{"http://a.localhost/", {"n=1; Secure"}}}, "http://a.localhost/", "n=1"},
      {"loopback", {{"http://127.0.0.1/", {"n=1; Secure"}}}, "http://127.0.0.1/", "n=1"},
      {"loopback, IPv6", {{"http://[::1]/", {"n=1; Secure"}}}, "http://[::1]/", "n=1"},
      {"not nearly loopback",
       {{"http://localhost.test/", {"n=1; Secure"}}},
       "https://localhost.test/",
       ""},
      {"http does not overwrite",
       {{"https://h.test/", {"n=1; Secure"}}, {"http://h.test/", {"n=2"}}},
       "https://h.test/",
       "n=1"},
      {"nor shadow by another domain",
       {{"https://example.com/", {"n=1; Secure; Domain=example.com"}},
        {"http://a.example.com/", {"n=2"}}},
       "http://a.example.com/",
       ""},
      {"but elsewhere it may",
       {{"https://h.test/", {"n=1; Secure; Path=/x"}}, {"http://h.test/", {"n=2; Path=/"}}},
       "http://h.test/",
       "n=2"},
      {"quotes", {{"http://h.test/", {"n=\"a b\""}}}, "http://h.test/", "n=\"a b\""},
  });
}

TEST(CookieJar, TakesPrefixesAtTheirWord) {
  Check({
      {"secure",
       {{"https://h.test/", {"__Secure-a=1; Secure"}}},
       "https://h.test/",
       "__Secure-a=1"},
      {"not secure", {{"https://h.test/", {"__Secure-a=1"}}}, "https://h.test/", ""},
      {"host",
       {{"https://h.test/x", {"__Host-a=1; Secure; Path=/"}}},
       "https://h.test/",
       "__Host-a=1"},
      {"host with domain",
       {{"https://h.test/", {"__Host-a=1; Secure; Path=/; Domain=h.test"}}},
       "https://h.test/",
       ""},
      {"host without path", {{"https://h.test/", {"__Host-a=1; Secure"}}}, "https://h.test/", ""},
      {"in another case", {{"https://h.test/", {"__hOsT-a=1"}}}, "https://h.test/", ""},
  });
}

TEST(CookieJar, C15_GoesByTheHostThatTheCallerNames) {
  CookieJar jar(10);
  const CookiePlace named = Place("http://10.0.0.1/", "a.test:80");
  jar.Store(named, HeaderList{{"Set-Cookie", "n=1"}}, kNow);
  EXPECT_EQ(jar.LineFor(Place("http://a.test/"), kNow), "n=1");
  EXPECT_EQ(jar.LineFor(Place("http://10.0.0.1/"), kNow), "");
  EXPECT_EQ(Place("http://a.test/", "not a host").host, "a.test");
}

TEST(CookieJar, HoldsItselfToItsLimits) {  // O-096
  CookieJar jar(3);
  const CookiePlace a = Place("http://a.test/");
  const CookiePlace b = Place("http://b.test/");
  jar.Store(a, HeaderList{{"Set-Cookie", "one=1"}, {"Set-Cookie", "two=2"}}, kNow);
  jar.Store(b, HeaderList{{"Set-Cookie", "three=3"}}, kNow);
  const std::size_t full = jar.bytes();
  EXPECT_EQ(jar.LineFor(a, kNow), "one=1; two=2");  // used: b's is the oldest now
  jar.Store(a, HeaderList{{"Set-Cookie", "four=4"}}, kNow);
  EXPECT_EQ(jar.size(), 3U);
  EXPECT_EQ(jar.LineFor(b, kNow), "");
  EXPECT_EQ(jar.LineFor(a, kNow), "one=1; two=2; four=4");
  EXPECT_EQ(jar.bytes(), full - std::string("three=3").size() + std::string("four=4").size());
}

TEST(CookieJar, OneSiteCannotFillAJar) {
  CookieJar jar(100000);
  const CookiePlace place = Place("http://a.example.com/");
  for (std::size_t i = 0; i < kMaxCookiesPerSite + 20; ++i) {
    jar.Store(place, HeaderList{{"Set-Cookie", "n" + std::to_string(i) + "=1"}}, kNow);
  }
  EXPECT_EQ(jar.size(), kMaxCookiesPerSite);
  // Nor a response, nor make the next request too large.
  CookieJar other(100000);
  HeaderList flood;
  for (std::size_t i = 0; i < kMaxSetCookiesPerResponse + 20; ++i) {
    flood.Add("Set-Cookie", "n" + std::to_string(i) + "=" + std::string(1000, 'x'));
  }
  other.Store(place, flood, kNow);
  EXPECT_EQ(other.size(), kMaxSetCookiesPerResponse);
  const std::string line = other.LineFor(place, kNow);
  EXPECT_LE(line.size(), kMaxCookieLineBytes);
  EXPECT_GT(line.size(), kMaxCookieLineBytes - 1100);
}

TEST(CookieJar, ForgetsEverythingOfACookieThatIsGone) {
  CookieJar jar(10);
  const CookiePlace place = Place("http://a.test/");
  jar.Store(place, HeaderList{{"Set-Cookie", "a=1"}, {"Set-Cookie", "b=2; Max-Age=5"}}, kNow);
  jar.Store(place, HeaderList{{"Set-Cookie", "a=; Max-Age=0"}}, kNow + seconds(5));
  EXPECT_EQ(jar.size(), 0U);
  EXPECT_EQ(jar.bytes(), 0U);
}

TEST(PublicSuffix, KnowsWhereSitesBegin) {
  EXPECT_TRUE(IsPublicSuffix("com"));
  EXPECT_TRUE(IsPublicSuffix("co.uk"));
  EXPECT_FALSE(IsPublicSuffix("example.co.uk"));
  EXPECT_EQ(SiteOf("a.b.example.co.uk"), "example.co.uk");
  EXPECT_EQ(SiteOf("co.uk"), "co.uk");
  EXPECT_EQ(SiteOf("localhost"), "localhost");
  EXPECT_EQ(SiteOf("db.internal"), "db.internal");
}

}  // namespace
}  // namespace spillway
