// Cancelling at every stage (C-037 to C-040; A1 to A5, D5 to D7, L7).

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/harness/await.h"
#include "tests/harness/test_body.h"
#include "tests/harness/test_client.h"
#include "tests/origin/origin.h"

namespace spillway {
namespace {

constexpr std::uint32_t HostPoolSnapshot::*kActive = &HostPoolSnapshot::active;
constexpr std::uint32_t HostPoolSnapshot::*kWaiting = &HostPoolSnapshot::waiting;

Request GetOf(const std::string& url) {
  Request request;
  request.url = url;
  return request;
}

void ExpectCancelled(const Story& story, Delivery delivery) {
  EXPECT_EQ(story.ends, 1U) << story.Text();
  EXPECT_TRUE(story.violations.empty()) << story.Text();
  EXPECT_EQ(story.reason(), Reason::kCancelled) << story.Text();
  EXPECT_EQ(story.delivery(), delivery) << story.Text();
}

// Nothing of the cancelled request is left, and the next one is served on a connection that the
// cancelled one never touched.
void ExpectServedAfter(TestClient& client, Origin& origin, std::uint64_t used) {
  const Story story = client.Get(origin.url("/next")).Finish();
  EXPECT_TRUE(story.ok()) << story.Text();
  EXPECT_EQ(story.body, "served");
  EXPECT_TRUE(client.AwaitLevel(kActive, 0));
  EXPECT_TRUE(client.AwaitLevel(kWaiting, 0));
  for (const SeenConnection& seen : origin.seen()) {
    for (const SeenRequest& request : seen.requests) {
      if (request.target != "/next") continue;
      EXPECT_GT(seen.number, used);
    }
  }
}

// One stage: the steps of the origin, and what tells that the stage was reached.
struct Stage {
  const char* name;
  const char* script;
  const char* reached;  // event of the origin; "head", "1xx" and "body" are the caller's own
  Delivery delivery;
  std::size_t upload;
};

constexpr Stage kStages[] = {
    {"writing_the_body", "expect_head\nsignal here\nstop_reading\n", "here", Delivery::kUnknown,
     16U << 20U},
    {"waiting_for_the_answer", "expect_head\nexpect_body all\nsignal here\nstall\n", "here",
     Delivery::kUnknown, 3},
    {"after_a_part_of_the_head",
     "expect_head\nexpect_body all\nsend \"HTTP/1.1 2\"\nsignal here\nstall\n", "here",
     Delivery::kUnknown, 3},
    {"after_a_1xx",
     "expect_head\nexpect_body all\nsend \"HTTP/1.1 102 Processing\\r\\n\\r\\n\"\nstall\n", "1xx",
     Delivery::kUnknown, 3},
    {"after_the_head",
     "expect_head\nexpect_body all\nsend \"HTTP/1.1 200 OK\\r\\nContent-Length: "
     "9\\r\\n\\r\\n\"\nstall\n",
     "head", Delivery::kAnswered, 3},
    {"in_the_body",
     "expect_head\nexpect_body all\nsend \"HTTP/1.1 200 OK\\r\\nContent-Length: "
     "9\\r\\n\\r\\nhalf\"\nstall\n",
     "body", Delivery::kAnswered, 3},
    {"before_the_trailers",
     "expect_head\nexpect_body all\nsend \"HTTP/1.1 200 OK\\r\\nTransfer-Encoding: "
     "chunked\\r\\n\\r\\n"
     "4\\r\\nhalf\\r\\n0\\r\\nA: \"\nstall\n",
     "body", Delivery::kAnswered, 3},
};

class CancelStage : public testing::TestWithParam<Stage> {};

TEST_P(CancelStage, C037EndsTheExchangeOnceAndClosesItsConnection) {
  const Stage& stage = GetParam();
  Origin origin(stage.script);
  TestClient client;
  const Call call = client.Post(origin.url("/row"), std::string(stage.upload, 'x'));
  const std::string reached = stage.reached;
  if (reached == "head") {
    ASSERT_TRUE(call.sink->AwaitHead());
  } else if (reached == "1xx") {
    ASSERT_TRUE(call.sink->AwaitInformational(1));
  } else if (reached == "body") {
    ASSERT_TRUE(call.sink->AwaitBody(4));
  } else {
    ASSERT_TRUE(origin.board().Await(reached));
  }
  call.handle->Cancel();
  ExpectCancelled(call.Finish(), stage.delivery);
  EXPECT_TRUE(origin.log().Await([](const auto& seen) { return seen[0].closed; }))
      << "the origin was not told (A2)";
  ExpectServedAfter(client, origin, 1);
}

INSTANTIATE_TEST_SUITE_P(Stages, CancelStage, testing::ValuesIn(kStages),
                         [](const auto& stage) { return std::string(stage.param.name); });

TEST(Cancel, C037WhileQueuedLetsTheQueueAdvance) {  // L7
  Origin origin("expect_head\nsignal here\nwait_for go\nanswer 200 \"first\"\n");
  TestClient::Options options;
  options.destination.pool.max_connections = 1;
  TestClient client(std::move(options));
  const Call first = client.Get(origin.url("/first"));
  ASSERT_TRUE(origin.board().Await("here"));
  const Call second = client.Get(origin.url("/second"));
  const Call third = client.Get(origin.url("/third"));
  ASSERT_TRUE(client.AwaitLevel(kWaiting, 2));
  second.handle->Cancel();
  ExpectCancelled(second.Finish(), Delivery::kNotSent);
  EXPECT_TRUE(client.AwaitLevel(kWaiting, 1));
  origin.board().Signal("go");
  EXPECT_TRUE(first.Finish().ok());
  EXPECT_TRUE(third.Finish().ok());
  EXPECT_EQ(origin.log().connection_count(), 1U);
  EXPECT_EQ(origin.log().request_count(), 2U) << "the cancelled request must not arrive";
}

TEST(Cancel, C037WhileResolvingLeavesTheDialToTheNextRequest) {  // D5, D6
  Origin origin("serve\n");
  auto board = std::make_shared<Board>();
  TestClient::Options options;
  options.lookup = [board](const std::string&, std::vector<std::string>& addresses) {
    board->Signal("looking");
    board->Await("answer");
    addresses.push_back("127.0.0.1");
    return 0;
  };
  TestClient client(std::move(options));
  const std::string url = "http://origin.test:" + std::to_string(origin.port()) + "/next";
  const Call call = client.Get(url);
  ASSERT_TRUE(board->Await("looking"));
  call.handle->Cancel();
  ExpectCancelled(call.Finish(), Delivery::kNotSent);
  const Call next = client.Get(url);
  board->Signal("answer");
  EXPECT_TRUE(next.Finish().ok());
  EXPECT_EQ(origin.log().connection_count(), 1U) << "the orphaned dial should have been adopted";
}

TEST(Cancel, C037WhileDiallingEndsAtOnce) {
  const SilentPort silent;
  ASSERT_TRUE(silent.ok());
  TestClient client;
  const Call call = client.Get("http://127.0.0.1:" + std::to_string(silent.port()) + "/never");
  ASSERT_TRUE(client.AwaitLevel(&HostPoolSnapshot::connecting, 1));
  call.handle->Cancel();
  ExpectCancelled(call.Finish(), Delivery::kNotSent);
  EXPECT_TRUE(client.AwaitLevel(kWaiting, 0));
}

TEST(Cancel, C037BeforeAnythingHappensEndsOnce) {  // V8
  Origin origin("serve\n");
  TestClient client;
  for (int i = 0; i < 200; ++i) {
    const Call call = client.Get(origin.url("/a"));
    call.handle->Cancel();
    const Story story = call.Finish();
    EXPECT_EQ(story.ends, 1U);
    EXPECT_TRUE(story.ok() || story.reason() == Reason::kCancelled) << story.Text();
  }
  EXPECT_TRUE(client.AwaitLevel(kActive, 0));
}

TEST(Cancel, C038RacingWithCompletionHasOneOutcome) {  // R11
  Origin origin("serve\n");
  TestClient client;
  int completed = 0;
  for (int i = 0; i < 500; ++i) {
    const Call call = client.Get(origin.url("/a"));
    std::thread racer([&, i] {
      for (int spin = 0; spin < (i % 50) * 40; ++spin) std::this_thread::yield();
      call.handle->Cancel();
    });
    const Story story = call.Finish();
    racer.join();
    EXPECT_EQ(call.sink->story().ends, 1U);
    EXPECT_TRUE(story.violations.empty()) << story.Text();
    EXPECT_TRUE(story.ok() || story.reason() == Reason::kCancelled) << story.Text();
    if (story.ok()) {
      ++completed;
      EXPECT_EQ(story.body, "served");
    }
  }
  EXPECT_TRUE(client.AwaitLevel(kActive, 0));
  EXPECT_GT(completed, 0);
  EXPECT_EQ(client.counts().started, client.counts().ended);
}

TEST(Cancel, C039AnAnswerOfACancelledRequestReachesNobodyElse) {
  OriginOptions options;
  options.handler = [](const SeenRequest& request, std::uint64_t connection) {
    Step answer{StepKind::kSend};
    answer.text = Answer(200, request.target);
    if (!request.target.starts_with("/cancelled")) return Script{answer};
    const std::string mark = std::to_string(connection);
    return Script{Step{StepKind::kSignal, "here" + mark}, Step{StepKind::kWaitFor, "go" + mark},
                  answer};
  };
  Origin origin(std::move(options));
  TestClient client;
  for (std::uint64_t i = 1; i <= 100; ++i) {
    Request request = GetOf(origin.url("/cancelled/" + std::to_string(i)));
    request.fresh_connection = true;
    const std::uint64_t before = origin.log().connection_count();
    const Call call = client.Start(std::move(request));
    const std::string mark = std::to_string(before + 1);
    ASSERT_TRUE(origin.board().Await("here" + mark));
    call.handle->Cancel();
    ExpectCancelled(call.Finish(), Delivery::kUnknown);
    origin.board().Signal("go" + mark);
    const std::string mine = "/mine/" + std::to_string(i);
    const Story story = client.Get(origin.url(mine)).Finish();
    ASSERT_TRUE(story.ok()) << story.Text();
    ASSERT_EQ(story.body, mine) << "somebody else's answer";
  }
}

TEST(Cancel, C040AThousandOpenRequestsAreAllGivenUp) {
  OriginOptions options;
  options.rest = MustParse("expect_head\nstall\n");
  Origin origin(std::move(options));
  TestClient client;
  std::vector<Call> calls;
  for (int i = 0; i < 1000; ++i) calls.push_back(client.Get(origin.url("/a")));
  ASSERT_TRUE(origin.log().Await([](const auto& seen) {
    std::size_t heads = 0;
    for (const SeenConnection& connection : seen) heads += connection.requests.size();
    return heads == 1000;
  }));
  for (const Call& call : calls) call.handle->Cancel();
  for (const Call& call : calls) ExpectCancelled(call.Finish(), Delivery::kUnknown);
  EXPECT_TRUE(origin.log().Await([](const auto& seen) {
    for (const SeenConnection& connection : seen) {
      if (!connection.closed) return false;
    }
    return true;
  }));
  EXPECT_TRUE(AwaitThat([&] { return client.transport().connection_count() == 0; }));
  EXPECT_TRUE(AwaitThat([&] { return client.transport().active_round_trips() == 0; }));
}

TEST(Cancel, A3AfterTheEndHurtsNobodyOnTheSameConnection) {
  Origin origin("serve 1\nexpect_head\nsignal here\nwait_for go\nanswer 200 \"second\"\n");
  TestClient client;
  const Call first = client.Get(origin.url("/first"));
  ASSERT_TRUE(first.Finish().ok());
  const Call second = client.Get(origin.url("/second"));
  ASSERT_TRUE(origin.board().Await("here"));
  first.handle->Cancel();
  first.handle->Resume();
  origin.board().Signal("go");
  const Story story = second.Finish();
  EXPECT_TRUE(story.ok()) << story.Text();
  EXPECT_EQ(story.body, "second");
  EXPECT_EQ(first.sink->story().ends, 1U);
  EXPECT_EQ(origin.log().connection_count(), 1U);
}

TEST(Cancel, A4InTheMiddleOfAPausedBodyEndsIt) {
  Origin origin(
      "expect_head\nsend \"HTTP/1.1 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\nhalf\"\nstall\n");
  TestClient client;
  const Call call = client.Start(GetOf(origin.url("/a")), {.pause = true});
  ASSERT_TRUE(call.sink->AwaitBody(4));
  call.handle->Cancel();
  const Story story = call.Finish();
  ExpectCancelled(story, Delivery::kAnswered);
  EXPECT_FALSE(story.trailers.has_value());
}

}  // namespace
}  // namespace spillway
