// Which request follows a 3xx: the method table, the reference, and what of the header goes along.

#include "transport/client/redirect.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace spillway {
namespace {

Hop HopTo(const std::string& url, const std::string& method = "GET", HeaderList headers = {}) {
  Hop hop;
  hop.head.method = method;
  hop.head.url = *ParseUrl(url);
  hop.head.headers = std::move(headers);
  return hop;
}

Result<std::optional<Hop>> Next(const Hop& hop, const std::string& location,
                                std::uint32_t status = 302) {
  return NextHop(hop, status, HeaderList{{"Location", location}});
}

// --- The method (C1) ---

struct MethodRow {
  std::uint32_t status;
  const char* method;
  const char* next;  // "": the response is delivered
  bool body;
};

TEST(Redirect, C1_TurnsMethodsAndBodiesAsTheTableSays) {
  const MethodRow rows[] = {
      {301, "GET", "GET", false},      {301, "HEAD", "HEAD", false},
      {301, "POST", "GET", false},     {301, "PUT", "GET", false},
      {301, "DELETE", "GET", false},   {301, "QUERY", "QUERY", true},
      {302, "GET", "GET", false},      {302, "HEAD", "HEAD", false},
      {302, "POST", "GET", false},     {302, "PATCH", "GET", false},
      {302, "QUERY", "QUERY", true},   {303, "GET", "GET", false},
      {303, "HEAD", "HEAD", false},    {303, "POST", "GET", false},
      {303, "DELETE", "GET", false},   {303, "QUERY", "GET", false},
      {307, "GET", "GET", true},       {307, "HEAD", "HEAD", true},
      {307, "POST", "POST", true},     {307, "QUERY", "QUERY", true},
      {307, "DELETE", "DELETE", true}, {308, "POST", "POST", true},
      {308, "PUT", "PUT", true},       {308, "OPTIONS", "OPTIONS", true},
      {300, "GET", "", false},         {304, "GET", "", false},
      {305, "GET", "", false},         {306, "GET", "", false},
      {200, "GET", "", false},         {201, "POST", "", false},
      {399, "GET", "", false},         {503, "GET", "", false},
      {302, "CONNECT", "", false},     {302, "get", "GET", false},
  };
  for (const MethodRow& row : rows) {
    SCOPED_TRACE(std::to_string(row.status) + " " + row.method);
    Hop hop = HopTo("http://a.test/", row.method);
    hop.has_body = true;
    hop.body_replayable = true;
    const auto next = Next(hop, "/b", row.status);
    ASSERT_TRUE(next.has_value());
    ASSERT_EQ(next->has_value(), *row.next != '\0');
    if (!next->has_value()) continue;
    EXPECT_EQ((*next)->head.method, row.next);
    EXPECT_EQ((*next)->has_body, row.body);
  }
}

TEST(Redirect, C2_DeliversTheResponseWhenItsBodyCannotBeSentAgain) {
  for (const std::uint32_t status : {307U, 308U}) {
    Hop hop = HopTo("http://a.test/", "POST");
    hop.has_body = true;
    hop.body_replayable = false;
    EXPECT_FALSE(Next(hop, "/b", status)->has_value());
    hop.body_replayable = true;
    EXPECT_TRUE(Next(hop, "/b", status)->has_value());
    hop.has_body = false;
    hop.body_replayable = false;
    EXPECT_TRUE(Next(hop, "/b", status)->has_value());
  }
  Hop hop = HopTo("http://a.test/", "POST");
  hop.has_body = true;
  EXPECT_TRUE(Next(hop, "/b", 303)->has_value()) << "nothing needs to be sent again";
}

TEST(Redirect, C3_ABodyThatWasDroppedStaysDropped) {
  Hop hop = HopTo("http://a.test/", "POST");
  hop.has_body = true;
  hop.body_replayable = true;
  const Hop second = **Next(hop, "/b", 303);
  const Hop third = **Next(second, "/c", 307);
  EXPECT_EQ(third.head.method, "GET");
  EXPECT_FALSE(third.has_body);
}

// --- The Location (C4) ---

TEST(Redirect, C4_DeliversTheResponseWithoutAUsableLocation) {
  const Hop hop = HopTo("http://a.test/");
  EXPECT_FALSE(NextHop(hop, 302, HeaderList{})->has_value());
  EXPECT_FALSE(NextHop(hop, 302, HeaderList{{"Location", ""}})->has_value());
  for (const char* other : {"ftp://b.test/", "mailto:x@b.test", "app://callback?code=1",
                            "javascript:alert(1)", "file:///etc/passwd", "data:,x"}) {
    EXPECT_FALSE(Next(hop, other)->has_value()) << other;
  }
}

TEST(Redirect, C4_ABadLocationIsAnErrorThatDoesNotRepeatIt) {
  const Hop hop = HopTo("http://a.test/x");
  for (const char* bad : {"http://",
                          "http:///x",
                          "http:b.test/",
                          "https:/b.test",
                          "http://user:secret@b.test/",
                          "http://secret@b.test/",
                          "http://b.test:0/",
                          "http://b.test:99999/",
                          "http://[::1/",
                          "http://[fe80::1%25eth0]/",
                          "http://127.1/",
                          "http://0x7f.0.0.1/",
                          "http://2130706433/",
                          "http://b.test.:80/",
                          "//b.test\\@c.test/",
                          "\\\\b.test\\x",
                          "http://b%2etest/",
                          "/a\tb",
                          "http://-b.test/",
                          "//"}) {
    SCOPED_TRACE(bad);
    const auto next = Next(hop, bad);
    ASSERT_TRUE(next.has_error());
    EXPECT_EQ(next.error().reason, Reason::kHttpProtocolError);
    EXPECT_EQ(next.error().source, Source::kOrigin);
    EXPECT_EQ(next.error().delivery, Delivery::kAnswered);
    EXPECT_EQ(next.error().field, "");
    EXPECT_EQ(next.error().message.find("secret"), std::string::npos);
    EXPECT_EQ(next.error().message.find("b.test"), std::string::npos);
  }
  EXPECT_TRUE(Next(hop, "/" + std::string(kMaxUrlBytes, 'x')).has_error());
}

TEST(Redirect, SeveralLocationsAreAnErrorUnlessTheySayTheSame) {
  const Hop hop = HopTo("http://a.test/");
  EXPECT_TRUE(NextHop(hop, 302, HeaderList{{"Location", "/a"}, {"location", "/b"}}).has_error());
  EXPECT_TRUE(NextHop(hop, 302, HeaderList{{"Location", "/a"}, {"location", "/a"}})->has_value());
}

// --- References: RFC 3986 5.4, whose base is http://a/b/c/d;p?q ---

struct ReferenceRow {
  const char* reference;
  const char* target;  // as a whole URL
};

TEST(Redirect, ResolvesTheExamplesOfRfc3986) {
  const Url base = *ParseUrl("http://a/b/c/d;p?q");
  const ReferenceRow rows[] = {
      {"g", "http://a/b/c/g"},
      {"./g", "http://a/b/c/g"},
      {"g/", "http://a/b/c/g/"},
      {"/g", "http://a/g"},
      {"//g", "http://g/"},
      {"?y", "http://a/b/c/d;p?y"},
      {"g?y", "http://a/b/c/g?y"},
      {"#s", "http://a/b/c/d;p?q"},
      {"g#s", "http://a/b/c/g"},
      {"g?y#s", "http://a/b/c/g?y"},
      {";x", "http://a/b/c/;x"},
      {"g;x", "http://a/b/c/g;x"},
      {"g;x?y#s", "http://a/b/c/g;x?y"},
      {"", "http://a/b/c/d;p?q"},
      {".", "http://a/b/c/"},
      {"./", "http://a/b/c/"},
      {"..", "http://a/b/"},
      {"../", "http://a/b/"},
      {"../g", "http://a/b/g"},
      {"../..", "http://a/"},
      {"../../", "http://a/"},
      {"../../g", "http://a/g"},
      // 5.4.2
      {"../../../g", "http://a/g"},
      {"../../../../g", "http://a/g"},
      {"/./g", "http://a/g"},
      {"/../g", "http://a/g"},
      {"g.", "http://a/b/c/g."},
      {".g", "http://a/b/c/.g"},
      {"g..", "http://a/b/c/g.."},
      {"..g", "http://a/b/c/..g"},
      {"./../g", "http://a/b/g"},
      {"./g/.", "http://a/b/c/g/"},
      {"g/./h", "http://a/b/c/g/h"},
      {"g/../h", "http://a/b/c/h"},
      {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
      {"g;x=1/../y", "http://a/b/c/y"},
      {"g?y/./x", "http://a/b/c/g?y/./x"},
      {"g?y/../x", "http://a/b/c/g?y/../x"},
      {"g#s/./x", "http://a/b/c/g"},
      {"g#s/../x", "http://a/b/c/g"},
  };
  for (const ReferenceRow& row : rows) {
    const auto url = ResolveReference(base, row.reference);
    ASSERT_TRUE(url.has_value()) << row.reference;
    EXPECT_EQ((*url)->Text(), row.target) << row.reference;
  }
}

TEST(Redirect, ResolvesWhatOriginsSend) {
  const Url base = *ParseUrl("https://a.test:8443/x/y?q=1");
  const ReferenceRow rows[] = {
      {"http://b.test", "http://b.test/"},
      {"HTTP://B.TEST/P", "http://b.test/P"},
      {"https://b.test:443/p?x#frag", "https://b.test/p?x"},
      {"//b.test/p", "https://b.test/p"},
      {"//b.test?x", "https://b.test/?x"},
      {"http://b.test/a/../../c/./d", "http://b.test/c/d"},
      {"http://b.test?u=a/../b", "http://b.test/?u=a/../b"},
      {"/a b/\xc3\xbc?\xc3\xbc c", "https://a.test:8443/a%20b/%C3%BC?%C3%BC%20c"},
      {"http://b\xc3\xbc"
       "cher.test/",
       "http://xn--bcher-kva.test/"},
      {"/%2e%2e/x", "https://a.test:8443/%2e%2e/x"},
      {"/a//b/", "https://a.test:8443/a//b/"},
      {"/.//b.test/", "https://a.test:8443//b.test/"},
      {"http://[::1]:80/x", "http://[::1]/x"},
      {"a:b", ""},
      {"./a:b", "https://a.test:8443/x/a:b"},
      {"1a:b", "https://a.test:8443/x/1a:b"},
  };
  for (const ReferenceRow& row : rows) {
    const auto url = ResolveReference(base, row.reference);
    ASSERT_TRUE(url.has_value()) << row.reference;
    EXPECT_EQ(url->has_value() ? (*url)->Text() : "", row.target) << row.reference;
  }
}

// --- The header ---

HeaderList Everything() {
  return HeaderList{{"Authorization", "Basic eDp5"}, {"Cookie", "a=b"},
                    {"Cookie2", "$Version=1"},       {"WWW-Authenticate", "x"},
                    {"Proxy-Authorization", "x"},    {"X-Own", "1"}};
}

struct OriginRow {
  const char* name;
  const char* location;
  bool kept;
};

TEST(Redirect, C9_C16_C074_DropsCredentialsWhenSchemeHostOrPortChanges) {
  const OriginRow rows[] = {
      {"same", "http://a.test/other", true},
      {"relative", "other", true},
      {"same, port spelled", "http://a.test:80/", true},
      {"same, in capitals", "http://A.TEST/", true},
      {"another port", "http://a.test:8080/", false},
      {"another scheme", "https://a.test/", false},
      {"another scheme, port kept", "https://a.test:80/", false},
      {"another host", "http://b.test/", false},
      {"subdomain", "http://www.a.test/", false},
      {"parent", "http://test/", false},
      {"suffix that is none", "http://evila.test/", false},
      {"by reference to a host", "//b.test/", false},
  };
  for (const OriginRow& row : rows) {
    SCOPED_TRACE(row.name);
    const Hop next = **Next(HopTo("http://a.test/", "GET", Everything()), row.location);
    for (const char* name :
         {"Authorization", "Cookie", "Cookie2", "WWW-Authenticate", "Proxy-Authorization"}) {
      EXPECT_EQ(next.head.headers.Has(name), row.kept) << name;
    }
    EXPECT_TRUE(next.head.headers.Has("X-Own"));
  }
}

TEST(Redirect, C074_DroppedCredentialsDoNotComeBackWithTheFirstHost) {
  const Hop first = HopTo("http://a.test/", "GET", Everything());
  const Hop second = **Next(first, "http://b.test/");
  const Hop third = **Next(second, "http://a.test/");
  EXPECT_FALSE(third.head.headers.Has("Authorization"));
  EXPECT_FALSE(third.head.headers.Has("Cookie"));
}

TEST(Redirect, C10_DropsWhatDescribesABodyWithTheBody) {
  const HeaderList headers{{"Content-Type", "text/plain"}, {"content-encoding", "gzip"},
                           {"Content-Language", "en"},     {"Content-Location", "/x"},
                           {"Content-Length", "5"},        {"Expect", "100-continue"},
                           {"Trailer", "X-Sum"},           {"Accept", "*/*"}};
  Hop hop = HopTo("http://a.test/", "POST", headers);
  hop.has_body = true;
  hop.body_replayable = true;
  const Hop got = **Next(hop, "/b", 303);
  EXPECT_EQ(got.head.headers, (HeaderList{{"Accept", "*/*"}, {"Referer", "http://a.test/"}}));
  const Hop again = **Next(hop, "/b", 307);
  EXPECT_EQ(again.head.headers.size(), headers.size() + 1);
  EXPECT_EQ(again.head.headers.Find("Content-Length"), "5");
}

TEST(Redirect, C11_KeepsTheCallersHostOnRelativeRedirectsOnly) {
  const Hop hop = HopTo("http://10.0.0.1/x", "GET", {{"Host", "a.test"}});
  EXPECT_EQ((**Next(hop, "/y")).head.headers.Find("Host"), "a.test");
  EXPECT_EQ((**Next(hop, "?y")).head.headers.Find("Host"), "a.test");
  EXPECT_FALSE((**Next(hop, "http://10.0.0.1/y")).head.headers.Has("Host"));
  EXPECT_FALSE((**Next(hop, "//10.0.0.1/y")).head.headers.Has("Host"));
  const Hop gone = **Next(hop, "http://10.0.0.1/y");
  EXPECT_FALSE((**Next(gone, "/z")).head.headers.Has("Host")) << "it does not come back";
}

struct RefererRow {
  const char* from;
  const char* explicit_one;
  const char* to;
  const char* referer;
};

TEST(Redirect, C12_SaysWhereItComesFromUnlessThatWasSecure) {
  const RefererRow rows[] = {
      {"http://a.test/x?q=1", "", "http://b.test/", "http://a.test/x?q=1"},
      {"https://a.test/x", "", "https://b.test/", "https://a.test/x"},
      {"http://a.test/x", "", "https://b.test/", "http://a.test/x"},
      {"https://a.test/x", "", "http://a.test/", ""},
      {"https://a.test/x", "http://own/", "http://a.test/", ""},
      {"http://a.test/x", "http://own/", "http://b.test/", "http://own/"},
  };
  for (const RefererRow& row : rows) {
    HeaderList headers;
    if (*row.explicit_one != '\0') headers.Add("Referer", row.explicit_one);
    const Hop next = **Next(HopTo(row.from, "GET", headers), row.to);
    EXPECT_EQ(next.head.headers.Find("Referer").value_or(""), row.referer) << row.from;
  }
  // Of our own making it follows the chain; the caller's stays what it was.
  const Hop second = **Next(HopTo("http://a.test/1"), "/2");
  EXPECT_EQ((**Next(second, "/3")).head.headers.Find("Referer"), "http://a.test/2");
  EXPECT_EQ((**Next(second, "/3")).head.headers.Count("Referer"), 1U);
  const Hop own = **Next(HopTo("http://a.test/1", "GET", {{"Referer", "http://own/"}}), "/2");
  EXPECT_EQ((**Next(own, "/3")).head.headers.Find("Referer"), "http://own/");
}

TEST(Redirect, NeverFollowsARequestForAnotherProtocol) {
  const HeaderList upgrade{{"Connection", "Upgrade"}, {"Upgrade", "websocket"}};
  EXPECT_FALSE(Next(HopTo("http://a.test/", "GET", upgrade), "/b")->has_value());
}

}  // namespace
}  // namespace spillway
