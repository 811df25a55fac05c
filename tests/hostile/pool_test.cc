// Reuse, limits and queues as seen from outside (I1 to I12, L1 to L7, O1, O2, O-117 to O-120).

#include <gtest/gtest.h>
#include <netdb.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/harness/await.h"
#include "tests/harness/test_client.h"
#include "tests/origin/origin.h"

namespace spillway {
namespace {

constexpr std::uint32_t HostPoolSnapshot::*kWaiting = &HostPoolSnapshot::waiting;

// Requests to "/hold/NAME" say "here NAME" and wait for "go NAME".
OriginOptions Holding() {
  OriginOptions options;
  options.handler = [](const SeenRequest& request, std::uint64_t connection) {
    Step answer{StepKind::kSend};
    answer.text = Answer(200, std::to_string(connection));
    if (!request.target.starts_with("/hold/")) return Script{answer};
    const std::string name = request.target.substr(6);
    return Script{Step{StepKind::kSignal, "here " + name}, Step{StepKind::kWaitFor, "go " + name},
                  answer};
  };
  return options;
}

// Two connections, idle; the second came back last.
void OpenTwo(TestClient& client, Origin& origin) {
  const Call one = client.Get(origin.url("/hold/1"));
  ASSERT_TRUE(origin.board().Await("here 1"));
  const Call two = client.Get(origin.url("/hold/2"));
  ASSERT_TRUE(origin.board().Await("here 2"));
  origin.board().Signal("go 1");
  ASSERT_TRUE(one.Finish().ok());
  origin.board().Signal("go 2");
  ASSERT_TRUE(two.Finish().ok());
}

TEST(Pool, C070AThousandRequestsInARowUseOneConnection) {
  Origin origin("serve\n");
  TestClient client;
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(client.Get(origin.url("/a")).Finish().ok());
  EXPECT_EQ(origin.log().connection_count(), 1U);
}

TEST(Pool, C033TheDefaultPortSpelledOrNotIsOneKey) {
  TestClient::Options options;
  options.lookup = [](const std::string&, std::vector<std::string>&) { return EAI_NONAME; };
  TestClient client(std::move(options));
  client.Get("http://name.test/").Finish();
  client.Get("http://name.test:80/").Finish();
  client.Get("HTTP://NAME.test:80").Finish();
  EXPECT_EQ(client.counts().keys, 1U);
}

TEST(Pool, I1TheConnectionThatCameBackLastGoesFirst) {
  Origin origin(Holding());
  TestClient client;
  OpenTwo(client, origin);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(client.Get(origin.url("/a")).Finish().body, "2");
}

TEST(Pool, I4WaitersAreServedInTheirOrder) {  // L2
  Origin origin(Holding());
  TestClient::Options options;
  options.destination.pool.max_connections = 1;
  TestClient client(std::move(options));
  const Call first = client.Get(origin.url("/hold/1"));
  ASSERT_TRUE(origin.board().Await("here 1"));
  std::vector<Call> calls;
  for (std::uint64_t i = 0; i < 10; ++i) {
    calls.push_back(client.Get(origin.url("/" + std::to_string(i))));
    ASSERT_TRUE(client.AwaitLevel(kWaiting, i + 1));
  }
  origin.board().Signal("go 1");
  for (const Call& call : calls) EXPECT_TRUE(call.Finish().ok());
  const auto seen = origin.seen();
  ASSERT_EQ(seen.size(), 1U) << "L1: never more than max_connections";
  ASSERT_EQ(seen[0].requests.size(), 11U);
  for (std::size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(seen[0].requests[i + 1].target, "/" + std::to_string(i));
  }
}

TEST(Pool, I5OverTheIdleLimitTheReturnedConnectionIsClosed) {
  Origin origin(Holding());
  TestClient::Options options;
  options.destination.pool.max_idle = 1;
  TestClient client(std::move(options));
  OpenTwo(client, origin);
  EXPECT_TRUE(origin.log().Await([](const auto& seen) { return seen[1].closed; }));
  EXPECT_EQ(client.Get(origin.url("/a")).Finish().body, "1");
  EXPECT_EQ(client.counts().closed.count("lru"), 1U);
}

TEST(Pool, I6OverTheProcessWideCapTheOldestIdleConnectionGivesWay) {
  Origin first("serve\n");
  Origin second("serve\n");
  Origin third("serve\n");
  TestClient::Options options;
  options.limits.max_connections = 2;
  TestClient client(std::move(options));
  ASSERT_TRUE(client.Get(first.url("/a")).Finish().ok());
  ASSERT_TRUE(client.Get(second.url("/a")).Finish().ok());
  ASSERT_TRUE(client.Get(third.url("/a")).Finish().ok());
  EXPECT_TRUE(first.log().Await([](const auto& seen) { return seen[0].closed; }));
  EXPECT_FALSE(second.seen()[0].closed) << "used later than the first";
  EXPECT_LE(client.transport().connection_count(), 2U);
}

TEST(Pool, V17ASmallRequestLeavesInOneSegment) {
  Origin origin("serve\n");
  TestClient client;
  ASSERT_TRUE(client.Get(origin.url("/a")).Finish().ok());
  ASSERT_TRUE(client.Post(origin.url("/b"), "a small body").Finish().ok());
  EXPECT_EQ(origin.seen()[0].segments, 2U) << "head and body of the second in one write";
}

TEST(Pool, I8CloseIdleClosesWhatIsIdleOnly) {
  Origin origin(Holding());
  TestClient client;
  const Call busy = client.Get(origin.url("/hold/1"));
  ASSERT_TRUE(origin.board().Await("here 1"));
  ASSERT_TRUE(client.Get(origin.url("/a")).Finish().ok());
  EXPECT_EQ(client.transport().CloseIdleConnections("nowhere.example"), 0U);
  EXPECT_EQ(client.transport().CloseIdleConnections("127.0.0.1"), 1U);
  EXPECT_TRUE(origin.log().Await([](const auto& seen) { return seen[1].closed; }));
  origin.board().Signal("go 1");
  EXPECT_TRUE(busy.Finish().ok()) << "a busy connection must not be cut";
}

TEST(Pool, L1TheQueueIsBoundedAndRefusesAtOnce) {
  Origin origin(Holding());
  TestClient::Options options;
  options.destination.pool.max_connections = 1;
  options.destination.pool.max_waiters = 2;
  TestClient client(std::move(options));
  const Call first = client.Get(origin.url("/hold/1"));
  ASSERT_TRUE(origin.board().Await("here 1"));
  const Call second = client.Get(origin.url("/b"));
  const Call third = client.Get(origin.url("/c"));
  ASSERT_TRUE(client.AwaitLevel(kWaiting, 2));
  const Story refused = client.Get(origin.url("/d")).Finish();
  EXPECT_EQ(refused.reason(), Reason::kPoolQueueFull) << refused.Text();
  EXPECT_EQ(refused.delivery(), Delivery::kNotSent);
  EXPECT_EQ(refused.phase(), Phase::kQueue);
  EXPECT_EQ(client.counts().rejected.at("queue_full"), 1U);
  origin.board().Signal("go 1");
  EXPECT_TRUE(first.Finish().ok());
  EXPECT_TRUE(second.Finish().ok());
  EXPECT_TRUE(third.Finish().ok());
}

TEST(Pool, L2AWaiterEndsAtItsQueueTimeout) {
  Origin origin(Holding());
  TestClient::Options options;
  options.destination.pool.max_connections = 1;
  options.destination.pool.queue_timeout = milliseconds(20);
  TestClient client(std::move(options));
  const Call first = client.Get(origin.url("/hold/1"));
  ASSERT_TRUE(origin.board().Await("here 1"));
  const Story story = client.Get(origin.url("/b")).Finish();
  EXPECT_EQ(story.reason(), Reason::kPoolQueueTimeout) << story.Text();
  EXPECT_EQ(story.phase(), Phase::kQueue);
  EXPECT_EQ(story.delivery(), Delivery::kNotSent);
  origin.board().Signal("go 1");
  EXPECT_TRUE(first.Finish().ok());
}

TEST(Pool, C036ADeadlineThatPassesInTheQueueNamesThePhase) {
  Origin origin(Holding());
  TestClient::Options options;
  options.destination.pool.max_connections = 1;
  TestClient client(std::move(options));
  const Call first = client.Get(origin.url("/hold/1"));
  ASSERT_TRUE(origin.board().Await("here 1"));
  Request request;
  request.url = origin.url("/b");
  request.deadline = After(client.transport().Now(), milliseconds(20));
  const Story story = client.Start(std::move(request)).Finish();
  EXPECT_EQ(story.reason(), Reason::kDeadlineExceeded) << story.Text();
  EXPECT_EQ(story.phase(), Phase::kQueue);
  EXPECT_EQ(story.delivery(), Delivery::kNotSent);
  origin.board().Signal("go 1");
  EXPECT_TRUE(first.Finish().ok());
}

TEST(Pool, L3AConnectionThatDiesHandsItsPlaceToTheNextWaiter) {
  OriginOptions options;
  options.scripts = {MustParse("expect_head\nsignal here\nwait_for go\nrst\n")};
  Origin origin(std::move(options));
  TestClient::Options limits;
  limits.destination.pool.max_connections = 1;
  TestClient client(std::move(limits));
  const Call first = client.Get(origin.url("/a"));
  ASSERT_TRUE(origin.board().Await("here"));
  const Call second = client.Get(origin.url("/b"));
  ASSERT_TRUE(client.AwaitLevel(kWaiting, 1));
  origin.board().Signal("go");
  EXPECT_FALSE(first.Finish().ok());
  EXPECT_TRUE(second.Finish().ok());
}

TEST(Pool, O118ManyIdleConnectionsMayDieAtOnce) {
  OriginOptions options;
  options.rest = MustParse("serve 1\nwait_for die\nrst\n");
  options.handler = [](const SeenRequest&, std::uint64_t connection) {
    Step answer{StepKind::kSend};
    answer.text = Answer(200, std::to_string(connection));
    return Script{Step{StepKind::kWaitFor, "all here"}, answer};
  };
  Origin origin(std::move(options));
  TestClient client;
  std::vector<Call> calls;
  for (int i = 0; i < 300; ++i) calls.push_back(client.Get(origin.url("/a")));
  ASSERT_TRUE(origin.log().Await([](const auto& seen) {
    std::size_t heads = 0;
    for (const SeenConnection& connection : seen) heads += connection.requests.size();
    return heads == 300;
  }));
  origin.board().Signal("all here");
  for (const Call& call : calls) ASSERT_TRUE(call.Finish().ok());
  ASSERT_TRUE(client.AwaitIdle(300));
  const auto dials = client.counts().DialsOk();
  origin.board().Signal("die");
  EXPECT_TRUE(client.AwaitIdle(0));
  EXPECT_TRUE(AwaitThat([&] { return client.transport().connection_count() == 0; }));
  EXPECT_EQ(client.counts().DialsOk(), dials) << "nobody asked for new connections";
}

TEST(Pool, O120ARequestThatRacesTheIdleTimerNeverFails) {  // O2, O-117
  Origin origin("serve\n");
  TestClient::Options options;
  options.destination.pool.idle_timeout = milliseconds(1);
  TestClient client(std::move(options));
  for (int i = 0; i < 400; ++i) {
    const Story story = client.Get(origin.url("/a")).Finish();
    ASSERT_TRUE(story.ok()) << story.Text();
    for (int spin = 0; spin < (i % 40) * 25; ++spin) std::this_thread::yield();
  }
}

TEST(Pool, O116AnOriginThatClosesAfterEachAnswerCostsNoGetItsAnswer) {
  OriginOptions options;
  options.rest = MustParse("serve 3\nfin\n");
  Origin origin(std::move(options));
  TestClient client;
  for (int i = 0; i < 300; ++i) {
    const Story story = client.Get(origin.url("/a")).Finish();
    ASSERT_TRUE(story.ok()) << i << ": " << story.Text();
  }
}

TEST(Pool, O117AKeepAliveHintEndsIdleConnectionsBeforeTheOriginDoes) {
  OriginOptions options;
  options.handler = [](const SeenRequest&, std::uint64_t) {
    Step answer{StepKind::kSend};
    answer.text = Answer(200, "x", "Keep-Alive: timeout=7\r\n");
    return Script{answer};
  };
  Origin origin(std::move(options));
  TestClient client;
  ASSERT_TRUE(client.Get(origin.url("/a")).Finish().ok());
  const auto pools = client.transport().Snapshot();
  ASSERT_EQ(pools.size(), 1U);
  EXPECT_GT(pools[0].state.learned_idle_timeout, Duration::zero());
  EXPECT_LE(pools[0].state.learned_idle_timeout, seconds(7));
}

TEST(Pool, I8DrainLetsRunningOnesEndAndRefusesNewOnes) {
  Origin origin(Holding());
  TestClient client;
  const Call busy = client.Get(origin.url("/hold/1"));
  ASSERT_TRUE(origin.board().Await("here 1"));
  Board drained;
  client.transport().Drain([&] { drained.Signal("drained"); });
  const Story refused = client.Get(origin.url("/b")).Finish();
  EXPECT_EQ(refused.reason(), Reason::kDraining) << refused.Text();
  EXPECT_EQ(refused.delivery(), Delivery::kNotSent);
  EXPECT_FALSE(drained.Signalled("drained"));
  origin.board().Signal("go 1");
  EXPECT_TRUE(busy.Finish().ok());
  EXPECT_TRUE(drained.Await("drained"));
  EXPECT_TRUE(AwaitThat([&] { return client.transport().connection_count() == 0; }));
}

TEST(Pool, T9ATimeoutClosesItsConnection) {
  Origin origin("expect_head\nstall\n");
  TestClient::Options options;
  options.destination.timeouts.response_header = milliseconds(20);
  TestClient client(std::move(options));
  EXPECT_EQ(client.Get(origin.url("/a")).Finish().reason(), Reason::kHttpResponseTimeout);
  EXPECT_TRUE(origin.log().Await([](const auto& seen) { return seen[0].closed; }));
}

TEST(Pool, V8APolicyIsPinnedPerRequest) {
  Origin origin(Holding());
  TestClient client;
  const Call busy = client.Get(origin.url("/hold/1"));
  ASSERT_TRUE(origin.board().Await("here 1"));
  Destination strict;
  strict.timeouts.total = milliseconds(1);
  client.transport().SetPolicy(PolicyWith(std::move(strict)));
  EXPECT_EQ(client.Get(origin.url("/hold/2")).Finish().reason(), Reason::kDeadlineExceeded);
  EXPECT_FALSE(busy.sink->ended()) << "a later policy must not change a running request";
  origin.board().Signal("go 1");
  EXPECT_TRUE(busy.Finish().ok());
  origin.board().Signal("go 2");
}

}  // namespace
}  // namespace spillway
