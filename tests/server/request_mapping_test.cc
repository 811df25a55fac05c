#include "server/request_mapping.h"

#include <gtest/gtest.h>

#include <functional>

#include "transport/base/body_source.h"

namespace spillway {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

const Instant kNow(hours(100));
constexpr std::uint64_t kMost = 64 * 1024 * 1024;

MappingContext Context(Duration time_left = kForever) {
  return {.now = kNow, .grpc_time_left = time_left, .max_response_bytes = kMost};
}

struct Refused {
  const char* name;
  std::function<void(WireRequest&)> change;
  Reason reason;
  const char* field;
};

TEST(RequestMapping, RefusesWhatItCannotHonourNamingTheField) {  // C-022
  const Refused rows[] = {
      {"C-020 trailer", [](WireRequest& r) { r.trailers.Add("host", "b"); },
       Reason::kHttpRequestError, "trailers[0]"},
      {"announced trailers",
       [](WireRequest& r) {
         r.headers.Add("A", "b");
         r.headers.Add("trailer", "X");
         r.trailers.Add("X", "y");
       },
       Reason::kHttpRequestError, "headers[1]"},
      {"F8 length and trailers",
       [](WireRequest& r) {
         r.headers.Add("content-length", "0");
         r.trailers.Add("X", "y");
       },
       Reason::kHttpRequestError, "headers[0]"},
      {"redirects beyond number", [](WireRequest& r) { r.options.max_redirects = 51; },
       Reason::kHttpRequestError, "options.max_redirects"},
      {"unknown decompression", [](WireRequest& r) { r.options.decompression = 3; },
       Reason::kHttpRequestError, "options.decompression"},
      {"negative decompression", [](WireRequest& r) { r.options.decompression = -1; },
       Reason::kHttpRequestError, "options.decompression"},
      {"unknown idempotency", [](WireRequest& r) { r.options.idempotency = 3; },
       Reason::kHttpRequestError, "options.idempotency"},
      {"unknown detail", [](WireRequest& r) { r.options.exchange_detail = 4; },
       Reason::kHttpRequestError, "options.exchange_detail"},
      {"negative timeout",
       [](WireRequest& r) {
         r.options.timeout = {{-1, 0}};
       },
       Reason::kHttpRequestError, "options.timeout"},
      {"negative nanos",
       [](WireRequest& r) {
         r.options.timeout = {{0, -1}};
       },
       Reason::kHttpRequestError, "options.timeout"},
      {"mixed signs",
       [](WireRequest& r) {
         r.options.timeout = {{1, -1}};
       },
       Reason::kHttpRequestError, "options.timeout"},
      {"too many nanos",
       [](WireRequest& r) {
         r.options.timeout = {{0, 1'000'000'000}};
       },
       Reason::kHttpRequestError, "options.timeout"},
      {"beyond Duration",
       [](WireRequest& r) {
         r.options.timeout = {{315'576'000'001, 0}};
       },
       Reason::kHttpRequestError, "options.timeout"},
      {"negative header timeout",
       [](WireRequest& r) {
         r.options.response_header_timeout = {{-1, 0}};
       },
       Reason::kHttpRequestError, "options.response_header_timeout"},
      {"no header time",
       [](WireRequest& r) {
         r.options.response_header_timeout = {{0, 0}};
       },
       Reason::kHttpRequestError, "options.response_header_timeout"},
      {"body shorter than said", [](WireRequest& r) { r.content_length = 1; },
       Reason::kHttpRequestError, "content_length"},
      {"body longer than said",
       [](WireRequest& r) {
         r.body = Body::Of("ab");
         r.content_length = 1;
       },
       Reason::kHttpRequestError, "content_length"},
      {"more than the service allows",
       [](WireRequest& r) { r.options.max_response_bytes = kMost + 1; }, Reason::kHttpRequestError,
       "options.max_response_bytes"},
      {"headers without end (C-035)", [](WireRequest& r) { r.too_many_fields = true; },
       Reason::kHttpRequestError, "headers"},
  };
  for (const Refused& row : rows) {
    WireRequest wire;
    row.change(wire);
    const Result<MappedRequest> mapped = MapRequest(std::move(wire), Context());
    ASSERT_FALSE(mapped.has_value()) << row.name;
    EXPECT_EQ(mapped.error().reason, row.reason) << row.name;
    EXPECT_EQ(mapped.error().field, row.field) << row.name;
    EXPECT_EQ(mapped.error().delivery, Delivery::kNotSent) << row.name;
  }
}

TEST(RequestMapping, HasTheDefaultsOfTheContract) {
  const Result<MappedRequest> mapped = MapRequest(WireRequest(), Context());
  ASSERT_TRUE(mapped.has_value());
  EXPECT_EQ(mapped->detail, ExchangeDetail::kSummary);
  EXPECT_FALSE(mapped->informational);
  const Request& request = mapped->request.request;
  EXPECT_EQ(request.deadline, kNever);
  EXPECT_EQ(request.body, nullptr);
  EXPECT_EQ(request.response_header_timeout, Duration::zero());
  EXPECT_EQ(request.idempotency, Idempotency::kByMethod);
  EXPECT_EQ(request.max_attempts, 0u);
  EXPECT_FALSE(request.fresh_connection);
  EXPECT_EQ(request.max_response_bytes, 4u * 1024 * 1024 - 64 * 1024);
  EXPECT_FALSE(request.want_timeline);
}

TEST(RequestMapping, PassesOnEverythingThatWasSet) {
  WireRequest wire;
  wire.method = "PUT";
  wire.url = "http://o/";
  wire.request_target = "*";
  wire.headers.Add("A", "b");
  wire.body = Body::Of("body");
  wire.content_length = 4;
  wire.options.idempotency = 2;
  wire.options.decompression = 2;
  wire.options.max_redirects = 50;
  wire.options.cookie_jar = "session";
  wire.options.exchange_detail = 2;
  wire.options.max_attempts = 2;
  wire.options.fresh_connection = true;
  wire.options.informational = true;
  wire.options.max_response_bytes = kMost;
  wire.options.response_header_timeout = {{1, 500}};
  const Result<MappedRequest> mapped = MapRequest(std::move(wire), Context());
  ASSERT_TRUE(mapped.has_value());
  EXPECT_EQ(mapped->request.max_redirects, 50U);
  EXPECT_EQ(mapped->request.decompression, Decompression::kPassThrough);
  EXPECT_EQ(mapped->request.cookie_jar, "session");
  const Request& request = mapped->request.request;
  EXPECT_EQ(request.method, "PUT");
  EXPECT_EQ(request.url, "http://o/");
  EXPECT_EQ(request.request_target, "*");
  EXPECT_EQ(request.headers, (HeaderList{{"A", "b"}}));
  ASSERT_NE(request.body, nullptr);
  EXPECT_EQ(request.body->buffered()->Flatten(), "body");
  EXPECT_TRUE(request.body->replayable());
  EXPECT_EQ(request.idempotency, Idempotency::kNotIdempotent);
  EXPECT_EQ(request.max_attempts, 2u);
  EXPECT_TRUE(request.fresh_connection);
  EXPECT_EQ(request.max_response_bytes, kMost);
  EXPECT_EQ(request.response_header_timeout, Duration(1'000'000'500));
  EXPECT_TRUE(request.want_timeline);
  EXPECT_TRUE(mapped->informational);
  EXPECT_EQ(mapped->detail, ExchangeDetail::kTimeline);
}

TEST(RequestMapping, TakesTheEarlierOfDeadlineAndTimeout) {  // C-036
  struct Row {
    const char* name;
    Duration grpc_left;
    std::optional<WireDuration> timeout;
    Instant deadline;
  };
  const Row rows[] = {
      {"neither", kForever, std::nullopt, kNever},
      {"timeout only", kForever, {{2, 0}}, kNow + seconds(2)},
      {"deadline only", seconds(1), std::nullopt, kNow + milliseconds(980)},
      {"timeout first", seconds(10), {{2, 0}}, kNow + seconds(2)},
      {"deadline first", seconds(1), {{2, 0}}, kNow + milliseconds(980)},
      {"zero timeout", kForever, {{0, 0}}, kNow},
      {"expired deadline", Duration::zero(), std::nullopt, kNow},
      {"a hundred years", kForever, {{3'155'760'000, 0}}, kNow + seconds(3'155'760'000)},
      {"more than the clock holds", kForever, {{315'576'000'000, 0}}, kNever},
      {"short deadline", milliseconds(1), std::nullopt, kNow + microseconds(500)},
  };
  for (const Row& row : rows) {
    WireRequest wire;
    wire.options.timeout = row.timeout;
    const Result<MappedRequest> mapped = MapRequest(std::move(wire), Context(row.grpc_left));
    ASSERT_TRUE(mapped.has_value()) << row.name;
    EXPECT_EQ(mapped->request.request.deadline, row.deadline) << row.name;
  }
}

TEST(DeadlineMargin, IsTwoPercentWithinItsBounds) {
  EXPECT_EQ(DeadlineMargin(seconds(1)), milliseconds(20));
  EXPECT_EQ(DeadlineMargin(milliseconds(100)), milliseconds(5));
  EXPECT_EQ(DeadlineMargin(hours(1)), milliseconds(50));
  EXPECT_EQ(DeadlineMargin(milliseconds(8)), milliseconds(4));
  EXPECT_EQ(DeadlineMargin(Duration::zero()), Duration::zero());
  EXPECT_EQ(DeadlineMargin(Duration(-5)), Duration::zero());
}

TEST(RequestMapping, SendsTrailersBehindABodyOfUnknownLength_F8) {
  WireRequest wire;
  wire.body = Body::Of("body");
  wire.trailers = {{"X-Sum", "1"}, {"x-sum", "2"}, {"Y", "3"}};
  Result<MappedRequest> mapped = MapRequest(wire, Context());
  ASSERT_TRUE(mapped.has_value());
  const Request& request = mapped->request.request;
  EXPECT_EQ(request.headers, (HeaderList{{"Trailer", "X-Sum, Y"}}));
  EXPECT_EQ(request.body->length(), std::nullopt);
  EXPECT_TRUE(request.body->replayable());
  EXPECT_EQ(request.body->buffered(), nullptr);
  Chunk chunk;
  EXPECT_EQ(request.body->Read(chunk, nullptr), BodySource::Status::kData);
  EXPECT_EQ(chunk.bytes, "body");
  EXPECT_EQ(request.body->Read(chunk, nullptr), BodySource::Status::kEnd);
  ASSERT_NE(request.body->trailers(), nullptr);
  EXPECT_EQ(*request.body->trailers(), wire.trailers);
}

TEST(RequestMapping, LeavesTheBodyOfAStreamToItsFrames) {
  MappingContext context = Context();
  context.streamed = true;
  WireRequest wire;
  wire.content_length = 5;
  wire.options.max_response_bytes = 0;
  Result<MappedRequest> mapped = MapRequest(wire, context);
  ASSERT_TRUE(mapped.has_value());
  EXPECT_TRUE(mapped->request.request.streamed);
  EXPECT_EQ(mapped->request.request.body, nullptr);
  EXPECT_EQ(mapped->request.request.max_response_bytes, 0u) << "unlimited";
  wire.options.max_response_bytes = kMost + 1;
  EXPECT_TRUE(MapRequest(wire, context).has_value()) << "no message has to hold it";
  wire.trailers.Add("A", "b");
  mapped = MapRequest(wire, context);
  ASSERT_TRUE(mapped.has_error());
  EXPECT_EQ(mapped.error().field, "trailers");
}

}  // namespace
}  // namespace spillway
