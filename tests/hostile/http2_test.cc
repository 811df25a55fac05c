// HTTP/2 origins against many requests at once: what one stream, one origin or one storm may cost
// the others, told by what the origin counted.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "tests/harness/await.h"
#include "tests/harness/test_body.h"
#include "tests/harness/test_client.h"
#include "tests/origin/origin.h"

namespace spillway {
namespace {

TestClient::Options Http2Client() {
  TestClient::Options options;
  options.limits.loops = 1;
  options.destination.protocol = Protocol::kH2c;
  return options;
}

OriginOptions Http2Origin(std::string_view script) {
  OriginOptions options;
  options.http2 = true;
  options.scripts = {MustParse(script)};
  return options;
}

std::vector<Call> StartMany(TestClient& client, const std::string& url, std::size_t count) {
  std::vector<Call> calls;
  for (std::size_t i = 0; i < count; ++i) calls.push_back(client.Get(url));
  return calls;
}

std::size_t CountOk(const std::vector<Call>& calls) {
  return static_cast<std::size_t>(std::count_if(
      calls.begin(), calls.end(), [](const Call& call) { return call.Finish().ok(); }));
}

std::uint64_t FramesOf(const Origin& origin, const std::string& type) {
  std::uint64_t count = 0;
  for (const SeenConnection& seen : origin.seen()) {
    const auto found = seen.http2.frames.find(type);
    if (found != seen.http2.frames.end()) count += found->second;
  }
  return count;
}

std::uint64_t MostOpen(const Origin& origin) {
  std::uint64_t most = 0;
  for (const SeenConnection& seen : origin.seen()) most = std::max(most, seen.http2.most_open);
  return most;
}

// O-141, H3: an origin that takes one stream at a time gets more connections, up to the limit. All
// ask before there is a connection, and are answered when there are as many as may be: one that
// came up to find nobody waiting would be closed, and perhaps missed and made again later.
TEST(Http2Pool, OpensMoreConnectionsWhereOneStreamIsAllowed) {
  // More than three connections would take before their limit is known.
  constexpr std::size_t kCalls = 301;
  OriginOptions options;
  options.http2 = true;
  options.rest = MustParse("h2_start max_streams=1\nwait_for go\n");
  Origin origin(std::move(options));
  TestClient::Options given = Http2Client();
  given.destination.pool.max_connections = 4;
  given.lookup = [&origin](const std::string&, std::vector<std::string>& addresses) {
    origin.board().Await("asked");
    addresses = {"127.0.0.1"};
    return 0;
  };
  TestClient client(std::move(given));
  const std::string url = "http://origin.test:" + std::to_string(origin.port()) + "/x";
  const std::vector<Call> calls = StartMany(client, url, kCalls);
  EXPECT_TRUE(client.AwaitLevel(&HostPoolSnapshot::waiting, kCalls));
  origin.board().Signal("asked");
  EXPECT_TRUE(origin.log().Await([](const auto& seen) { return seen.size() == 4; }));
  origin.board().Signal("go");
  EXPECT_EQ(CountOk(calls), kCalls);
  EXPECT_EQ(origin.log().connection_count(), 4U);
  EXPECT_EQ(origin.log().request_count(), kCalls);
}

// H2, H5: streams spread over connections by load; nobody dials for each.
TEST(Http2Pool, CarriesAThousandRequestsOnAFewConnections) {
  Origin origin(Http2Origin(""));
  TestClient client(Http2Client());
  EXPECT_EQ(CountOk(StartMany(client, origin.url("/x"), 1000)), 1000U);
  EXPECT_LE(origin.log().connection_count(), 24U);
  EXPECT_LE(MostOpen(origin), 100U);
  EXPECT_EQ(origin.log().request_count(), 1000U);
}

// O-139: a limit that falls below what runs: those finish, new ones wait until there is room.
TEST(Http2Pool, WaitsWhereTheLimitFellBelowWhatRuns) {
  Origin origin(Http2Origin(R"(h2_start max_streams=100
repeat 20
h2_expect headers
end
signal twenty
wait_for lower
h2 settings max_streams=1
h2_expect ack
h2_expect ack
signal lowered
wait_for answer
h2 headers stream=$1 status=200 end
h2 headers stream=$2 status=200 end
h2 headers stream=$3 status=200 end
h2 headers stream=$4 status=200 end
h2 headers stream=$5 status=200 end
h2 headers stream=$6 status=200 end
h2 headers stream=$7 status=200 end
h2 headers stream=$8 status=200 end
h2 headers stream=$9 status=200 end
h2 headers stream=$10 status=200 end
h2 headers stream=$11 status=200 end
h2 headers stream=$12 status=200 end
h2 headers stream=$13 status=200 end
h2 headers stream=$14 status=200 end
h2 headers stream=$15 status=200 end
h2 headers stream=$16 status=200 end
h2 headers stream=$17 status=200 end
h2 headers stream=$18 status=200 end
h2 headers stream=$19 status=200 end
h2 headers stream=$20 status=200 end
)"));
  TestClient::Options given = Http2Client();
  given.destination.pool.max_connections = 1;
  TestClient client(std::move(given));
  const auto running = StartMany(client, origin.url("/x"), 20);
  ASSERT_TRUE(origin.board().Await("twenty"));
  origin.board().Signal("lower");
  ASSERT_TRUE(origin.board().Await("lowered"));
  const auto late = StartMany(client, origin.url("/late"), 5);
  ASSERT_TRUE(client.AwaitLevel(&HostPoolSnapshot::waiting, 5));
  origin.board().Signal("answer");
  EXPECT_EQ(CountOk(running), 20U);
  EXPECT_EQ(CountOk(late), 5U);
  EXPECT_EQ(origin.log().connection_count(), 1U);
  EXPECT_EQ(origin.seen()[0].http2.error, "");
}

// O-149: every connection of a storm costs a request one repetition, and dials are held back.
TEST(Http2Storm, OfGoAwayEndsEachRequestAfterOneRepetition) {
  constexpr std::size_t kRequests = 50;
  OriginOptions options;
  options.http2 = true;
  options.rest = MustParse("h2_start\nh2_expect headers\nh2 goaway last=0\nh2_run\n");
  Origin origin(std::move(options));
  TestClient client(Http2Client());
  for (const Call& call : StartMany(client, origin.url("/x"), kRequests)) {
    const Story story = call.Finish();
    EXPECT_EQ(story.reason(), Reason::kHttpStreamRefused) << story.Text();
    EXPECT_EQ(story.delivery(), Delivery::kUnprocessed);
    EXPECT_LE(story.record.attempts, 2U);
  }
  EXPECT_LE(origin.log().request_count(), 2 * kRequests);
  EXPECT_LE(origin.log().connection_count(), 2 * kRequests);
}

// O-163: an origin that resets everything is bounded by the connection's budget.
TEST(Http2Storm, OfResetsClosesTheConnection) {
  constexpr std::size_t kRequests = 400;
  OriginOptions options;
  options.http2 = true;
  options.on_head = [](const SeenRequest&, std::uint64_t) {
    return std::optional<Script>(MustParse("h2 rst code=CANCEL\n"));
  };
  Origin origin(std::move(options));
  TestClient::Options given = Http2Client();
  given.destination.pool.max_connections = 1;
  TestClient client(std::move(given));
  for (const Call& call : StartMany(client, origin.url("/x"), kRequests)) {
    EXPECT_FALSE(call.Finish().ok());
  }
  EXPECT_TRUE(AwaitThat([&] { return client.counts().closed.contains("flood"); }));
  // A hundred at once and thirty a second: no connection bears much more.
  for (const SeenConnection& seen : origin.seen()) EXPECT_LE(seen.request_count, 400U);
  EXPECT_GE(origin.log().connection_count(), 2U);
}

// O-164: frames that make us reset stream after stream (MadeYouReset) meet the same budget.
TEST(Http2Storm, OfResetsThatWeAreMadeToSendClosesTheConnection) {
  constexpr std::size_t kRequests = 400;
  OriginOptions options;
  options.http2 = true;
  options.on_head = [](const SeenRequest&, std::uint64_t) {
    return std::optional<Script>(MustParse("h2 headers status=200 field=\"Upper: x\"\n"));
  };
  Origin origin(std::move(options));
  TestClient::Options given = Http2Client();
  given.destination.pool.max_connections = 1;
  TestClient client(std::move(given));
  for (const Call& call : StartMany(client, origin.url("/x"), kRequests)) {
    EXPECT_FALSE(call.Finish().ok());
  }
  EXPECT_TRUE(AwaitThat([&] { return client.counts().closed.contains("flood"); }));
  EXPECT_GE(origin.log().connection_count(), 2U);
}

// O-184, O-186: what an origin floods with is answered only until it is seen to be a flood.
TEST(Http2Storm, OfPingsIsAnsweredABoundedNumberOfTimes) {
  for (const std::string frame : {"ping", "settings window=65535"}) {
    Origin origin(
        Http2Origin("h2_start\nh2_expect headers\nh2 " + frame + " times=200000\nh2_run\n"));
    TestClient client(Http2Client());
    Request request;
    request.url = origin.url("/x");
    request.idempotency = Idempotency::kNotIdempotent;
    const Story story = client.Start(std::move(request)).Finish();
    EXPECT_FALSE(story.ok());
    ASSERT_TRUE(origin.log().Await([](const auto& seen) { return seen[0].closed; }));
    const SeenHttp2 seen = origin.seen()[0].http2;
    const std::string type = frame == "ping" ? "PING" : "SETTINGS";
    const auto acks = seen.acks.find(type);
    EXPECT_LE(acks == seen.acks.end() ? 0 : acks->second, 300U) << type;
  }
}

// O-175, O-180: the stream fails at once. What still comes for it ends the connection sooner or
// later, and no other request pays for that.
TEST(Http2Storm, OfInformationalResponsesCostsNobodyElse) {
  OriginOptions options =
      Http2Origin("h2_expect headers\nh2 headers status=103 times=10000\nh2_run\n");
  options.rest = MustParse("serve\n");
  Origin origin(std::move(options));
  TestClient client(Http2Client());
  Request request;
  request.url = origin.url("/x");
  request.idempotency = Idempotency::kNotIdempotent;
  const Story story = client.Start(std::move(request)).Finish();
  EXPECT_EQ(story.delivery(), Delivery::kUnknown) << story.Text();
  EXPECT_EQ(story.informational.size(), 16U);
  for (int i = 0; i < 20; ++i) {
    const Story next = client.Post(origin.url("/next"), "x").Finish();
    EXPECT_TRUE(next.ok()) << next.Text();
  }
}

// O-191, O-136: an upload that the origin starves holds up nobody else on its connection.
TEST(Http2Windows, AStarvedUploadLetsOthersPass) {
  Origin origin(Http2Origin(R"(h2_start rude
h2 settings ack
h2_expect headers
h2_expect data bytes=65535
h2 window inc=100000
signal starved
h2_expect headers
h2 headers status=200 end
h2_expect rst
)"));
  TestClient::Options given = Http2Client();
  given.destination.pool.max_connections = 1;
  TestClient client(std::move(given));
  const Call upload = client.Post(origin.url("/upload"), std::string(1000000, 'x'));
  ASSERT_TRUE(origin.board().Await("starved"));
  EXPECT_TRUE(client.Get(origin.url("/small")).Finish().ok());
  upload.handle->Cancel();
  EXPECT_EQ(upload.Finish().reason(), Reason::kCancelled);
  EXPECT_EQ(origin.log().connection_count(), 1U);
}

// O-194: a caller that does not read its response takes nothing from the others.
TEST(Http2Windows, ASlowReaderLeavesItsNeighboursTheConnection) {
  OriginOptions options;
  options.http2 = true;
  options.handler = [](const SeenRequest& request, std::uint64_t) {
    Step step{StepKind::kSend};
    step.text = Answer(200, std::string(request.target == "/slow" ? 250000 : 500000, 'b'));
    return Script{step};
  };
  Origin origin(std::move(options));
  TestClient::Options given = Http2Client();
  given.destination.pool.max_connections = 1;
  TestClient client(std::move(given));
  std::vector<Call> slow;
  for (int i = 0; i < 10; ++i) {
    Request request;
    request.url = origin.url("/slow");
    CollectingSink::Options pausing;
    pausing.pause = true;
    slow.push_back(client.Start(std::move(request), pausing));
  }
  for (const Call& call : slow) ASSERT_TRUE(call.sink->AwaitHead());
  for (int i = 0; i < 20; ++i) {
    const Story story = client.Get(origin.url("/quick")).Finish();
    ASSERT_TRUE(story.ok()) << story.Text();
    EXPECT_EQ(story.body_bytes, 500000U);
  }
  for (const Call& call : slow) {
    call.handle->Cancel();
    call.Finish();
  }
  EXPECT_EQ(origin.log().connection_count(), 1U);
}

// O-195: a hundred cancelled bodies give all their window back.
TEST(Http2Windows, CancelledStreamsOweNothing) {
  OriginOptions options;
  options.http2 = true;
  options.handler = [](const SeenRequest& request, std::uint64_t) {
    Step step{StepKind::kSend};
    step.text = Answer(200, std::string(request.target == "/whole" ? 8000000 : 200000, 'b'));
    return Script{step};
  };
  Origin origin(std::move(options));
  TestClient::Options given = Http2Client();
  given.destination.pool.max_connections = 1;
  TestClient client(std::move(given));
  for (int i = 0; i < 100; ++i) {
    Request request;
    request.url = origin.url("/cut");
    CollectingSink::Options pausing;
    pausing.pause = true;
    const Call call = client.Start(std::move(request), pausing);
    ASSERT_TRUE(call.sink->AwaitHead());
    call.handle->Cancel();
    call.Finish();
  }
  // Twice the connection's window.
  const Story story = client.Get(origin.url("/whole")).Finish();
  EXPECT_TRUE(story.ok()) << story.Text();
  EXPECT_EQ(story.body_bytes, 8000000U);
  EXPECT_EQ(origin.log().connection_count(), 1U);
  EXPECT_EQ(FramesOf(origin, "GOAWAY"), 0U);
}

// O-161, A2: cancelling one stream leaves its neighbours and the connection alone.
TEST(Http2Pool, CancellingHalfLeavesTheOtherHalf) {
  OriginOptions options;
  options.http2 = true;
  Origin origin(std::move(options));
  TestClient::Options given = Http2Client();
  given.destination.pool.max_connections = 1;
  TestClient client(std::move(given));
  ASSERT_TRUE(client.Get(origin.url("/first")).Finish().ok());
  for (int round = 0; round < 20; ++round) {
    const auto calls = StartMany(client, origin.url("/x"), 40);
    for (std::size_t i = 0; i < calls.size(); i += 2) calls[i].handle->Cancel();
    for (std::size_t i = 0; i < calls.size(); ++i) {
      const Story story = calls[i].Finish();
      EXPECT_TRUE(story.ok() || (i % 2 == 0 && story.reason() == Reason::kCancelled))
          << story.Text();
    }
  }
  EXPECT_EQ(origin.log().connection_count(), 1U);
}

}  // namespace
}  // namespace spillway
