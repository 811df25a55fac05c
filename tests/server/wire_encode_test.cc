#include "server/wire_encode.h"

#include <gtest/gtest.h>

#include "spillway/v1/egress.pb.h"
#include "tests/server/wire_bytes.h"

namespace spillway {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

RoundTripRecord FullRecord() {
  RoundTripRecord record;
  record.started = Instant(std::chrono::hours(1));
  record.destination = std::make_shared<const std::string>("payments");
  record.policy_version = 4;
  record.attempts = 2;
  record.reused = true;
  record.idle_time = milliseconds(1500);
  auto info = std::make_shared<ConnectionInfo>();
  info->id = 77;
  info->local_address = "127.0.0.1:4000";
  info->remote_address = "127.0.0.1:80";
  record.connection = info;
  record.timings = {.queue = microseconds(1),
                    .dns = microseconds(2),
                    .connect = microseconds(3),
                    .proxy = {},
                    .tls = {},
                    .write = microseconds(6),
                    .first_byte = microseconds(7),
                    .total = std::chrono::seconds(3)};
  record.bytes_sent = 100;
  record.bytes_received = 200;
  record.attempt_log = {{.kind = AttemptKind::kFirst,
                         .reused = true,
                         .connection_id = 76,
                         .started = record.started + milliseconds(1),
                         .ended = record.started + milliseconds(2),
                         .error = Reason::kConnectionTerminated,
                         .delivery = Delivery::kNotSent},
                        {.kind = AttemptKind::kReplay,
                         .connection_id = 77,
                         .status = 503,
                         .backoff = milliseconds(3),
                         .span_id = 0x00f067aa0ba902b7}};
  record.timeline = {{TimelineEvent::Kind::kStarted, record.started},
                     {.kind = TimelineEvent::Kind::kPutIdle,
                      .at = record.started + milliseconds(8),
                      .attempt = 2,
                      .status = 103,
                      .span_id = 1,
                      .note = "origin_close"},
                     {TimelineEvent::Kind::kEnded, record.started + milliseconds(9)}};
  return record;
}

struct Parts {
  ResponseHead head;
  Body body;
  HeaderList trailers;
  RoundTripRecord record = FullRecord();
  std::vector<ResponseHead> informational;
  WireResponse wire;

  Parts() {
    head.status = 204;
    head.reason = "No Content";
    head.headers = {{"A", "1"}, {"a", "\xff"}};
    wire.head = &head;
    wire.body = &body;
    wire.trailers = &trailers;
    wire.protocol = "HTTP/1.1";
    wire.informational = &informational;
  }
};

v1::HttpResponse Parsed(const grpc::ByteBuffer& buffer) {
  v1::HttpResponse response;
  EXPECT_TRUE(response.ParseFromString(ToText(buffer)));
  return response;
}

TEST(WireEncode, PutsHeadBodyAndTrailers) {
  Parts parts;
  parts.body = Body::Of("hello");
  parts.trailers = {{"T", "t"}};
  parts.informational.resize(1);
  parts.informational[0].status = 103;
  parts.informational[0].headers = {{"Link", "x"}};
  grpc::ByteBuffer buffer;
  EncodeHttpResponse(parts.wire, buffer);
  const v1::HttpResponse response = Parsed(buffer);
  EXPECT_EQ(response.status(), 204u);
  EXPECT_EQ(response.reason(), "No Content");
  EXPECT_EQ(response.protocol(), "HTTP/1.1");
  EXPECT_EQ(response.body(), "hello");
  ASSERT_EQ(response.headers_size(), 2);
  EXPECT_EQ(response.headers(1).name(), "a");
  EXPECT_EQ(response.headers(1).value(), "\xff");
  EXPECT_EQ(response.trailers(0).value(), "t");
  EXPECT_EQ(response.informational(0).status(), 103u);
  EXPECT_EQ(response.informational(0).headers(0).name(), "Link");
  EXPECT_FALSE(response.has_exchange());
  EXPECT_EQ(ToText(buffer), response.SerializeAsString());
}

TEST(WireEncode, TellsTheExchangeAsASummary) {
  Parts parts;
  parts.wire.record = &parts.record;
  grpc::ByteBuffer buffer;
  EncodeHttpResponse(parts.wire, buffer);
  const v1::Exchange exchange = Parsed(buffer).exchange();
  EXPECT_EQ(exchange.attempts(), 2u);
  EXPECT_EQ(exchange.connection_id(), 77u);
  EXPECT_TRUE(exchange.reused());
  EXPECT_EQ(exchange.idle_time().seconds(), 1);
  EXPECT_EQ(exchange.idle_time().nanos(), 500'000'000);
  EXPECT_EQ(exchange.timings().queue().nanos(), 1000);
  EXPECT_EQ(exchange.timings().connect().nanos(), 3000);
  EXPECT_FALSE(exchange.timings().has_tls());
  EXPECT_EQ(exchange.timings().total().seconds(), 3);
  EXPECT_EQ(exchange.local_address(), "127.0.0.1:4000");
  EXPECT_EQ(exchange.remote_address(), "127.0.0.1:80");
  EXPECT_EQ(exchange.bytes_sent(), 100u);
  EXPECT_EQ(exchange.bytes_received(), 200u);
  EXPECT_EQ(exchange.destination(), "payments");
  EXPECT_EQ(exchange.policy_version(), 4u);
  EXPECT_EQ(exchange.url(), "");
  EXPECT_EQ(exchange.hops_size(), 0);
  EXPECT_FALSE(exchange.uncompressed());
  EXPECT_EQ(exchange.attempt_log_size(), 0);
  EXPECT_EQ(exchange.timeline_size(), 0);
}

TEST(WireEncode, TellsTheHopsThatWereFollowedAndACodingThatWasUndone) {
  Parts parts;
  parts.record.url = "http://b.test/";
  parts.record.hops = {{"http://a.test/1", 301}, {"http://a.test/2", 307}};
  parts.record.uncompressed = true;
  parts.wire.record = &parts.record;
  grpc::ByteBuffer buffer;
  EncodeHttpResponse(parts.wire, buffer);
  const v1::Exchange exchange = Parsed(buffer).exchange();
  EXPECT_EQ(exchange.url(), "http://b.test/");
  ASSERT_EQ(exchange.hops_size(), 2);
  EXPECT_EQ(exchange.hops(1).url(), "http://a.test/2");
  EXPECT_EQ(exchange.hops(1).status(), 307u);
  EXPECT_TRUE(exchange.uncompressed());
  EXPECT_EQ(ToText(buffer), Parsed(buffer).SerializeAsString());
}

TEST(WireEncode, TellsAttemptsAndTimelineWhenAsked) {
  Parts parts;
  parts.wire.record = &parts.record;
  parts.wire.parts = {.attempt_log = true, .timeline = true};
  grpc::ByteBuffer buffer;
  EncodeHttpResponse(parts.wire, buffer);
  const v1::Exchange exchange = Parsed(buffer).exchange();
  ASSERT_EQ(exchange.attempt_log_size(), 2);
  EXPECT_EQ(exchange.attempt_log(0).kind(), v1::ATTEMPT_KIND_FIRST);
  EXPECT_EQ(exchange.attempt_log(0).start().nanos(), 1'000'000);
  EXPECT_EQ(exchange.attempt_log(0).duration().nanos(), 1'000'000);
  EXPECT_EQ(exchange.attempt_log(0).error(), v1::REASON_CONNECTION_TERMINATED);
  EXPECT_EQ(exchange.attempt_log(0).delivery(), v1::DELIVERY_NOT_SENT);
  EXPECT_EQ(exchange.attempt_log(1).kind(), v1::ATTEMPT_KIND_REPLAY);
  EXPECT_EQ(exchange.attempt_log(0).span_id(), "");
  EXPECT_EQ(exchange.attempt_log(1).status(), 503u);
  EXPECT_EQ(exchange.attempt_log(1).backoff().nanos(), 3'000'000);
  EXPECT_EQ(exchange.attempt_log(1).span_id(), "00f067aa0ba902b7");
  ASSERT_EQ(exchange.timeline_size(), 3);
  EXPECT_EQ(exchange.timeline(0).kind(), v1::EVENT_KIND_STARTED);
  const v1::Event& put_idle = exchange.timeline(1);
  EXPECT_EQ(put_idle.kind(), v1::EVENT_KIND_PUT_IDLE);
  EXPECT_EQ(put_idle.attempt(), 2u);
  EXPECT_EQ(put_idle.status(), 103u);
  EXPECT_EQ(put_idle.note(), "origin_close");
  EXPECT_EQ(put_idle.span_id(), "0000000000000001");
  EXPECT_EQ(exchange.timeline(2).kind(), v1::EVENT_KIND_ENDED);
  EXPECT_EQ(exchange.timeline(2).at().nanos(), 9'000'000);
}

TEST(WireEncode, NamesEveryMomentAsTheRecordDoes) {
  const auto last = static_cast<int>(TimelineEvent::Kind::kRedirect);
  ASSERT_EQ(v1::EventKind_MAX, last + 1);
  for (int i = 0; i <= last; ++i) {
    std::string name = "EVENT_KIND_" + std::string(Label(static_cast<TimelineEvent::Kind>(i)));
    for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    EXPECT_EQ(v1::EventKind_Name(static_cast<v1::EventKind>(i + 1)), name);
  }
}

TEST(WireEncode, EncodesALargeBodyWithoutCopyingIt) {
  Parts parts;
  parts.wire.record = &parts.record;
  parts.body.Append(Chunk::Own(std::string(100'000, 'a')));
  parts.body.Append(Chunk::Own(std::string(50'000, 'b')));
  const char* first = parts.body.chunks()[0].bytes.data();
  const std::weak_ptr<const void> owner = parts.body.chunks()[0].owner;
  std::string expected = parts.body.Flatten();
  {
    grpc::ByteBuffer buffer;
    EncodeHttpResponse(parts.wire, buffer);
    parts.body = Body();
    const std::vector<grpc::Slice> slices = SlicesOf(buffer);
    ASSERT_EQ(slices.size(), 4u);
    EXPECT_EQ(reinterpret_cast<const char*>(slices[1].begin()), first);
    EXPECT_EQ(Parsed(buffer).body(), expected);
    EXPECT_FALSE(owner.expired());
  }
  EXPECT_TRUE(owner.expired());
}

TEST(WireEncode, ChangesFromFlatToSlicesWithoutChangingABit) {
  for (const std::size_t size :
       {kFlatResponseBytes - 100, kFlatResponseBytes - 40, kFlatResponseBytes - 30,
        kFlatResponseBytes, kFlatResponseBytes + 1}) {
    Parts parts;
    parts.body = Body::Of(std::string(size, 'x'));
    grpc::ByteBuffer buffer;
    EncodeHttpResponse(parts.wire, buffer);
    const v1::HttpResponse response = Parsed(buffer);
    EXPECT_EQ(response.body().size(), size);
    EXPECT_EQ(ToText(buffer), response.SerializeAsString());
  }
}

TEST(WireEncode, CopiesAChunkThatNobodyOwns) {
  Parts parts;
  const std::string mine(2 * kFlatResponseBytes, 'm');
  parts.body.Append(Chunk{mine, nullptr});
  grpc::ByteBuffer buffer;
  EncodeHttpResponse(parts.wire, buffer);
  EXPECT_EQ(Parsed(buffer).body(), mine);
}

}  // namespace
}  // namespace spillway
