#include "transport/http1/request_encoder.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "transport/base/url.h"

namespace spillway {
namespace {

using Kind = RequestFraming::Kind;

RequestHead Head(std::string method, std::string_view url, HeaderList headers = {}) {
  RequestHead head;
  head.method = std::move(method);
  head.url = *ParseUrl(url);
  head.headers = std::move(headers);
  return head;
}

std::string Encode(const RequestHead& head, const EncodeOptions& options = {}) {
  std::string out;
  EncodeRequestHead(head, options, out);
  return out;
}

TEST(RequestEncoder, WritesTheLineHostHeadersAndFramingInThisOrder) {
  EncodeOptions options;
  options.framing = {Kind::kLength, 5};
  EXPECT_EQ(
      Encode(Head("POST", "http://example.com/a?b", {{"X-b", "2"}, {"x-A", ""}, {"X-b", "1"}}),
             options),
      "POST /a?b HTTP/1.1\r\nHost: example.com\r\nX-b: 2\r\nx-A: \r\nX-b: 1\r\n"
      "Content-Length: 5\r\n\r\n");
}

TEST(RequestEncoder, AddsNothingThatNobodyAskedFor) {
  EXPECT_EQ(Encode(Head("GET", "http://example.com")),
            "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n");
}

TEST(RequestEncoder, AppendsToWhatIsThere) {
  std::string out = "before ";
  EncodeRequestHead(Head("GET", "http://h/"), {}, out);
  EXPECT_EQ(out, "before GET / HTTP/1.1\r\nHost: h\r\n\r\n");
}

TEST(RequestEncoder, NamesThePortAndBracketsAsTheUrlNeedsThem) {
  EXPECT_EQ(Encode(Head("GET", "http://h:8080/")), "GET / HTTP/1.1\r\nHost: h:8080\r\n\r\n");
  EXPECT_EQ(Encode(Head("GET", "https://h:443/")), "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(Encode(Head("GET", "http://[0:0::1]:81/")), "GET / HTTP/1.1\r\nHost: [::1]:81\r\n\r\n");
}

TEST(RequestEncoder, LetsTheCallerOverrideTheHostLineOnly_V11) {
  EXPECT_EQ(Encode(Head("GET", "http://dialled/", {{"A", "1"}, {"hOST", "named:99"}})),
            "GET / HTTP/1.1\r\nHost: named:99\r\nA: 1\r\n\r\n");
}

TEST(RequestEncoder, WritesTheTargetOfOptionsStar_V13) {
  RequestHead head = Head("OPTIONS", "http://h/ignored");
  head.target = "*";
  EXPECT_EQ(Encode(head), "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
}

TEST(RequestEncoder, SendsTheUrlsAuthorityToAProxyWhateverHostTheCallerNames_P4) {
  EncodeOptions options;
  options.absolute_form = true;
  EXPECT_EQ(Encode(Head("GET", "http://dialled.test/a?b", {{"Host", "other.test:99"}}), options),
            "GET http://dialled.test/a?b HTTP/1.1\r\nHost: other.test:99\r\n\r\n");
  EXPECT_EQ(Encode(Head("GET", "http://dialled.test:8080"), options),
            "GET http://dialled.test:8080/ HTTP/1.1\r\nHost: dialled.test:8080\r\n\r\n");
  EXPECT_EQ(Encode(Head("GET", "http://[2001:db8::1]:81//x"), options),
            "GET http://[2001:db8::1]:81//x HTTP/1.1\r\nHost: [2001:db8::1]:81\r\n\r\n");
  RequestHead head = Head("OPTIONS", "http://h:8001/ignored");
  head.target = "*";
  EXPECT_EQ(Encode(head, options), "OPTIONS http://h:8001 HTTP/1.1\r\nHost: h:8001\r\n\r\n");
}

TEST(RequestEncoder, CarriesTheProxysCredentialsInEveryAbsoluteFormRequest_P3) {
  EncodeOptions options;
  options.absolute_form = true;
  options.proxy_authorization = "Basic dTpw";
  options.framing = {Kind::kLength, 2};
  EXPECT_EQ(Encode(Head("PUT", "http://h/", {{"A", "1"}}), options),
            "PUT http://h/ HTTP/1.1\r\nHost: h\r\nProxy-Authorization: Basic dTpw\r\nA: 1\r\n"
            "Content-Length: 2\r\n\r\n");
}

TEST(RequestEncoder, KeepsADoubleSlashAPath_C006) {
  EXPECT_EQ(Encode(Head("GET", "http://h//evil/")), "GET //evil/ HTTP/1.1\r\nHost: h\r\n\r\n");
}

TEST(RequestEncoder, ReplacesFramingAndConnectionInAnySpelling_V14) {
  const std::vector<std::vector<std::string>> spellings = {
      {"Host", "Content-Length", "Transfer-Encoding", "Connection"},
      {"host", "content-length", "transfer-encoding", "connection"},
      {"HOST", "CONTENT-LENGTH", "TRANSFER-ENCODING", "CONNECTION"},
      {"hOsT", "cONTENT-lENGTH", "tRANSFER-eNCODING", "cONNECTION"},
  };
  for (const std::vector<std::string>& names : spellings) {
    HeaderList headers;
    for (const std::string& name : names) {
      headers.Add(name, "evil");
      headers.Add(name, "twice");
    }
    EncodeOptions options;
    options.close = true;
    options.framing = {Kind::kLength, 2};
    EXPECT_EQ(Encode(Head("POST", "http://h/", headers), options),
              "POST / HTTP/1.1\r\nHost: evil\r\nContent-Length: 2\r\nConnection: close\r\n\r\n");
    options.framing = {Kind::kChunked, 0};
    EXPECT_EQ(
        Encode(Head("POST", "http://h/", headers), options),
        "POST / HTTP/1.1\r\nHost: evil\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(Encode(Head("POST", "http://h/", headers)), "POST / HTTP/1.1\r\nHost: evil\r\n\r\n");
  }
}

TEST(RequestEncoder, SendsConnectionCloseOnce_R8) {
  EncodeOptions options;
  options.close = true;
  EXPECT_EQ(Encode(Head("GET", "http://h/", {{"Connection", "close"}}), options),
            "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
}

TEST(RequestEncoder, FramesBodiesByMethodAndLength_F1_F2_C017) {
  struct Row {
    const char* method;
    std::optional<std::uint64_t> length;
    Kind kind;
  };
  const std::vector<Row> rows = {
      {"GET", 0, Kind::kNone},     {"HEAD", 0, Kind::kNone},     {"DELETE", 0, Kind::kNone},
      {"OPTIONS", 0, Kind::kNone}, {"PURGE", 0, Kind::kNone},    {"post", 0, Kind::kNone},
      {"POST", 0, Kind::kLength},  {"PUT", 0, Kind::kLength},    {"PATCH", 0, Kind::kLength},
      {"GET", 3, Kind::kLength},   {"HEAD", 3, Kind::kLength},   {"DELETE", 3, Kind::kLength},
      {"POST", 3, Kind::kLength},  {"POST", {}, Kind::kChunked}, {"GET", {}, Kind::kChunked},
  };
  for (const Row& row : rows) {
    const RequestFraming framing = FramingFor(row.method, row.length);
    EXPECT_EQ(framing.kind, row.kind) << row.method;
    EXPECT_EQ(framing.length, row.length.value_or(0)) << row.method;
  }
}

TEST(RequestEncoder, WritesLengthsOfSixtyFourBits) {
  EncodeOptions options;
  options.framing = {Kind::kLength, UINT64_MAX};
  EXPECT_NE(
      Encode(Head("PUT", "http://h/"), options).find("Content-Length: 18446744073709551615\r\n"),
      std::string::npos);
}

TEST(RequestEncoder, WritesChunkSizesInHex) {
  std::string out;
  AppendChunkStart(1, out);
  AppendChunkStart(0xabc, out);
  AppendChunkStart(UINT64_MAX, out);
  EXPECT_EQ(out, "1\r\nabc\r\nffffffffffffffff\r\n");
}

}  // namespace
}  // namespace spillway
