// What a round trip tells of its course when it is asked to, and the spans of its attempts.

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <utility>

#include "tests/harness/counting_observer.h"
#include "tests/harness/push_body.h"
#include "tests/origin/origin.h"
#include "tests/transport/facade/blocking_call.h"
#include "transport/base/trace_context.h"

namespace spillway {
namespace {

using Kind = TimelineEvent::Kind;

std::unique_ptr<Transport> TransportWith(void (*change)(Destination&) = nullptr) {
  Destination destination;
  if (change != nullptr) change(destination);
  TransportOptions options;
  options.policy = PolicyOf(std::move(destination));
  return MakeTransport(std::move(options));
}

Request Timed(Request request) {
  request.want_timeline = true;
  return request;
}

// "started queued connect_start ... ", with attempts, statuses and notes where there are any.
std::string Text(const RoundTripRecord& record) {
  std::string text;
  for (const TimelineEvent& event : record.timeline) {
    text += (text.empty() ? "" : " ") + std::string(Label(event.kind));
    if (event.status != 0) text += "=" + std::to_string(event.status);
    if (!event.note.empty()) text += "(" + std::string(event.note) + ")";
  }
  return text;
}

Duration Sum(const Timings& timings) {
  return timings.queue + timings.dns + timings.connect + timings.proxy + timings.tls +
         timings.write + timings.first_byte;
}

void ExpectConsistent(const RoundTripRecord& record) {
  EXPECT_LE(Sum(record.timings), record.timings.total);
  Instant last = record.started;
  for (const TimelineEvent& event : record.timeline) {
    EXPECT_GE(event.at, last) << Label(event.kind);
    last = event.at;
  }
  EXPECT_LE(last, record.started + record.timings.total);
}

TEST(Timeline, OfAFreshConnectionAndOfAReusedOne_M1_M4) {
  Origin origin("serve");
  const auto transport = TransportWith();
  const auto first = Do(*transport, Timed(Get(origin.url("/"))));
  EXPECT_EQ(Text(*first->record),
            "started queued connect_start connect_done granted(new) headers_written written "
            "first_byte head=200 first_data body_done put_idle ended");
  ExpectConsistent(*first->record);
  EXPECT_GT(first->record->timings.connect, Duration::zero());
  const auto second = Do(*transport, Timed(Get(origin.url("/"))));
  EXPECT_EQ(Text(*second->record),
            "started queued granted(idle) headers_written written first_byte head=200 first_data "
            "body_done put_idle ended");
  ExpectConsistent(*second->record);
  EXPECT_EQ(second->record->timings.connect, Duration::zero());
}

TEST(Timeline, IsNotKeptUnlessAskedFor_M2) {
  Origin origin("serve");
  const auto transport = TransportWith();
  const auto call = Do(*transport, Get(origin.url("/")));
  EXPECT_TRUE(call->record->timeline.empty());
  EXPECT_TRUE(call->record->attempt_log.empty());
  ExpectConsistent(*call->record);
}

TEST(Timeline, HasTheLookupOfAName_M1) {
  Origin origin("serve");
  TransportOptions options;
  options.policy = PolicyOf(Destination());
  options.lookup = [](const std::string&, std::vector<std::string>& addresses) {
    addresses = {"127.0.0.1"};
    return 0;
  };
  const auto transport = MakeTransport(std::move(options));
  const std::string url = "http://origin.test:" + std::to_string(origin.port()) + "/";
  const auto call = Do(*transport, Timed(Get(url)));
  EXPECT_TRUE(Text(*call->record)
                  .starts_with("started queued dns_start dns_done connect_start connect_done "
                               "granted(new) "))
      << Text(*call->record);
  ExpectConsistent(*call->record);
  EXPECT_GT(call->record->timings.dns, Duration::zero());
}

TEST(Timeline, HasInformationalResponsesWithTheirStatus_M6) {
  Origin origin(R"(
    expect_head
    send "HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 204 Done\r\n\r\n"
  )");
  const auto call = Do(*TransportWith(), Timed(Get(origin.url("/"))));
  EXPECT_NE(Text(*call->record).find(" first_byte informational=103 head=204 body_done "),
            std::string::npos)
      << Text(*call->record);
  ExpectConsistent(*call->record);
}

TEST(Timeline, HasTheWaitForA100_M1) {
  Origin origin(R"(
    expect_head
    send "HTTP/1.1 100 Continue\r\n\r\n"
    expect_body all
    answer 200 "taken"
  )");
  const auto transport = TransportWith([](Destination& destination) {
    destination.timeouts.expect_continue = std::chrono::seconds(30);
  });
  Request request = Timed(Get(origin.url("/")));
  request.method = "POST";
  request.streamed = true;
  request.headers = {{"Expect", "100-continue"}};
  auto body = std::make_shared<PushBody>(5);
  body->Push("hello");
  body->End();
  request.body = body;
  const auto call = Do(*transport, std::move(request));
  ASSERT_FALSE(call->record->failure.has_value()) << call->record->failure->message;
  EXPECT_EQ(Text(*call->record),
            "started queued connect_start connect_done granted(new) headers_written wait_100 "
            "first_byte got_100 informational=100 written head=200 first_data body_done put_idle "
            "ended");
  ExpectConsistent(*call->record);
  EXPECT_GT(call->record->timings.first_byte, Duration::zero()) << "of the answer, not of the 100";
}

TEST(Timeline, SaysWhyAConnectionCouldNotBeKept_M4) {
  Origin origin("expect_head\nsend \"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\n\\r\\nbye\"\nfin");
  const auto transport = TransportWith();
  const auto call = Do(*transport, Timed(Get(origin.url("/"))));
  EXPECT_NE(Text(*call->record).find(" body_done put_idle(origin_close) ended"), std::string::npos)
      << Text(*call->record);
  // Where nobody meant to keep it, nothing is said.
  Request closing = Timed(Get(origin.url("/")));
  closing.headers = {{"Connection", "close"}};
  EXPECT_EQ(Text(*Do(*transport, std::move(closing))->record).find("put_idle"), std::string::npos);
}

TEST(Timeline, OfAConnectionThatCouldNotBeHad_M7) {
  std::uint16_t port = 0;
  { port = Origin("serve").port(); }
  const auto call =
      Do(*TransportWith(), Timed(Get("http://127.0.0.1:" + std::to_string(port) + "/")));
  EXPECT_EQ(Text(*call->record),
            "started queued connect_start connect_done(connection_refused) "
            "not_granted(connection_refused) ended(connection_refused)");
  ExpectConsistent(*call->record);
  EXPECT_GT(call->record->timings.connect, Duration::zero());
}

TEST(Timeline, HasRetriesAndTheirPauses_M1) {
  Origin origin(R"(
    expect_head
    send "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
    expect_head
    answer 200 "at last"
  )");
  const auto transport = TransportWith([](Destination& destination) {
    destination.retry.statuses = {503};
    destination.retry.backoff_initial = milliseconds(1);
  });
  const auto call = Do(*transport, Timed(Get(origin.url("/"))));
  const std::string text = Text(*call->record);
  EXPECT_NE(text.find("head=503 "), std::string::npos) << text;
  EXPECT_NE(text.find("retry=503 "), std::string::npos) << text;
  const std::size_t backoff = text.find("backoff queued granted(idle) ");
  EXPECT_NE(backoff, std::string::npos) << text;
  ExpectConsistent(*call->record);
  ASSERT_EQ(call->record->attempt_log.size(), 2U);
  EXPECT_EQ(call->record->attempt_log[0].kind, AttemptKind::kFirst);
  EXPECT_EQ(call->record->attempt_log[1].kind, AttemptKind::kRetry);
  EXPECT_EQ(call->record->attempt_log[0].backoff, Duration::zero());
  EXPECT_GT(call->record->attempt_log[1].backoff, Duration::zero());
  EXPECT_EQ(call->record->timeline.back().attempt, 2U);
}

TEST(Timeline, HasAReplayOnAnotherConnectionAndWhy_M1) {
  Origin origin(R"(
    serve 1
    expect_head
    close
  )");
  const auto transport = TransportWith();
  Do(*transport, Get(origin.url("/")));
  const auto call = Do(*transport, Timed(Get(origin.url("/"))));
  ASSERT_FALSE(call->record->failure.has_value());
  const std::string text = Text(*call->record);
  EXPECT_NE(text.find(" retry(connection_terminated) queued connect_start "), std::string::npos)
      << text;
  ExpectConsistent(*call->record);
}

TEST(Timeline, OfHttp2LeavesTheConnectionWhereItIs_M5) {
  OriginOptions options;
  options.http2 = true;
  Origin origin(std::move(options));
  const auto transport =
      TransportWith([](Destination& destination) { destination.protocol = Protocol::kH2c; });
  const auto first = Do(*transport, Timed(Get(origin.url("/"))));
  EXPECT_EQ(Text(*first->record),
            "started queued connect_start connect_done granted(new) headers_written written "
            "first_byte head=200 first_data body_done ended");
  ExpectConsistent(*first->record);
  const auto second = Do(*transport, Timed(Get(origin.url("/"))));
  EXPECT_TRUE(Text(*second->record).starts_with("started queued granted(idle) headers_written"))
      << Text(*second->record);
  EXPECT_TRUE(second->record->reused);
}

// --- what only metrics see ---

TEST(Observer, HearsOfDialsThatAreHeldBackAfterOneFailed) {
  std::uint16_t port = 0;
  { port = Origin("serve").port(); }
  const auto observer = std::make_shared<CountingObserver>();
  TransportOptions options;
  Destination destination;
  destination.pool.backoff_initial = std::chrono::hours(1);
  destination.pool.backoff_max = std::chrono::hours(1);
  options.policy = PolicyOf(std::move(destination));
  options.observer = observer;
  const auto transport = MakeTransport(std::move(options));
  const std::string url = "http://127.0.0.1:" + std::to_string(port) + "/";
  Do(*transport, Get(url));
  EXPECT_TRUE(observer->counts().throttled.empty());
  const auto held_back = Do(*transport, Timed(Get(url)));
  EXPECT_EQ(observer->counts().throttled["backoff"], 1U);
  // It hears what is known, and nothing of a dial that was not its own.
  EXPECT_EQ(Text(*held_back->record),
            "started queued not_granted(connection_refused) ended(connection_refused)");
}

TEST(Snapshot, TellsWhatIsLeftOfTheRetryBudget) {
  Origin origin(R"(
    expect_head
    send "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
    expect_head
    answer 200 "at last"
  )");
  const auto transport = TransportWith([](Destination& destination) {
    destination.retry.statuses = {503};
    destination.retry.backoff_initial = milliseconds(1);
    destination.retry.budget_burst = 2;
    destination.retry.budget_per_second = 0;
    destination.retry.budget_ratio = 0;
  });
  Do(*transport, Get(origin.url("/")));
  const auto pools = transport->Snapshot();
  ASSERT_EQ(pools.size(), 1U);
  EXPECT_EQ(pools[0].retry_budget, 0.5);
}

// --- traceparent ---

constexpr char kParent[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

Request Traced(std::string url) {
  Request request = Get(std::move(url));
  request.headers = {{"traceparent", kParent}, {"tracestate", "a=b"}};
  return request;
}

TEST(Traceparent, PassesAsItCameUnlessPolicySaysOtherwise) {
  Origin origin("serve");
  const auto call = Do(*TransportWith(), Timed(Traced(origin.url("/"))));
  const SeenRequest seen = origin.seen().at(0).requests.at(0);
  EXPECT_EQ(seen.Find("traceparent"), kParent);
  EXPECT_EQ(seen.Find("tracestate"), "a=b");
  EXPECT_EQ(call->record->attempt_log.at(0).span_id, 0U);
}

TEST(Traceparent, NamesASpanOfItsOwnInEachAttempt) {
  Origin origin(R"(
    expect_head
    send "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
    expect_head
    answer 200 "at last"
    serve
  )");
  const auto transport = TransportWith([](Destination& destination) {
    destination.trace_attempts = true;
    destination.retry.statuses = {503};
    destination.retry.backoff_initial = milliseconds(1);
  });
  const auto call = Do(*transport, Timed(Traced(origin.url("/"))));
  ASSERT_EQ(call->record->attempt_log.size(), 2U);
  std::set<std::string> sent;
  std::set<std::uint64_t> told;
  for (std::size_t i = 0; i < 2; ++i) {
    const SeenRequest seen = origin.seen().at(0).requests.at(i);
    const std::string traceparent = seen.Find("traceparent").value_or("");
    EXPECT_TRUE(IsTraceparent(traceparent)) << traceparent;
    EXPECT_EQ(traceparent.substr(0, 36), std::string(kParent).substr(0, 36)) << "the same trace";
    EXPECT_EQ(seen.Find("tracestate"), "a=b");
    const std::uint64_t span_id = call->record->attempt_log[i].span_id;
    EXPECT_EQ(traceparent.substr(36, 16), SpanIdText(span_id));
    sent.insert(traceparent);
    told.insert(span_id);
  }
  sent.insert(kParent);
  EXPECT_EQ(sent.size(), 3U);
  std::set<std::uint64_t> granted;
  for (const TimelineEvent& event : call->record->timeline) {
    if (event.kind == Kind::kGranted) granted.insert(event.span_id);
  }
  EXPECT_EQ(granted, told);

  // Nothing is made of nothing.
  const auto untraced = Do(*transport, Timed(Get(origin.url("/"))));
  EXPECT_FALSE(origin.seen().at(0).requests.at(2).Find("traceparent").has_value());
  EXPECT_EQ(untraced->record->attempt_log.at(0).span_id, 0U);
}

}  // namespace
}  // namespace spillway
