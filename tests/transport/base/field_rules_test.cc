#include "transport/base/field_rules.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace spillway {
namespace {

using namespace std::string_literals;

RequestHead Get(HeaderList headers = {}) {
  RequestHead head;
  head.method = "GET";
  head.url = *ParseUrl("http://example.com/");
  head.headers = std::move(headers);
  return head;
}

std::optional<Failure> Check(const RequestHead& head, std::uint64_t body_size = 0) {
  const Result<RequestFacts> facts = CheckRequest(head, {.body_size = body_size}, {});
  if (facts.has_value()) return std::nullopt;
  return facts.error();
}

struct FieldRow {
  std::string name;
  HeaderField field;
};

TEST(CheckRequest, RefusesFields) {
  std::vector<FieldRow> rows = {
      {"C-001 an empty name", {"", "v"}},
      {"C-001 a colon at the end", {"A:", "v"}},
      {"C-001 a second field in the name", {"A: b\r\nC", "v"}},
      {"C-001 a non-ASCII name", {"\xc3\xa9", "v"}},
      {"C-001 a no-break space", {"A\xc2\xa0", "v"}},
      {"C-002 a second field in the value", {"A", "v\r\nB: w"}},
      {"C-002 a CR at the end", {"A", "v\r"}},
      {"C-002 an LF at the end", {"A", "v\n"}},
      {"C-002 a NUL", {"A", "v\0w"s}},
      {"C-003 a leading blank", {"A", " v"}},
      {"C-003 a trailing blank", {"A", "v "}},
      {"C-003 a leading tab", {"A", "\tv"}},
      {"C-003 a trailing tab", {"A", "v\t"}},
      {"C-003 only a blank", {"A", " "}},
      {"C-011 Transfer-Encoding", {"Transfer-Encoding", "chunked"}},
      {"C-011 transfer-encoding", {"transfer-encoding", "identity"}},
      {"C-011 Keep-Alive", {"Keep-Alive", "timeout=5"}},
      {"C-011 Proxy-Connection", {"Proxy-Connection", "keep-alive"}},
      {"C-011 HTTP2-Settings", {"HTTP2-Settings", "AAMAAABkAAQCAAAAAAIAAAAA"}},
      {"C-011 TE gzip", {"TE", "gzip"}},
      {"C-011 TE with more", {"TE", "trailers, gzip"}},
      {"C-011 TE empty", {"TE", ""}},
      {"C-011 Connection keep-alive", {"Connection", "keep-alive"}},
      {"C-011 Connection naming a field", {"Connection", "X-Auth"}},
      {"C-011 Connection close and a field", {"Connection", "close, X-Auth"}},
      {"C-011 Connection empty", {"Connection", ""}},
      {"C-011 Connection upgrade alone", {"Connection", "upgrade"}},
      {"C-011 Upgrade alone", {"Upgrade", "websocket"}},
      {"C-012 Expect anything", {"Expect", "200-ok"}},
      {"C-012 Expect with more", {"Expect", "100-continue, x"}},
      {"C-013 Proxy-Authorization", {"Proxy-Authorization", "Basic x"}},
      {"C-013 Proxy-Authenticate", {"proxy-authenticate", "Basic"}},
      {"C-013 any Proxy- name", {"PROXY-Status", "x"}},
      {"C-013 Proxy, which CGI reads as HTTP_PROXY", {"Proxy", "http://evil"}},
      {"C-015 :path", {":path", "/"}},
      {"C-015 :method", {":method", "GET"}},
      {"C-016 Transfer_Encoding", {"Transfer_Encoding", "chunked"}},
      {"C-016 content_length", {"content_length", "0"}},
      {"C-016 Proxy_Authorization", {"Proxy_Authorization", "x"}},
      {"C-016 keep_alive", {"keep_alive", "1"}},
      {"C-010 a length without body", {"Content-Length", "5"}},
      {"C-010 a length with sign", {"Content-Length", "+0"}},
      {"C-010 a negative length", {"content-length", "-0"}},
      {"C-010 a hex length", {"Content-Length", "0x0"}},
      {"C-010 a list of lengths", {"Content-Length", "0, 0"}},
      {"C-010 an empty length", {"Content-Length", ""}},
      {"C-010 a length of 2^64", {"Content-Length", "18446744073709551616"}},
      {"C-007 Host empty", {"Host", ""}},
      {"C-007 Host with userinfo", {"Host", "a@b"}},
      {"C-007 Host with path", {"Host", "a/b"}},
      {"C-007 Host with query", {"Host", "a?b"}},
      {"C-007 Host with fragment", {"Host", "a#b"}},
      {"C-007 Host list", {"Host", "a,b"}},
      {"C-007 Host with blank", {"Host", "a b"}},
      {"C-007 Host with two ports", {"Host", "a:1:2"}},
      {"C-007 Host with port 0", {"Host", "a:0"}},
      {"C-007 Host with port 65536", {"Host", "a:65536"}},
      {"C-007 Host with port -1", {"Host", "a:-1"}},
      {"C-007 Host with port 80abc", {"Host", "a:80abc"}},
      {"V12 Host with a line end", {"Host", "a\r\nX: y"}},
      {"C-008 Host with a URL", {"Host", "http://a/"}},
  };
  for (const int code : {0x00, 0x01, 0x09, 0x0a, 0x0d, 0x1f, 0x20, 0x22, 0x28, 0x2c, 0x2f, 0x3a,
                         0x40, 0x5b, 0x7b, 0x7f, 0x80, 0xff}) {
    rows.push_back({"C-001 byte in a name " + std::to_string(code),
                    {"a" + std::string(1, static_cast<char>(code)) + "b", "v"}});
  }
  for (const int code : {0x00, 0x01, 0x08, 0x0a, 0x0b, 0x0d, 0x1b, 0x1f, 0x7f}) {
    rows.push_back({"C-002 C-003 byte in a value " + std::to_string(code),
                    {"a", "v" + std::string(1, static_cast<char>(code)) + "w"}});
  }
  for (const FieldRow& row : rows) {
    RequestHead head = Get({{"Accept", "*/*"}});
    head.headers.Add(row.field.name, row.field.value);
    const std::optional<Failure> failure = Check(head);
    ASSERT_TRUE(failure.has_value()) << row.name;
    EXPECT_EQ(failure->reason, Reason::kHttpRequestError) << row.name;
    EXPECT_EQ(failure->source, Source::kCaller) << row.name;
    EXPECT_EQ(failure->delivery, Delivery::kNotSent) << row.name;
    EXPECT_EQ(failure->field, "headers[1]") << row.name;
    for (const char c : failure->message) EXPECT_TRUE(c >= ' ' && c < 0x7f) << row.name;
  }
}

TEST(CheckRequest, LeavesToTheStreamingMethodWhatNeedsIt) {
  const std::vector<std::pair<std::string, HeaderList>> rows = {
      {"C-012 Expect: 100-continue", {{"expect", "100-Continue"}}},
      {"C-020 Trailer", {{"Trailer", "X"}}},
      {"C-011 an upgrade", {{"Connection", "Upgrade"}, {"Upgrade", "websocket"}}},
      {"C-011 an upgrade, other order", {{"upgrade", "websocket"}, {"connection", "upgrade"}}},
  };
  for (const auto& [name, headers] : rows) {
    const std::optional<Failure> failure = Check(Get(headers));
    ASSERT_TRUE(failure.has_value()) << name;
    EXPECT_EQ(failure->reason, Reason::kHttpRequestError) << name;
    EXPECT_TRUE(CheckRequest(Get(headers), {.body_size = {}, .streamed = true}, {}).has_value())
        << name;
    EXPECT_EQ(failure->field, "headers[0]") << name;
  }
}

TEST(CheckRequest, RefusesTheSecondOfFieldsThatMayStandOnce) {
  const std::vector<std::pair<std::string, HeaderList>> rows = {
      {"C-009 two Hosts", {{"Host", "a"}, {"host", "a"}}},
      {"C-010 two lengths", {{"Content-Length", "0"}, {"CONTENT-LENGTH", "0"}}},
  };
  for (const auto& [name, headers] : rows) {
    const std::optional<Failure> failure = Check(Get(headers));
    ASSERT_TRUE(failure.has_value()) << name;
    EXPECT_EQ(failure->reason, Reason::kHttpRequestError) << name;
    EXPECT_EQ(failure->field, "headers[1]") << name;
  }
}

TEST(CheckRequest, AllowsFields) {
  const std::vector<FieldRow> rows = {
      {"C-003 a tab inside", {"A", "b\tc"}},
      {"C-021 bytes above 0x7f", {"A", "\x80\xff"}},
      {"C-002 code points that end in CR and LF bytes stay whole",
       {"A", "\xe5\x98\x8d\xe5\x98\x8a"}},
      {"V2 an empty value", {"A", ""}},
      {"C-001 every mark of a token", {"!#$%&'*+-.^_`|~09azAZ", "v"}},
      {"C-008 a Host of its own", {"Host", "other.example:8080"}},
      {"C-008 a Host with IPv6", {"host", "[::1]"}},
      {"C-010 the right length", {"Content-Length", "0"}},
      {"C-010 the right length with zeros", {"Content-Length", "000"}},
      {"C-011 TE trailers", {"te", "Trailers"}},
      {"C-014 Authorization", {"Authorization", "Bearer x"}},
      {"C-014 Cookie", {"Cookie", "a=b; c=d"}},
      {"C-016 an underscore", {"my_header", "v"}},
      {"C-016 idempotency_key is only text", {"idempotency_key", "v"}},
      {"V16 User-Agent", {"User-Agent", "mine"}},
      {"names that only start alike", {"Connection-Id", "v"}},
      {"Proxies is not Proxy-", {"Proxies", "v"}},
      {"Hostname is not Host", {"Hostname", "a b"}},
  };
  for (const FieldRow& row : rows) {
    const std::optional<Failure> failure = Check(Get({row.field}));
    EXPECT_FALSE(failure.has_value()) << row.name << ": " << failure->message;
  }
}

TEST(CheckRequest, AllowsAFieldTwiceWhereHttpDoes) {
  EXPECT_FALSE(Check(Get({{"Cookie", "a"},
                          {"cookie", "b"},
                          {"Connection", "close"},
                          {"Connection", "CLOSE"},
                          {"A", "1"},
                          {"A", "1"}})));
}

TEST(CheckRequest, ComparesContentLengthWithTheBody_C010_C018) {
  EXPECT_FALSE(Check(Get({{"Content-Length", "5"}}), 5));
  EXPECT_TRUE(Check(Get({{"Content-Length", "4"}}), 5));
  EXPECT_TRUE(Check(Get({{"Content-Length", "6"}}), 5));
  EXPECT_TRUE(Check(Get({{"Content-Length", "0"}}), 5));
}

TEST(CheckRequest, RefusesMethods) {
  for (const std::string& method :
       {""s, "GE T"s, "GET\r\nX: y"s, "GET\0"s, "GET "s, " GET"s, "G\xc3\x89T"s, "GET,"s, "GET/"s,
        std::string(33, 'A'), std::string(1 << 20, 'A'), "TRACE"s, "trace"s, "PRI"s, "Connect"s}) {
    RequestHead head = Get();
    head.method = method;
    const std::optional<Failure> failure = Check(head);
    ASSERT_TRUE(failure.has_value()) << "C-004 V5 " << method.substr(0, 40);
    EXPECT_EQ(failure->reason, Reason::kHttpRequestError) << method.substr(0, 40);
    EXPECT_EQ(failure->field, "method");
    EXPECT_EQ(failure->message.find("GE"), std::string::npos);
  }
}

TEST(CheckRequest, LeavesConnectToTheStreamingMethod_C004_O085) {
  RequestHead head = Get();
  head.method = "CONNECT";
  const std::optional<Failure> failure = Check(head);
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->reason, Reason::kHttpRequestError);
  EXPECT_EQ(failure->field, "method");
}

TEST(CheckRequest, TakesConnectWithHostAndPortFromAStreamingCaller_U5) {
  RequestHead head = Get();
  head.method = "CONNECT";
  const RequestShape streamed{.body_size = {}, .streamed = true};
  for (const std::string& target : {"db.internal:5432"s, "[::1]:443"s, "10.0.0.1:22"s}) {
    head.target = target;
    const Result<RequestFacts> facts = CheckRequest(head, streamed, {});
    ASSERT_TRUE(facts.has_value()) << target;
    EXPECT_EQ(facts->switching, ProtocolSwitch::kConnect);
  }
  for (const std::string& target :
       {""s, "*"s, "db.internal"s, "[::1]"s, "host:"s, "/path"s, "user@host:1"s}) {
    head.target = target;
    const Result<RequestFacts> facts = CheckRequest(head, streamed, {});
    ASSERT_FALSE(facts.has_value()) << target;
    EXPECT_EQ(facts.error().field, "request_target") << target;
  }
}

TEST(CheckRequest, LetsNoUpgradeLeadToHttp2BehindOurBack) {
  for (const std::string& protocol : {"h2c"s, "h2"s, "H2C"s, ""s}) {
    const RequestHead head = Get({{"Connection", "Upgrade"}, {"Upgrade", protocol}});
    EXPECT_FALSE(CheckRequest(head, {.body_size = {}, .streamed = true}, {}).has_value());
  }
}

TEST(CheckTrailers, RefusesWhatMayNotFollowABody_F8) {
  EXPECT_FALSE(CheckTrailers({{"X-Sum", "1"}, {"grpc-status", "0"}}, {}).has_value());
  for (const std::string& name : {"Content-Length"s, "transfer-encoding"s, "Trailer"s, "Host"s,
                                  "Authorization"s, "proxy-x"s, "bad name"s, ""s}) {
    const std::optional<Failure> failure = CheckTrailers({{"ok", "1"}, {name, "1"}}, {});
    ASSERT_TRUE(failure.has_value()) << name;
    EXPECT_EQ(failure->field, "trailers[1]") << name;
  }
}

TEST(CheckRequest, AllowsMethods) {
  for (const std::string& method :
       {"GET"s, "HEAD"s, "POST"s, "PUT"s, "DELETE"s, "PATCH"s, "OPTIONS"s, "get"s, "PROPFIND"s,
        "M-SEARCH"s, "X!"s, std::string(kMaxMethodBytes, 'A')}) {
    RequestHead head = Get();
    head.method = method;
    EXPECT_FALSE(Check(head).has_value()) << method;
  }
}

TEST(CheckRequest, TakesAStarOnlyWithOptions_C006_V13) {
  RequestHead head = Get();
  head.target = "*";
  EXPECT_EQ(Check(head)->field, "request_target");
  head.method = "options";
  EXPECT_EQ(Check(head)->field, "request_target");
  head.method = "OPTIONS";
  EXPECT_FALSE(Check(head).has_value());
  for (const char* const target : {"/", "h:80", "http://evil/", "**", "* HTTP/1.1\r\nX: y"}) {
    head.target = target;
    ASSERT_TRUE(Check(head).has_value()) << target;
    EXPECT_EQ(Check(head)->field, "request_target") << target;
  }
}

TEST(CheckRequest, LooksAtTheMethodFirstThenAtHeadersInOrder) {
  RequestHead head = Get({{"bad name", "v"}, {"A", "\n"}});
  EXPECT_EQ(Check(head)->field, "headers[0]");
  head.method = "";
  EXPECT_EQ(Check(head)->field, "method");
}

TEST(CheckRequest, BoundsFieldsAndBytes) {
  RequestFieldLimits limits;
  limits.max_fields = 2;
  limits.max_bytes = 16;
  EXPECT_TRUE(
      CheckRequest(Get({{"A", "123"}, {"B", "123"}}), {.body_size = 0}, limits).has_value());
  const Result<RequestFacts> bytes =
      CheckRequest(Get({{"A", "123"}, {"B", "1234"}}), {.body_size = 0}, limits);
  ASSERT_FALSE(bytes.has_value());
  EXPECT_EQ(bytes.error().field, "headers[1]");
  const Result<RequestFacts> fields =
      CheckRequest(Get({{"A", ""}, {"B", ""}, {"C", ""}}), {.body_size = 0}, limits);
  ASSERT_FALSE(fields.has_value());
  EXPECT_EQ(fields.error().field, "headers");
}

TEST(CheckRequest, TellsTheFacts) {
  EXPECT_FALSE(CheckRequest(Get(), {.body_size = 0}, {})->close);
  EXPECT_FALSE(CheckRequest(Get(), {.body_size = 0}, {})->idempotency_key);
  EXPECT_TRUE(CheckRequest(Get({{"connection", "Close"}}), {.body_size = 0}, {})->close);
  EXPECT_TRUE(CheckRequest(Get({{"Idempotency-Key", "x"}}), {.body_size = 0}, {})->idempotency_key);
  EXPECT_TRUE(
      CheckRequest(Get({{"x-idempotency-key", ""}}), {.body_size = 0}, {})->idempotency_key);
}

TEST(CheckRequest, NamesTheHeaderButNeverItsValue_V2) {
  const std::optional<Failure> failure = Check(Get({{"Keep-Alive", "secret"}}));
  ASSERT_TRUE(failure.has_value());
  EXPECT_NE(failure->message.find("Keep-Alive"), std::string::npos) << failure->message;
  for (const char* const name :
       {"Keep-Alive", "Host", "Content-Length", "TE", "Connection", "Expect", "Upgrade", "X"}) {
    const std::optional<Failure> echoed = Check(Get({{name, "secret value\n"}}));
    ASSERT_TRUE(echoed.has_value());
    EXPECT_EQ(echoed->message.find("secret"), std::string::npos) << echoed->message;
  }
  const std::optional<Failure> unknown = Check(Get({{"secret name", "v"}}));
  EXPECT_EQ(unknown->message.find("secret"), std::string::npos) << unknown->message;
}

TEST(CheckRequest, KeepsErrorsShortForLongNames) {
  const std::optional<Failure> failure = Check(Get({{"Proxy-" + std::string(60000, 'a'), "v"}}));
  ASSERT_TRUE(failure.has_value());
  EXPECT_LE(failure->message.size(), kMaxFailureMessage);
}

TEST(FieldRules, KnowReplayableMethods_Y5) {
  for (const char* const method : {"GET", "HEAD", "OPTIONS", "TRACE"}) {
    EXPECT_TRUE(IsReplayableMethod(method)) << method;
  }
  for (const char* const method : {"POST", "PUT", "DELETE", "PATCH", "get", "GETX", ""}) {
    EXPECT_FALSE(IsReplayableMethod(method)) << method;
  }
}

}  // namespace
}  // namespace spillway
