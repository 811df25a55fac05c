#include "transport/base/url.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace spillway {
namespace {

using namespace std::string_literals;

using Rows = std::vector<std::pair<std::string, std::string>>;  // name, URL

std::string Repeat(const std::string& text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

void ExpectRefused(const Rows& rows) {
  for (const auto& [name, text] : rows) {
    const Result<Url> url = ParseUrl(text);
    ASSERT_FALSE(url.has_value()) << name << ": " << url->Text();
    EXPECT_EQ(url.error().reason, Reason::kHttpRequestError) << name;
    EXPECT_EQ(url.error().source, Source::kCaller) << name;
    EXPECT_EQ(url.error().delivery, Delivery::kNotSent) << name;
    EXPECT_EQ(url.error().field, "url") << name;
  }
}

TEST(Url, HasTheFormsThatEveryUserNeeds) {
  struct Row {
    std::string text, scheme, host;
    std::uint16_t port;
    HostKind kind;
    std::string target, authority, host_port, printed;
  };
  const std::vector<Row> rows = {
      {"http://example.com", "http", "example.com", 80, HostKind::kName, "/", "example.com",
       "example.com:80", "http://example.com/"},
      {"HTTPS://EXAMPLE.com:443/A?b=C", "https", "example.com", 443, HostKind::kName, "/A?b=C",
       "example.com", "example.com:443", "https://example.com/A?b=C"},
      {"https://example.com:80", "https", "example.com", 80, HostKind::kName, "/", "example.com:80",
       "example.com:80", "https://example.com:80/"},
      {"http://h:65535?q", "http", "h", 65535, HostKind::kName, "/?q", "h:65535", "h:65535",
       "http://h:65535/?q"},
      {"http://h:1/", "http", "h", 1, HostKind::kName, "/", "h:1", "h:1", "http://h:1/"},
      {"http://10.0.0.255:8080/", "http", "10.0.0.255", 8080, HostKind::kIpv4, "/",
       "10.0.0.255:8080", "10.0.0.255:8080", "http://10.0.0.255:8080/"},
      {"http://[2001:DB8:0:0:0:0:0:1]/", "http", "2001:db8::1", 80, HostKind::kIpv6, "/",
       "[2001:db8::1]", "[2001:db8::1]:80", "http://[2001:db8::1]/"},
      {"https://[::]:8443/x", "https", "::", 8443, HostKind::kIpv6, "/x", "[::]:8443", "[::]:8443",
       "https://[::]:8443/x"},
      {"http://[::FFFF:127.0.0.1]/", "http", "::ffff:127.0.0.1", 80, HostKind::kIpv6, "/",
       "[::ffff:127.0.0.1]", "[::ffff:127.0.0.1]:80", "http://[::ffff:127.0.0.1]/"},
  };
  for (const Row& row : rows) {
    const Result<Url> url = ParseUrl(row.text);
    ASSERT_TRUE(url.has_value()) << row.text << ": " << url.error().message;
    EXPECT_EQ(url->scheme, row.scheme) << row.text;
    EXPECT_EQ(url->host, row.host) << row.text;
    EXPECT_EQ(url->port, row.port) << row.text;
    EXPECT_EQ(url->host_kind, row.kind) << row.text;
    EXPECT_EQ(url->target, row.target) << row.text;
    EXPECT_EQ(url->Authority(), row.authority) << row.text;
    EXPECT_EQ(url->HostPort(), row.host_port) << row.text;
    EXPECT_EQ(url->Text(), row.printed) << row.text;
    const Result<Url> again = ParseUrl(url->Text());
    ASSERT_TRUE(again.has_value()) << row.text;
    EXPECT_EQ(*again, *url) << row.text;
  }
}

TEST(Url, RefusesWhatIsNotAbsoluteHttp) {
  ExpectRefused({
      {"C-027 empty", ""},
      {"C-027 no host", "http:///path"},
      {"C-027 no slashes", "http:path"},
      {"C-027 one slash", "http:/path"},
      {"C-027 scheme and slashes only", "http://"},
      {"C-027 a port without host", "http://:80/"},
      {"C-027 a query without host", "http://?q"},
      {"C-027 no scheme", "//example.com/"},
      {"C-027 a host alone", "example.com"},
      {"C-027 a path", "/path"},
      {"C-027 ftp", "ftp://example.com/"},
      {"C-027 file", "file:///etc/passwd"},
      {"C-027 unix", "unix:/tmp/socket"},
      {"C-027 httpss", "httpss://example.com/"},
      {"C-027 a blank first", " http://example.com/"},
      {"V6 no host", "https:///"},
  });
}

TEST(Url, RefusesUserinfoBackslashesFragmentsAndEncodedHosts) {
  ExpectRefused({
      {"C-025 userinfo", "http://allowed@evil/"},
      {"C-025 userinfo with password", "http://allowed:80@evil"},
      {"C-025 empty userinfo", "http://@evil/"},
      {"C-025 two at signs", "http://a@b@c/"},
      {"C-025 a fragment with an at sign", "http://evil#@allowed"},
      {"C-025 an encoded slash in the host", "http://allowed%2F10.0.0.1/"},
      {"C-025 an encoded letter in the host", "http://%61llowed/"},
      {"C-026 backslashes for slashes", "http:\\\\evil"},
      {"C-026 a backslash before userinfo", "http://allowed\\@evil"},
      {"C-026 a backslash in the path", "http://allowed/a\\b"},
      {"C-026 a backslash in the query", "http://allowed/?a\\b"},
      {"C-005 a fragment", "http://h/#f"},
      {"C-005 an empty fragment", "http://h/#"},
      {"C-005 a fragment in the query", "http://h/?q#f"},
  });
}

TEST(Url, RefusesBlanksControlsAndBytesOutsideAsciiInTheTarget) {
  Rows rows = {
      {"C-005 non-ASCII path", "http://h/\xc3\xa9"},
      {"C-005 invalid UTF-8 path", "http://h/\xff"},
      {"C-005 non-ASCII query", "http://h/?\xc3\xa9"},
      {"C-028 a line end after the URL", "http://h/\r\n"},
      {"C-028 a second request line", "http://h/ HTTP/1.1\r\nX: y"},
  };
  for (const int code : {0x00, 0x01, 0x09, 0x0a, 0x0d, 0x1f, 0x20, 0x7f, 0x80, 0xa0, 0xff}) {
    const std::string byte(1, static_cast<char>(code));
    rows.push_back({"C-005 C-028 byte in the path " + std::to_string(code), "http://h/a" + byte});
    rows.push_back({"C-005 C-028 byte in the query " + std::to_string(code), "http://h?a" + byte});
    rows.push_back(
        {"C-007 C-028 byte in the host " + std::to_string(code), "http://a" + byte + "b/"});
    rows.push_back({"C-007 C-028 byte after the host " + std::to_string(code), "http://a" + byte});
    rows.push_back(
        {"C-007 C-028 byte in the port " + std::to_string(code), "http://a:8" + byte + "0/"});
    rows.push_back({"C-028 byte in the scheme " + std::to_string(code), "ht" + byte + "tp://a/"});
  }
  ExpectRefused(rows);
}

TEST(Url, KeepsTheTargetAsWritten) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"C-006 two slashes stay a path", "//evil/"},
      {"C-006 a URL in a path", "/http://evil/"},
      {"C-006 a star in a path", "/*"},
      {"dot segments", "/a/../b/./c/.."},
      {"percent-encoding of any case", "/%2f%2F%00%zz%"},
      {"what browsers leave alone", "/\"<>^`{|}?\"<>^`{|}"},
      {"reserved", "/:@!$&'()*+,;=~-._?/?:@!$&'()*+,;=[]"},
      {"an at sign in the path", "/user@host"},
  };
  for (const auto& [name, target] : rows) {
    const Result<Url> url = ParseUrl("http://h" + target);
    ASSERT_TRUE(url.has_value()) << name << ": " << url.error().message;
    EXPECT_EQ(url->target, target) << name;
    EXPECT_EQ(url->host, "h") << name;
  }
}

TEST(Url, RefusesAddressesInBracketsThatAreNotPlainIpv6) {
  ExpectRefused({
      {"C-029 a zone", "http://[fe80::1%25eth0]/"},  // O-272
      {"C-029 a zone without encoding", "http://[fe80::1%eth0]/"},
      {"C-029 IPv4 in brackets", "http://[127.0.0.1]/"},
      {"C-029 a name in brackets", "http://[example.com]/"},
      {"C-029 text after the bracket", "http://[::1]evil/"},
      {"C-029 an unclosed bracket", "http://[::1/"},
      {"C-029 an unclosed bracket at the end", "http://["},
      {"C-029 nothing in brackets", "http://[]/"},
      {"C-029 two brackets", "http://[[::1]]/"},
      {"C-029 a bracket after a name", "http://a[::1]/"},
      {"C-029 a closing bracket alone", "http://::1]/"},
      {"C-029 no brackets", "http://::1/"},
      {"C-029 IPvFuture", "http://[v1.x]/"},
      {"C-029 nine groups", "http://[1:2:3:4:5:6:7:8:9]/"},
      {"C-029 two gaps", "http://[1::2::3]/"},
      {"C-029 five digits", "http://[00001::]/"},
      {"C-029 an octal tail", "http://[::ffff:0177.0.0.1]/"},
      {"C-029 a blank", "http://[::1 ]/"},
      {"C-029 a NUL", "http://[::1\0]/"s},  // O-266
      {"C-029 very long", "http://[" + Repeat("0:", 100) + "]/"},
  });
}

TEST(Url, RefusesNumericHostsThatAreNotDottedQuads) {
  ExpectRefused({
      {"C-030 decimal", "http://2130706433/"},
      {"C-030 nought", "http://0/"},
      {"C-030 octal", "http://0177.0.0.1/"},
      {"C-030 hex", "http://0x7f.0.0.1/"},
      {"C-030 a hex tail", "http://127.0.0.0x1/"},
      {"C-030 hex without digits", "http://0x/"},
      {"C-030 upper-case hex", "http://0X7F000001/"},
      {"C-030 two parts", "http://127.1/"},
      {"C-030 three parts", "http://127.0.1/"},
      {"C-030 five parts", "http://1.2.3.4.5/"},
      {"C-030 256", "http://256.1.1.1/"},
      {"C-030 1.1.1.256", "http://1.1.1.256/"},
      {"C-030 a leading zero", "http://127.0.0.01/"},
      {"C-030 a trailing dot", "http://127.0.0.1./"},
      {"C-030 a name that ends in a number", "http://example.1/"},
      {"C-030 a name that ends in hex", "http://example.0xabc/"},
      {"C-030 full-width digits", "http://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1/"},
      {"C-030 full-width digits throughout",
       "http://\xef\xbc\x91.\xef\xbc\x91.\xef\xbc\x91.\xef\xbc\x91/"},
      {"C-030 an ideographic stop in an address",
       "http://127\xe3\x80\x82"
       "0.0.1/"},
      {"C-030 a circled digit", "http://\xe2\x91\xa0/"},
  });
}

TEST(Url, ConvertsInternationalisedHostsOnce) {
  const std::vector<std::tuple<std::string, std::string, std::string>> rows = {
      {"C-031 a German name",
       "http://b\xc3\xbc"
       "cher.example/",
       "xn--bcher-kva.example"},
      {"C-031 upper case",
       "http://B\xc3\x9c"
       "CHER.Example/",
       "xn--bcher-kva.example"},
      {"C-031 decomposed",
       "http://bu\xcc\x88"
       "cher.example/",
       "xn--bcher-kva.example"},
      {"C-031 its A-label", "http://XN--bcher-KVA.example/", "xn--bcher-kva.example"},
      {"C-031 non-transitional sharp s", "http://fa\xc3\x9f.example/", "xn--fa-hia.example"},
      {"C-031 ideographic stop", "http://\xe6\x97\xa5\xe6\x9c\xac\xe3\x80\x82jp/", "xn--wgv71a.jp"},
      {"C-031 full-width letters", "http://\xef\xbd\x81\xef\xbd\x82.example/", "ab.example"},
      {"C-031 mixed scripts stay tellable", "http://\xd0\xb0pple.example/", "xn--pple-43d.example"},
  };
  for (const auto& [name, text, host] : rows) {
    const Result<Url> url = ParseUrl(text);
    ASSERT_TRUE(url.has_value()) << name << ": " << url.error().message;
    EXPECT_EQ(url->host, host) << name;
    EXPECT_EQ(url->host_kind, HostKind::kName) << name;
    const Result<Url> again = ParseUrl(url->Text());
    ASSERT_TRUE(again.has_value()) << name;
    EXPECT_EQ(*again, *url) << name;
  }
}

TEST(Url, RefusesInternationalisedHostsThatAreNotStrict) {
  ExpectRefused({
      {"C-031 xn-- that decodes to ASCII", "http://xn--a.example/"},
      {"C-031 xn-- of an ASCII name", "http://xn--example-.com/"},
      {"C-031 xn-- of nothing", "http://xn--/"},
      {"C-031 xn-- that does not decode", "http://xn--999999999/"},
      {"C-031 xn-- of a name in upper case", "http://xn--BCHER-kva8445foa.example/"},
      {"C-031 xn-- of an unnormalised name", "http://xn--u-ccb.example/"},
      {"C-031 invalid UTF-8", "http://\xff\xfe.example/"},
      {"C-031 an overlong slash",
       "http://a\xc0\xaf"
       "b.example/"},
      {"C-031 a cut sequence", "http://a\xc3.example/"},
      {"C-031 a surrogate", "http://a\xed\xa0\x80.example/"},
      {"C-031 a right-to-left override", "http://\xe2\x80\xaex.example/"},
      {"C-031 a zero-width joiner",
       "http://a\xe2\x80\x8d"
       "b.example/"},
      {"C-031 mixed directions", "http://a\xd7\x90.example/"},
      {"C-031 a symbol", "http://\xe2\x98\x83.example/"},
      {"C-031 a full-width slash",
       "http://a\xef\xbc\x8f"
       "b.example/"},
      {"C-031 a full-width percent sign",
       "http://a\xef\xbc\x85"
       "41.example/"},
      {"C-031 a full-width colon",
       "http://a\xef\xbc\x9a"
       "80/"},
      {"C-031 a one-half that becomes 1/2", "http://\xc2\xbd.example/"},
      {"C-031 an account-of sign that becomes a/c", "http://\xe2\x84\x80.example/"},
      {"C-031 a combining mark first",
       "http://\xcc\x88"
       "a.example/"},
      {"C-031 an underscore beside", "http://\xc3\xbc_a.example/"},
      {"C-031 a NUL beside", "http://\xc3\xbc\0.evil/"s},
      {"C-031 a percent sign beside", "http://\xc3\xbc%41/"},
      {"C-031 a long label", "http://" + Repeat("\xc3\xbc", 64) + ".example/"},
      {"C-031 a very long name", "http://" + Repeat("\xc3\xbc.", 600) + "example/"},
  });
}

TEST(Url, RefusesNamesThatAreNotLabels) {
  ExpectRefused({
      {"C-032 a trailing dot", "http://example.com./"},
      {"C-032 a dot", "http://./"},
      {"C-032 two dots", "http://a..b/"},
      {"C-032 a leading dot", "http://.a/"},
      {"C-032 a leading dash", "http://-a/"},
      {"C-032 a trailing dash", "http://a-/"},
      {"C-032 a dash at a label's start", "http://a.-b.c/"},
      {"C-032 a dash at a label's end", "http://a.b-.c/"},
      {"C-032 a label of 64", "http://" + Repeat("a", 64) + ".c/"},
      {"C-032 a name of 254", "http://" + Repeat("a.", 126) + "aa/"},
      {"C-007 a comma", "http://a,b/"},
      {"C-007 a star", "http://*.example.com/"},
      {"C-007 a semicolon", "http://a;b/"},
      {"C-007 an exclamation mark", "http://a!b/"},
      {"C-007 a quote", "http://a'b/"},
      {"C-007 a tilde", "http://a~b/"},
  });
}

TEST(Url, AllowsLongNamesUnderscoresAndHyphensInThePlaceOfALabels) {
  for (const std::string& host :
       {Repeat("a", 63) + ".c", Repeat("a.", 126) + "a", "my_service"s, "_dmarc.example"s,
        "r3---sn-5hne6nsz.example"s, "a--b"s, "localhost"s, "0a"s, "1.a"s, "0x.a"s, "xn"s}) {
    const Result<Url> url = ParseUrl("http://" + host + "/");
    ASSERT_TRUE(url.has_value()) << host << ": " << url.error().message;
    EXPECT_EQ(url->host, host);
  }
}

TEST(Url, RefusesPortsThatAreNotPlainNumbers) {
  Rows rows;
  for (const char* const port :
       {"", "0", "00", "080", "0080", "+80", "-1", "65536", "99999", "100000", "80abc", "0x50",
        "8 0", "80:80", "18446744073709551696", "8_0", "80]", "80%20"}) {
    rows.push_back({std::string("C-007 C-033 V7 port ") + port, "http://h:" + std::string(port)});
    rows.push_back(
        {std::string("C-007 C-033 port with path ") + port, "http://h:" + std::string(port) + "/"});
    rows.push_back(
        {std::string("C-033 port of IPv6 ") + port, "http://[::1]:" + std::string(port) + "/"});
  }
  ExpectRefused(rows);
}

TEST(Url, FillsInTheDefaultPort_C033) {
  EXPECT_EQ(*ParseUrl("https://h/"), *ParseUrl("https://h:443/"));
  EXPECT_EQ(*ParseUrl("http://h/"), *ParseUrl("http://h:80/"));
  EXPECT_FALSE(*ParseUrl("http://h/") == *ParseUrl("http://h:443/"));
}

TEST(Url, IsBounded) {
  const std::string start = "http://h/";
  EXPECT_TRUE(ParseUrl(start + Repeat("a", static_cast<int>(kMaxUrlBytes - start.size()))));
  EXPECT_FALSE(ParseUrl(start + Repeat("a", static_cast<int>(kMaxUrlBytes - start.size() + 1))));
}

TEST(Url, NeverEchoesTheText) {
  for (const char* const text :
       {"http://user:secret@h/", "http://secret..h/", "http://h:secret/", "http://h/\tsecret",
        "http://[secret]/", "secret://h/", "http://h/#secret", "http://\xc3\xbcsecret!/"}) {
    const Result<Url> url = ParseUrl(text);
    ASSERT_FALSE(url.has_value()) << text;
    EXPECT_EQ(url.error().message.find("secret"), std::string::npos) << url.error().message;
  }
}

TEST(Url, TellsAuthoritiesForAHostLine) {
  for (const char* const text : {"h", "H.Example", "h:80", "10.0.0.1", "[::1]", "[::1]:8080",
                                 "my_svc:1", "xn--bcher-kva.example"}) {
    EXPECT_TRUE(IsAuthority(text)) << text;
  }
  for (const char* const text : {"",        ":80",      "h:",    "h:0",       "h:080",
                                 "h:80:80", "a@h",      "h/",    "h?",        "h#",
                                 "h,g",     "h g",      " h",    "h.",        "127.1",
                                 "[::1",    "[::1%1]",  "::1",   "h\r\nX: y", "b\xc3\xbc.example",
                                 "%61",     "http://h", "xn--a", "h\\"}) {
    EXPECT_FALSE(IsAuthority(text)) << "C-007 " << text;
  }
}

}  // namespace
}  // namespace spillway
