// What a redirect's own body costs, and what it does not.

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <utility>

#include "tests/transport/client/client_fixture.h"

namespace spillway {
namespace {

class RedirectBodies : public BothProtocols {};
INSTANTIATE_TEST_SUITE_P(Over, RedirectBodies, kBothProtocols, BothProtocols::Name);

// It is for the response that is delivered, whatever comes on the way there.
TEST_P(RedirectBodies, C7_DoNotCountAgainstMaxResponseBytes) {
  const std::string small(100, 's');
  Origin origin{Speaking({{"/", Answer(302, std::string(1000, 'b'), "Location: /to\r\n")},
                          {"/long", Answer(302, std::string(100000, 'b'), "Location: /to\r\n")},
                          {"/to", Answer(200, small)},
                          {"/last", Answer(302, small, "Location: /last\r\n")},
                          {"/lost", Answer(302, small, "Location: http://:/\r\n")}})};
  ClientFixture fixture(PolicyFor());
  struct Row {
    const char* path;
    std::uint64_t most;
    Reason reason;
    std::uint32_t status;
    std::size_t hops;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"/", 100, Reason::kNone, 200, 1},
           {"/long", 100, Reason::kNone, 200, 1},
           {"/", 99, Reason::kHttpResponseBodySize, 200, 1},
           {"/to", 99, Reason::kHttpResponseBodySize, 200, 0},
           {"/to", 100, Reason::kNone, 200, 0},
           {"/to", 0, Reason::kNone, 200, 0},
           // Delivered, as the limit on hops is reached.
           {"/last", 99, Reason::kHttpResponseBodySize, 302, 2},
           {"/last", 100, Reason::kNone, 302, 2},
           {"/lost", 1, Reason::kHttpProtocolError, 302, 0},
       }) {
    SCOPED_TRACE(std::string(row.path) + " " + std::to_string(row.most));
    ClientRequest request = Following(Get(origin.url(row.path)), 2);
    request.request.max_response_bytes = row.most;
    const auto call = fixture.Do(std::move(request));
    const Failure failure = call->record->failure.value_or(Failure{.reason = Reason::kNone});
    EXPECT_EQ(failure.reason, row.reason) << failure.message;
    EXPECT_EQ(call->record->status, row.status);
    EXPECT_EQ(call->record->hops.size(), row.hops);
    if (row.reason == Reason::kNone) {
      EXPECT_EQ(call->body, small);
      continue;
    }
    EXPECT_EQ(failure.delivery, Delivery::kAnswered);
    EXPECT_EQ(failure.response_status, row.status);
    EXPECT_EQ(call->head.status, 0U) << "O-043: it fails before the body";
  }
}

TEST_P(RedirectBodies, ThatOfTheResponseBehindThemIsCounted) {
  OriginOptions options;
  options.handler = [](const SeenRequest& request, std::uint64_t) {
    if (request.target == "/") return Say(RedirectTo("/to"));
    const std::string body(1001, 'x');
    return Say(http2() ? "HTTP/1.1 200 OK\r\n\r\n" + body
                       : "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + body);
  };
  Origin origin{Over(std::move(options))};
  ClientFixture fixture(PolicyFor());
  ClientRequest request = Following(Get(origin.url("/")));
  request.request.max_response_bytes = 1000;
  const auto call = fixture.Do(std::move(request));
  ASSERT_TRUE(call->record->failure.has_value());
  EXPECT_EQ(call->record->failure->reason, Reason::kHttpResponseBodySize);
  EXPECT_EQ(call->record->failure->response_status, 200U);
  EXPECT_LE(call->body.size(), 1000U);
  const auto counted = fixture.counts().failed;
  EXPECT_EQ(counted, (std::map<std::string, std::uint64_t>{{"http_response_body_size", 1}}));
}

TEST(RedirectBodiesHttp1, C7_AreReadWhenSmallAndLeftWhenLarge) {
  Origin small{Answering({{"/", Answer(302, std::string(2048, 'b'), "Location: /to\r\n")}})};
  ClientFixture fixture;
  EXPECT_EQ(fixture.Do(Following(Get(small.url("/"))))->body, "served");
  EXPECT_EQ(small.seen().size(), 1U);
  OriginOptions options = Answering({});
  options.scripts = {MustParse(
      "expect_head\n"
      "send \"HTTP/1.1 302 F\\r\\nLocation: /to\\r\\nContent-Length: 2049\\r\\n\\r\\nx\"\n"
      "stall\n")};
  Origin large{std::move(options)};
  EXPECT_EQ(fixture.Do(Following(Get(large.url("/"))))->body, "served");
  EXPECT_EQ(large.seen().size(), 2U) << "what is not read to its end cannot be used again";
}

TEST(RedirectBodiesHttp1, C7_AreNotWaitedForWithoutEnd) {
  OriginOptions options = Answering({});
  options.scripts = {
      MustParse("expect_head\n"
                "send \"HTTP/1.1 302 F\\r\\nLocation: /to\\r\\n"
                "Transfer-Encoding: chunked\\r\\n\\r\\n1\\r\\nx\\r\\n\"\n"
                "stall\n")};
  Origin origin{std::move(options)};
  ClientFixture fixture;
  const auto call = fixture.Do(Following(Get(origin.url("/"))));
  ASSERT_FALSE(call->record->failure.has_value()) << call->record->failure->message;
  EXPECT_EQ(call->body, "served");
}

// What is not read costs a stream, and no connection.
TEST(RedirectBodiesHttp2, C7_AreLeftWhenLargeOrWithoutEnd) {
  OriginOptions options =
      Answering({{"/", Answer(302, std::string(2049, 'b'), "Location: /to\r\n")}});
  options.http2 = true;
  options.scripts = {
      MustParse("h2_start\nh2_expect headers\nh2 headers status=302 field=\"location: /\"\n"
                "h2 data text=x\n")};
  Origin origin{std::move(options)};
  Destination clear;
  clear.protocol = Protocol::kH2c;
  ClientFixture fixture(PolicyOf(clear));
  const auto call = fixture.Do(Following(Get(origin.url("/endless"))));
  ASSERT_FALSE(call->record->failure.has_value()) << call->record->failure->message;
  EXPECT_EQ(call->body, "served");
  EXPECT_EQ(call->record->hops.size(), 2U);
  EXPECT_EQ(origin.seen().size(), 1U);
}

}  // namespace
}  // namespace spillway
