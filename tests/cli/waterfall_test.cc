// What --timing draws.

#include "cli/waterfall.h"

#include <gtest/gtest.h>

#include <string>

namespace spillway::cli {
namespace {

using spillway::v1::Exchange;

void Set(google::protobuf::Duration* duration, int ms) { duration->set_nanos(ms * 1'000'000); }

void AddEvent(Exchange& exchange, spillway::v1::EventKind kind, int ms, std::uint32_t status = 0) {
  auto* event = exchange.add_timeline();
  event->set_kind(kind);
  event->set_status(status);
  Set(event->mutable_at(), ms);
}

spillway::v1::Attempt& AddAttempt(Exchange& exchange, spillway::v1::AttemptKind kind,
                                  std::uint64_t connection, int ms) {
  auto* attempt = exchange.add_attempt_log();
  attempt->set_kind(kind);
  attempt->set_connection_id(connection);
  Set(attempt->mutable_start(), ms);
  return *attempt;
}

void SetConnection(Exchange& exchange, std::uint64_t id) {
  exchange.set_connection_id(id);
  exchange.set_local_address("127.0.0.1:4000");
  exchange.set_remote_address("127.0.0.1:80");
}

// A fresh connection through a proxy, with TLS and Expect: 100-continue, over 100 ms.
Exchange Cold() {
  using namespace spillway::v1;
  Exchange exchange;
  SetConnection(exchange, 3);
  exchange.set_proxy("http://proxy.test:3128");
  Set(exchange.mutable_timings()->mutable_total(), 100);
  AddAttempt(exchange, ATTEMPT_KIND_FIRST, 3, 51);
  AddEvent(exchange, EVENT_KIND_STARTED, 0);
  AddEvent(exchange, EVENT_KIND_QUEUED, 0);
  AddEvent(exchange, EVENT_KIND_DNS_START, 5);
  AddEvent(exchange, EVENT_KIND_DNS_DONE, 10);
  AddEvent(exchange, EVENT_KIND_CONNECT_START, 10);
  AddEvent(exchange, EVENT_KIND_CONNECT_DONE, 20);
  AddEvent(exchange, EVENT_KIND_PROXY_START, 20);
  AddEvent(exchange, EVENT_KIND_PROXY_DONE, 30);
  AddEvent(exchange, EVENT_KIND_TLS_START, 30);
  AddEvent(exchange, EVENT_KIND_TLS_DONE, 50);
  AddEvent(exchange, EVENT_KIND_GRANTED, 50);
  AddEvent(exchange, EVENT_KIND_HEADERS_WRITTEN, 51);
  AddEvent(exchange, EVENT_KIND_WAIT_100, 55);
  // The first byte is that of the 100.
  AddEvent(exchange, EVENT_KIND_FIRST_BYTE, 60);
  AddEvent(exchange, EVENT_KIND_GOT_100, 60);
  AddEvent(exchange, EVENT_KIND_INFORMATIONAL, 60, 100);
  AddEvent(exchange, EVENT_KIND_WRITTEN, 70);
  AddEvent(exchange, EVENT_KIND_HEAD, 80, 200);
  AddEvent(exchange, EVENT_KIND_FIRST_DATA, 82);
  AddEvent(exchange, EVENT_KIND_BODY_DONE, 100);
  AddEvent(exchange, EVENT_KIND_PUT_IDLE, 100);
  AddEvent(exchange, EVENT_KIND_ENDED, 100);
  return exchange;
}

TEST(Waterfall, DrawsABarForEachPhaseOfAFreshConnection) {
  EXPECT_EQ(Waterfall(Cold(), {.width = 63}),
            "connection 3, new: 127.0.0.1:4000 -> 127.0.0.1:80 through http://proxy.test:3128\n"
            "queue         5.00 ms  ##\n"
            "dns           5.00 ms    ##\n"
            "connect       10.0 ms      ####\n"
            "proxy         10.0 ms          ####\n"
            "tls           20.0 ms              ########\n"
            "request       5.00 ms                      ##\n"
            "100           5.00 ms                        ##\n"
            "request       10.0 ms                          ####\n"
            "first byte    10.0 ms                              ####\n"
            "body          20.0 ms                                  ########\n"
            "total          100 ms\n");
}

TEST(Waterfall, FillsTheWidthAndNoMore) {
  for (const std::size_t width : {40U, 80U, 100U}) {
    const std::string text = Waterfall(Cold(), {.width = width});
    const std::size_t body = text.find("\nbody") + 1;
    EXPECT_EQ(text.find('\n', body) - body, width);
  }
  // There is always room for a bar, and never for a wall.
  EXPECT_NE(Waterfall(Cold(), {.width = 1}).find("queue         5.00 ms  #\n"), std::string::npos);
  const std::string wide = Waterfall(Cold(), {.width = 10'000});
  const std::size_t body = wide.find("\nbody") + 1;
  EXPECT_EQ(wide.find('\n', body) - body, 123U);
}

TEST(Waterfall, BlocksAreFinerThanMarks) {
  Exchange exchange;
  auto& timings = *exchange.mutable_timings();
  Set(timings.mutable_queue(), 15);
  timings.mutable_write()->set_nanos(1);
  Set(timings.mutable_first_byte(), 85);
  Set(timings.mutable_total(), 100);
  EXPECT_EQ(Waterfall(exchange, {.width = 33, .utf8 = true}),
            "queue         15.0 ms  █▌\n"
            "request       0.00 us   ▌\n"
            "first byte    85.0 ms   █████████\n"
            "total          100 ms\n");
}

TEST(Waterfall, EachAttemptHasItsLines) {
  using namespace spillway::v1;
  Exchange exchange;
  SetConnection(exchange, 8);
  Set(exchange.mutable_timings()->mutable_total(), 100);
  auto& first = AddAttempt(exchange, ATTEMPT_KIND_FIRST, 7, 0);
  first.set_reused(true);
  first.set_error(REASON_CONNECTION_TERMINATED);
  first.set_delivery(DELIVERY_UNKNOWN);
  AddAttempt(exchange, ATTEMPT_KIND_RETRY, 8, 60);
  AddEvent(exchange, EVENT_KIND_STARTED, 0);
  AddEvent(exchange, EVENT_KIND_QUEUED, 0);
  AddEvent(exchange, EVENT_KIND_GRANTED, 0);
  AddEvent(exchange, EVENT_KIND_WRITTEN, 10);
  AddEvent(exchange, EVENT_KIND_RETRY, 30);
  AddEvent(exchange, EVENT_KIND_BACKOFF, 30);
  AddEvent(exchange, EVENT_KIND_QUEUED, 50);
  AddEvent(exchange, EVENT_KIND_GRANTED, 60);
  AddEvent(exchange, EVENT_KIND_WRITTEN, 70);
  AddEvent(exchange, EVENT_KIND_FIRST_BYTE, 90);
  AddEvent(exchange, EVENT_KIND_BODY_DONE, 100);
  AddEvent(exchange, EVENT_KIND_ENDED, 100);
  EXPECT_EQ(Waterfall(exchange, {.width = 33}),
            "connection 7, reused: connection_terminated (unknown)\n"
            "request       10.0 ms  #\n"
            "first byte    20.0 ms   ##\n"
            "backoff       20.0 ms     ##\n"
            "retry on connection 8, new: 127.0.0.1:4000 -> 127.0.0.1:80\n"
            "queue         10.0 ms       #\n"
            "request       10.0 ms        #\n"
            "first byte    20.0 ms         ##\n"
            "body          10.0 ms           #\n"
            "total          100 ms\n");
}

TEST(Waterfall, AStatusThatWasAnsweredAgainAndARedirectAreSaid) {
  using namespace spillway::v1;
  Exchange exchange;
  SetConnection(exchange, 1);
  exchange.set_reused(true);
  Set(exchange.mutable_idle_time(), 4);
  Set(exchange.mutable_timings()->mutable_total(), 10);
  AddAttempt(exchange, ATTEMPT_KIND_FIRST, 1, 0).set_status(503);
  AddAttempt(exchange, ATTEMPT_KIND_RETRY, 1, 3).set_reused(true);
  AddAttempt(exchange, ATTEMPT_KIND_FIRST, 1, 7).set_reused(true);
  for (const int at : {0, 3, 7}) {
    AddEvent(exchange, EVENT_KIND_QUEUED, at);
    AddEvent(exchange, EVENT_KIND_GRANTED, at);
    AddEvent(exchange, EVENT_KIND_WRITTEN, at);
    AddEvent(exchange, EVENT_KIND_FIRST_BYTE, at + 2);
    AddEvent(exchange, EVENT_KIND_BODY_DONE, at + 3);
    if (at == 0) AddEvent(exchange, EVENT_KIND_RETRY, 3, 503);
    if (at == 3) AddEvent(exchange, EVENT_KIND_REDIRECT, 6, 302);
  }
  AddEvent(exchange, EVENT_KIND_ENDED, 10);
  const std::string text = Waterfall(exchange, {.width = 33});
  const std::string last = " after 4.00 ms idle: 127.0.0.1:4000 -> 127.0.0.1:80";
  const auto sections = SectionsOf(exchange);
  ASSERT_EQ(sections.size(), 3U) << text;
  EXPECT_EQ(sections[0].title, "connection 1, new: answered 503");
  EXPECT_EQ(sections[1].title, "retry on connection 1, reused");
  EXPECT_EQ(sections[2].title, "after redirect 302: connection 1, reused" + last);
  EXPECT_EQ(sections[2].phases.back().name, "body");
  EXPECT_EQ(sections[2].phases.back().start, std::chrono::milliseconds(9));
}

TEST(Waterfall, AFailureShowsThePhaseInWhichItCame) {
  using namespace spillway::v1;
  struct Row {
    std::vector<EventKind> events;  // one each 10 ms
    std::string last;               // phase, which lasts until the end at 50 ms
    int start;
  };
  const Row rows[] = {
      {{EVENT_KIND_QUEUED}, "queue", 0},
      {{EVENT_KIND_QUEUED, EVENT_KIND_GRANTED}, "request", 10},
      {{EVENT_KIND_QUEUED, EVENT_KIND_GRANTED, EVENT_KIND_WRITTEN}, "first byte", 20},
      {{EVENT_KIND_QUEUED, EVENT_KIND_GRANTED, EVENT_KIND_WRITTEN, EVENT_KIND_FIRST_BYTE},
       "body",
       30},
      // An early response: the request was still being written.
      {{EVENT_KIND_QUEUED, EVENT_KIND_GRANTED, EVENT_KIND_FIRST_BYTE}, "body", 20},
  };
  for (const Row& row : rows) {
    Exchange exchange;
    int at = 0;
    for (const EventKind kind : row.events) AddEvent(exchange, kind, std::exchange(at, at + 10));
    AddEvent(exchange, EVENT_KIND_ENDED, 50);
    const auto sections = SectionsOf(exchange);
    ASSERT_EQ(sections.size(), 1U);
    EXPECT_EQ(sections[0].phases.back().name, row.last);
    EXPECT_EQ(sections[0].phases.back().start, std::chrono::milliseconds(row.start));
    EXPECT_EQ(sections[0].phases.back().length, std::chrono::milliseconds(50 - row.start));
  }
  Exchange refused;
  AddEvent(refused, EVENT_KIND_QUEUED, 0);
  AddEvent(refused, EVENT_KIND_CONNECT_START, 0);
  AddEvent(refused, EVENT_KIND_CONNECT_DONE, 50);
  AddEvent(refused, EVENT_KIND_NOT_GRANTED, 50);
  AddEvent(refused, EVENT_KIND_ENDED, 50);
  Set(refused.mutable_timings()->mutable_total(), 50);
  EXPECT_EQ(Waterfall(refused, {.width = 33}),
            "no connection\n"
            "connect       50.0 ms  ##########\n"
            "total         50.0 ms\n");
}

TEST(Waterfall, WithoutATimelineTheSumsAreDrawnOneAfterTheOther) {
  Exchange exchange;
  auto& timings = *exchange.mutable_timings();
  Set(timings.mutable_queue(), 10);
  Set(timings.mutable_dns(), 10);
  Set(timings.mutable_connect(), 20);
  Set(timings.mutable_write(), 10);
  Set(timings.mutable_first_byte(), 40);
  Set(timings.mutable_total(), 100);
  EXPECT_EQ(Waterfall(exchange, {.width = 63}),
            "queue         10.0 ms  ####\n"
            "dns           10.0 ms      ####\n"
            "connect       20.0 ms          ########\n"
            "request       10.0 ms                  ####\n"
            "first byte    40.0 ms                      ################\n"
            "body          10.0 ms                                      ####\n"
            "total          100 ms\n");
  EXPECT_EQ(Waterfall({}, {}), "total         0.00 us\n");
  // What failed before an answer has no body.
  Exchange failed;
  Set(failed.mutable_timings()->mutable_queue(), 10);
  Set(failed.mutable_timings()->mutable_total(), 20);
  EXPECT_EQ(Waterfall(failed, {.width = 33}),
            "queue         10.0 ms  #####\n"
            "total         20.0 ms\n");
}

}  // namespace
}  // namespace spillway::cli
