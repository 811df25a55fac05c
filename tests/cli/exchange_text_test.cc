// The waterfall and the summary of an exchange.

#include "cli/exchange_text.h"

#include <gtest/gtest.h>

#include <string>

namespace spillway::cli {
namespace {

using std::chrono::milliseconds;

void Set(google::protobuf::Duration* duration, int ms) { duration->set_nanos(ms * 1'000'000); }

spillway::v1::Timings ColdTimings() {
  spillway::v1::Timings timings;
  Set(timings.mutable_queue(), 40);
  Set(timings.mutable_dns(), 10);
  Set(timings.mutable_connect(), 20);
  Set(timings.mutable_write(), 10);
  Set(timings.mutable_first_byte(), 40);
  Set(timings.mutable_total(), 100);
  return timings;
}

TEST(PhasesOf, PlacesTheDialAtTheEndOfTheWait) {
  const auto phases = PhasesOf(ColdTimings());
  ASSERT_EQ(phases.size(), 6U);
  EXPECT_EQ(phases[1].name, "dns");
  EXPECT_EQ(phases[1].start, milliseconds(10));
  EXPECT_EQ(phases[2].name, "connect");
  EXPECT_EQ(phases[2].start, milliseconds(20));
  EXPECT_EQ(phases[3].name, "write");
  EXPECT_EQ(phases[3].start, milliseconds(40));
  EXPECT_EQ(phases[5].name, "body");
  EXPECT_EQ(phases[5].start, milliseconds(90));
  EXPECT_EQ(phases[5].length, milliseconds(10));
}

TEST(PhasesOf, ADialLongerThanTheWaitStartsWithIt) {
  spillway::v1::Timings timings;
  Set(timings.mutable_queue(), 5);
  Set(timings.mutable_connect(), 20);
  Set(timings.mutable_total(), 30);
  EXPECT_EQ(PhasesOf(timings)[1].start, Duration::zero());
}

TEST(Waterfall, DrawsOneBarAPhase) {
  EXPECT_EQ(Waterfall(ColdTimings()),
            "queue         40.0 ms  ################\n"
            "dns           10.0 ms      ####\n"
            "connect       20.0 ms          ########\n"
            "write         10.0 ms                  ####\n"
            "first_byte    40.0 ms                      ################\n"
            "body          10.0 ms                                      ####\n"
            "total          100 ms\n");
}

TEST(Waterfall, WithoutAnythingThereIsOnlyTheTotal) {
  EXPECT_EQ(Waterfall({}), "total         0.00 us\n");
}

TEST(Waterfall, AFailureBeforeTheAnswerHasNoBody) {
  spillway::v1::Timings timings;
  Set(timings.mutable_queue(), 10);
  Set(timings.mutable_total(), 20);
  EXPECT_EQ(Waterfall(timings),
            "queue         10.0 ms  ####################\n"
            "total         20.0 ms\n");
}

TEST(Waterfall, AShortPhaseIsStillOneMarkWide) {
  spillway::v1::Timings timings;
  timings.mutable_write()->set_nanos(1);
  timings.mutable_total()->set_seconds(1);
  EXPECT_NE(Waterfall(timings).find("write         0.00 us  #\n"), std::string::npos);
}

TEST(Summary, TellsConnectionAttemptsAndTimeline) {
  spillway::v1::Exchange exchange;
  exchange.set_connection_id(7);
  exchange.set_reused(true);
  Set(exchange.mutable_idle_time(), 250);
  exchange.set_local_address("127.0.0.1:1");
  exchange.set_remote_address("127.0.0.1:2");
  exchange.set_destination("payments");
  exchange.set_policy_version(3);
  exchange.set_attempts(2);
  exchange.set_bytes_sent(100);
  exchange.set_bytes_received(2048);
  auto* attempt = exchange.add_attempt_log();
  attempt->set_kind(spillway::v1::ATTEMPT_KIND_FIRST);
  attempt->set_connection_id(6);
  attempt->set_reused(true);
  attempt->set_error(spillway::v1::REASON_CONNECTION_TERMINATED);
  attempt->set_delivery(spillway::v1::DELIVERY_NOT_SENT);
  // Threads write the timeline; people read it in order.
  auto* last = exchange.add_timeline();
  last->set_kind(spillway::v1::EVENT_KIND_ENDED);
  Set(last->mutable_at(), 3);
  auto* event = exchange.add_timeline();
  event->set_kind(spillway::v1::EVENT_KIND_GRANTED);
  Set(event->mutable_at(), 2);
  EXPECT_EQ(Summary(exchange),
            "* connection 7, reused after 250 ms idle: 127.0.0.1:1 -> 127.0.0.1:2\n"
            "* destination payments, configuration 3\n"
            "* attempts 2, sent 100 B, received 2.00 KiB\n"
            "* first attempt at 0.00 us: connection 6, reused, 0.00 us, connection_terminated "
            "(not_sent)\n"
            "*   2.00 ms  granted\n"
            "*   3.00 ms  ended\n");
}

TEST(Summary, SaysWhenThereWasNoConnection) {
  EXPECT_TRUE(Summary({}).starts_with("* no connection was had\n* no destination matched"));
}

}  // namespace
}  // namespace spillway::cli
