// Chains of redirects against scripted origins, seen from both ends.

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "tests/harness/test_body.h"
#include "tests/transport/client/client_fixture.h"

namespace spillway {
namespace {

class Redirects : public BothProtocols {};
INSTANTIATE_TEST_SUITE_P(Over, Redirects, kBothProtocols, BothProtocols::Name);

TEST_P(Redirects, C18_AreDeliveredWhenNobodyAskedToFollowThem) {
  Origin origin{Speaking({{"/", RedirectTo("/next")}})};
  ClientFixture fixture(PolicyFor());
  const auto call = fixture.Do(Following(Get(origin.url("/")), 0));
  EXPECT_EQ(call->head.status, 302U);
  EXPECT_EQ(call->head.headers.Find("Location"), "/next");
  EXPECT_EQ(call->record->url, "");
  EXPECT_TRUE(call->record->hops.empty());
  EXPECT_EQ(Requests(origin).size(), 1U);
}

TEST_P(Redirects, C12_C16_AreFollowedAcrossOriginsAndToldInTheRecord) {
  Origin other{Speaking({})};
  Origin origin{Speaking({{"/1", RedirectTo("2")}, {"/2", RedirectTo(other.url("/3?q"), 301)}})};
  ClientFixture fixture(PolicyFor());
  Request request = Get(origin.url("/1"));
  request.headers.Add("Authorization", "Basic eDp5");
  request.headers.Add("X-Own", "1");
  request.want_timeline = true;
  const auto call = fixture.Do(Following(std::move(request)));
  ASSERT_FALSE(call->record->failure.has_value()) << call->record->failure->message;
  EXPECT_EQ(call->head.status, 200U);
  EXPECT_EQ(call->body, "served");
  EXPECT_EQ(call->ends, 1);
  const RoundTripRecord& record = *call->record;
  EXPECT_EQ(record.url, other.url("/3?q"));
  ASSERT_EQ(record.hops.size(), 2U);
  EXPECT_EQ(record.hops[0].url, origin.url("/1"));
  EXPECT_EQ(record.hops[0].status, 302U);
  EXPECT_EQ(record.hops[1].url, origin.url("/2"));
  EXPECT_EQ(record.hops[1].status, 301U);
  EXPECT_EQ(record.attempts, 3U);
  EXPECT_EQ(record.attempt_log.size(), 3U);
  std::size_t redirects = 0;
  for (const TimelineEvent& event : record.timeline) {
    redirects += event.kind == TimelineEvent::Kind::kRedirect ? 1 : 0;
  }
  EXPECT_EQ(redirects, 2U);
  EXPECT_EQ(record.timeline.back().kind, TimelineEvent::Kind::kEnded);
  EXPECT_GT(record.timings.total, Duration::zero());
  // C7, R3: the connection of the first hop served the second.
  EXPECT_EQ(origin.seen().size(), 1U);
  const std::vector<SeenRequest> seen = Requests(origin);
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[1].Find("authorization"), "Basic eDp5") << "C16: the same origin still gets it";
  EXPECT_EQ(seen[1].Find("referer"), origin.url("/1"));
  const SeenRequest last = Requests(other).at(0);
  EXPECT_EQ(last.Find("authorization"), std::nullopt) << "C-074: another port is another origin";
  EXPECT_EQ(last.Find("x-own"), "1");
  EXPECT_EQ(last.Find("referer"), origin.url("/2"));
}

TEST_P(Redirects, C5_EndWithTheLastOneAtTheLimit) {
  Origin origin{Speaking({{"/", RedirectTo("/")}})};
  ClientFixture fixture(PolicyFor());
  const auto call = fixture.Do(Following(Get(origin.url("/")), 3));
  EXPECT_FALSE(call->record->failure.has_value());
  EXPECT_EQ(call->head.status, 302U);
  EXPECT_EQ(call->record->hops.size(), 3U);
  EXPECT_EQ(Requests(origin).size(), 4U);
}

TEST_P(Redirects, C4_C17_ToNowhereFailNamingNothing) {
  Origin origin{Speaking({{"/", RedirectTo("http://user:hunter2@x.test/")}})};
  ClientFixture fixture(PolicyFor());
  const auto call = fixture.Do(Following(Get(origin.url("/"))));
  ASSERT_TRUE(call->record->failure.has_value());
  const Failure& failure = *call->record->failure;
  EXPECT_EQ(failure.reason, Reason::kHttpProtocolError);
  EXPECT_EQ(failure.delivery, Delivery::kAnswered);
  EXPECT_EQ(failure.response_status, 302U);
  EXPECT_EQ(failure.message.find("hunter2"), std::string::npos) << "C17";
  EXPECT_EQ(call->head.status, 0U) << "no head of a hop that was to be followed";
}

TEST_P(Redirects, C059_AskPolicyAgainAtEachHop) {
  Origin other{Speaking({})};
  Origin origin{Speaking({{"/", RedirectTo(other.url("/secret"))}})};
  Destination refused;
  refused.name = "refused";
  refused.refuse = true;
  refused.matches = {{"", "127.0.0.1", {other.port()}}};
  ClientFixture fixture(PolicyFor(Destination(), {refused}));
  const auto call = fixture.Do(Following(Get(origin.url("/"))));
  ASSERT_TRUE(call->record->failure.has_value());
  EXPECT_EQ(call->record->failure->reason, Reason::kHttpRequestDenied);
  // A retry would begin with the first hop, which was answered.
  EXPECT_EQ(call->record->failure->delivery, Delivery::kAnswered);
  EXPECT_EQ(call->record->failure->response_status, 302U);
  EXPECT_EQ(call->record->url, other.url("/secret"));
  EXPECT_EQ(call->record->attempts, 1U);
  EXPECT_TRUE(other.seen().empty());
}

TEST_P(Redirects, C14_SendTheBodyAgainWhereTheStatusSaysSo) {
  Origin origin{Speaking({{"/307", RedirectTo("/to", 307)}, {"/303", RedirectTo("/to", 303)}})};
  ClientFixture fixture(PolicyFor());
  EXPECT_EQ(fixture.Do(Following(Post(origin.url("/307"), "hello")))->head.status, 200U);
  EXPECT_EQ(fixture.Do(Following(Post(origin.url("/303"), "hello")))->head.status, 200U);
  const std::vector<SeenRequest> seen = Requests(origin);
  ASSERT_EQ(seen.size(), 4U);
  EXPECT_EQ(seen[1].method, "POST");
  EXPECT_EQ(seen[1].body, "hello");
  EXPECT_EQ(seen[3].method, "GET");
  EXPECT_EQ(seen[3].body, "");
  EXPECT_EQ(seen[3].Find("content-length"), std::nullopt);
}

StreamedBody::Options BodyOf(std::string bytes) {
  StreamedBody::Options options;
  options.bytes = std::move(bytes);
  return options;
}

Request Upload(const std::string& url, StreamedBody::Options body) {
  Request request = Get(url);
  request.method = "PUT";
  request.streamed = true;
  request.body = std::make_shared<StreamedBody>(std::move(body));
  return request;
}

TEST_P(Redirects, C2_SendAStreamedBodyAgainAsFarAsItIsKept) {
  Origin origin{Speaking({{"/", RedirectTo("/to", 308)}})};
  ClientFixture fixture(PolicyFor());
  const std::string small(60000, 's');
  const auto kept = fixture.Do(Following(Upload(origin.url("/"), BodyOf(small))));
  EXPECT_EQ(kept->head.status, 200U);
  EXPECT_EQ(Requests(origin).back().body, small);
  const auto lost = fixture.Do(Following(Upload(origin.url("/"), BodyOf(std::string(70000, 'l')))));
  EXPECT_FALSE(lost->record->failure.has_value());
  EXPECT_EQ(lost->head.status, 308U) << "the caller's to follow";
  EXPECT_TRUE(lost->record->hops.empty());
}

// An origin often answers as soon as it has seen the head: the rest of the body is for the next
// hop.
TEST_P(Redirects, C2_ReadNoFurtherOnceTheAnswerIsThere) {
  std::mutex mu;
  std::function<void()> ready;
  bool open = false;
  const auto let_go = [&] {
    std::function<void()> run;
    {
      const std::lock_guard lock(mu);
      open = true;
      run = std::exchange(ready, nullptr);
    }
    if (run) run();
  };
  OriginOptions options = Speaking({});
  options.on_head = [&](const SeenRequest& request, std::uint64_t) -> std::optional<Script> {
    if (request.target == "/") return Say(RedirectTo("/to", 307, "Connection: close\r\n"));
    let_go();
    return std::nullopt;
  };
  Origin origin{std::move(options)};
  ClientFixture fixture(PolicyFor());
  StreamedBody::Options body = BodyOf(std::string(500000, 'x'));
  body.piece = 10000;
  int pieces = 0;
  body.gate = [&](std::function<void()> wake) {
    const std::lock_guard lock(mu);
    if (open || pieces++ < 3) return true;
    ready = std::move(wake);
    return false;
  };
  const auto call = fixture.Do(Following(Upload(origin.url("/"), std::move(body))));
  ASSERT_FALSE(call->record->failure.has_value()) << call->record->failure->message;
  EXPECT_EQ(call->head.status, 200U);
  EXPECT_EQ(Requests(origin).back().body.size(), 500000U);
}

TEST_P(Redirects, C8_C19_AreEndedByTheDeadlineOfTheFirstRequest) {
  Origin silent{Playing({Step{.kind = StepKind::kStall}})};
  Origin origin{Speaking({{"/", RedirectTo(silent.url("/"))}})};
  ClientFixture fixture(PolicyFor());
  Request request = Get(origin.url("/"));
  request.deadline = After(fixture.transport().Now(), milliseconds(300));
  const auto call = fixture.Do(Following(std::move(request)));
  ASSERT_TRUE(call->record->failure.has_value());
  EXPECT_EQ(call->record->failure->reason, Reason::kDeadlineExceeded);
  EXPECT_EQ(call->record->hops.size(), 1U);
  EXPECT_GE(call->record->timings.total, milliseconds(290));
}

TEST(RedirectsHttp1, C8_ShareTheTimeThatPolicyGivesToOneRequest) {
  Destination fallback;
  fallback.timeouts.total = milliseconds(200);
  // Each hop takes a quarter of it, so ten do not fit.
  OriginOptions slow;
  slow.handler = [](const SeenRequest&, std::uint64_t) {
    Script script = Say("HTTP/1.1 302 F\r\nLocation: /\r\nContent-Length: 5\r\n\r\n");
    script.push_back(Step{.kind = StepKind::kDrip, .text = "body!", .every_us = 6000});
    return script;
  };
  Origin dripping{std::move(slow)};
  ClientFixture fixture(PolicyOf(fallback));
  const auto call = fixture.Do(Following(Get(dripping.url("/")), 50));
  ASSERT_TRUE(call->record->failure.has_value());
  EXPECT_EQ(call->record->failure->reason, Reason::kDeadlineExceeded);
  EXPECT_LT(call->record->timings.total, milliseconds(2000));
}

TEST_P(Redirects, C8_C19_ACancelEndsTheChainWhereverItIs) {
  Origin silent{
      Playing({Step{.kind = StepKind::kSignal, .text = "asked"}, Step{.kind = StepKind::kStall}})};
  Origin origin{Speaking({{"/", RedirectTo(silent.url("/"))}})};
  ClientFixture fixture(PolicyFor());
  auto sink = std::make_shared<WaitingSink>();
  const auto handle = fixture.client().Start(Following(Get(origin.url("/"))), sink);
  ASSERT_TRUE(silent.board().Await("asked"));
  handle->Cancel();
  const RoundTripRecord& record = sink->Wait();
  ASSERT_TRUE(record.failure.has_value());
  EXPECT_EQ(record.failure->reason, Reason::kCancelled);
  EXPECT_EQ(record.failure->delivery, Delivery::kAnswered);
  handle->Cancel();
  handle->Resume();
  EXPECT_EQ(sink->ends, 1);
}

// What waits for a connection is refused by a drain, and so is another hop.
TEST_P(Redirects, ADrainEndsAChainAtItsNextHop) {
  Origin origin{Playing({Step{.kind = StepKind::kSignal, .text = "asked"},
                         Step{.kind = StepKind::kWaitFor, .text = "draining"},
                         Step{.kind = StepKind::kSend, .text = RedirectTo("/to")}})};
  ClientFixture fixture(PolicyFor());
  auto sink = std::make_shared<WaitingSink>();
  fixture.client().Start(Following(Get(origin.url("/"))), sink);
  ASSERT_TRUE(origin.board().Await("asked"));
  std::atomic<bool> drained = false;
  fixture.transport().Drain([&] {
    EXPECT_TRUE(sink->Ended());
    drained = true;
    drained.notify_all();
  });
  origin.board().Signal("draining");
  ASSERT_TRUE(sink->Wait().failure.has_value());
  EXPECT_EQ(sink->record->failure->reason, Reason::kDraining);
  EXPECT_EQ(sink->record->failure->delivery, Delivery::kAnswered);
  EXPECT_EQ(sink->ends, 1);
  drained.wait(false);
}

// Cancels that race with every step of a chain: one outcome each, and nothing left running.
TEST_P(Redirects, C037_EndOnceHoweverACancelRaces) {
  Origin origin{Speaking({{"/", RedirectTo("/a")}, {"/a", RedirectTo("/b")}})};
  ClientFixture fixture(PolicyFor());
  for (int i = 0; i < 200; ++i) {
    auto sink = std::make_shared<WaitingSink>();
    const auto handle = fixture.client().Start(Following(Get(origin.url("/"))), sink);
    for (int spin = 0; spin < i * 20; ++spin) std::this_thread::yield();
    handle->Cancel();
    const RoundTripRecord& record = sink->Wait();
    if (record.failure.has_value()) {
      EXPECT_EQ(record.failure->reason, Reason::kCancelled);
    } else {
      EXPECT_EQ(sink->body, "served");
    }
    EXPECT_EQ(sink->ends, 1);
  }
}

TEST_P(Redirects, PassInformationalResponsesOn) {
  Origin origin{Speaking({{"/", "HTTP/1.1 103 E\r\nLink: x\r\n\r\n" + RedirectTo("/to")},
                          {"/to", "HTTP/1.1 103 E\r\n\r\n" + Answer(200, "ok")}})};
  ClientFixture fixture(PolicyFor());
  const auto call = fixture.Do(Following(Get(origin.url("/"))));
  EXPECT_EQ(call->informational, 2);
  EXPECT_EQ(call->body, "ok");
}

TEST(RedirectsHttp1, LetARequestThatIsNoneFailAsItDoesWithoutThem) {
  ClientFixture fixture;
  const auto call = fixture.Do(Following(Get("http://user@h.test/")));
  ASSERT_TRUE(call->record->failure.has_value());
  EXPECT_EQ(call->record->failure->field, "url");
  EXPECT_EQ(call->record->failure->delivery, Delivery::kNotSent);
}

}  // namespace
}  // namespace spillway
