// Requests as HTTP/2 fields, and what counts in the fields of a response.

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "transport/http2/request_fields.h"
#include "transport/http2/response_fields.h"

namespace spillway {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

RequestHead Head(HeaderList headers = {}) {
  RequestHead head;
  head.method = "GET";
  head.url = {"https", "origin.test", 8443, HostKind::kName, "/a?b"};
  head.headers = std::move(headers);
  return head;
}

Pairs Make(const RequestHead& head, std::optional<std::uint64_t> length = 0) {
  Http2RequestFields fields;
  MakeRequestFields(head, length, fields);
  Pairs pairs;
  std::size_t size = 0;
  for (const Http2Field& field : fields.fields) {
    pairs.emplace_back(field.name, field.value);
    size += field.name.size() + field.value.size() + 32;
  }
  EXPECT_EQ(fields.list_size, size);
  return pairs;
}

Pairs After(Pairs rest) {
  Pairs all = {{":method", "GET"},
               {":scheme", "https"},
               {":authority", "origin.test:8443"},
               {":path", "/a?b"}};
  all.insert(all.end(), rest.begin(), rest.end());
  return all;
}

TEST(Http2RequestFields, LowersNamesAndKeepsOrderAndValues) {
  EXPECT_EQ(Make(Head({{"X-Second", "A b"}, {"ACCEPT", "*/*"}, {"x-second", "again"}})),
            After({{"x-second", "A b"}, {"accept", "*/*"}, {"x-second", "again"}}));
}

// V11: as on the Host line.
TEST(Http2RequestFields, TakesTheAuthorityFromTheCallersHost) {
  const Pairs made = Make(Head({{"Host", "virtual.test"}}));
  EXPECT_EQ(made[2], (std::pair<std::string, std::string>{":authority", "virtual.test"}));
  EXPECT_EQ(made.size(), 4U);
}

TEST(Http2RequestFields, LeavesOutWhatBelongsToHttp1Connections) {
  EXPECT_EQ(Make(Head({{"Connection", "close"},
                       {"Keep-Alive", "timeout=5"},
                       {"Proxy-Connection", "x"},
                       {"Transfer-Encoding", "chunked"},
                       {"Upgrade", "h2c"},
                       {"HTTP2-Settings", "AAMAAABk"},
                       {"TE", "trailers"}})),
            After({{"te", "trailers"}}));
}

// H17
TEST(Http2RequestFields, SplitsACookieIntoItsPairs) {
  EXPECT_EQ(Make(Head({{"Cookie", "a=1; b=2;c=3; "}, {"x", "y"}, {"cookie", "d=4"}})),
            After({{"cookie", "a=1"},
                   {"cookie", "b=2"},
                   {"cookie", "c=3"},
                   {"x", "y"},
                   {"cookie", "d=4"}}));
}

// H17: the asterisk of OPTIONS.
TEST(Http2RequestFields, UsesTheTargetThatIsNotInTheUrl) {
  RequestHead head = Head();
  head.method = "OPTIONS";
  head.target = "*";
  EXPECT_EQ(Make(head)[3], (std::pair<std::string, std::string>{":path", "*"}));
}

TEST(Http2RequestFields, WritesTheLengthThatIsKnownAndMeant) {
  RequestHead head = Head({{"Content-Length", "7"}});
  EXPECT_EQ(Make(head, 7), After({{"content-length", "7"}}));
  EXPECT_EQ(Make(head, std::nullopt), After({}));
  EXPECT_EQ(Make(Head(), 0), After({}));
  head.method = "POST";
  EXPECT_EQ(Make(head, 0).back(), (std::pair<std::string, std::string>{"content-length", "0"}));
}

TEST(Http2RequestFields, KeepsCredentialsOutOfTheSharedTable) {
  const RequestHead head = Head({{"Authorization", "Bearer x"}, {"Cookie", "a=1"}, {"X", "y"}});
  Http2RequestFields fields;
  MakeRequestFields(head, 0, fields);
  for (const Http2Field& field : fields.fields) {
    EXPECT_EQ(field.sensitive, field.name == "authorization" || field.name == "cookie")
        << field.name;
  }
}

// O-178: name + value + 32, over all sections of an exchange.
TEST(Http2ResponseFields, CountsEverySectionAgainstOneLimit) {
  ResponseLimits limits;
  const std::size_t status = 7 + 3 + 32;
  const std::size_t field = 1 + 9 + 32;
  limits.max_header_bytes = 2 * status + 3 * field;
  for (const std::size_t extra : {0U, 1U}) {
    Http2ResponseFields fields(limits, RequestKind::kPlain);
    fields.Begin();
    EXPECT_FALSE(fields.Add(":status", "103"));
    EXPECT_FALSE(fields.Add("x", "123456789"));
    EXPECT_FALSE(fields.Finish(false));
    EXPECT_EQ(fields.section(), Http2ResponseFields::Section::kInformational);
    fields.Begin();
    EXPECT_FALSE(fields.Add(":status", "200"));
    EXPECT_FALSE(fields.Add("x", "123456789"));
    EXPECT_FALSE(fields.Finish(false));
    fields.Begin();
    const std::optional<Failure> failure = fields.Add("x", std::string(9 + extra, 'x'));
    ASSERT_EQ(failure.has_value(), extra > 0);
    if (!failure) continue;
    EXPECT_EQ(failure->reason, Reason::kHttpResponseTrailerSectionSize);
  }
}

TEST(Http2ResponseFields, NeverEchoesWhatItRefuses) {
  for (const auto& [name, value] : Pairs{{":status", "SECRET"},
                                         {"x", "SECRET\r"},
                                         {"SECRET", "x"},
                                         {":SECRET", "x"},
                                         {"upgrade", "SECRET"}}) {
    const ResponseLimits limits;
    Http2ResponseFields fields(limits, RequestKind::kPlain);
    fields.Begin();
    const std::optional<Failure> failure = fields.Add(name, value);
    ASSERT_TRUE(failure) << name;
    EXPECT_EQ(failure->message.find("SECRET"), std::string::npos);
  }
}

}  // namespace
}  // namespace spillway
