// The summary of an exchange.

#include "cli/exchange_text.h"

#include <gtest/gtest.h>

#include <string>

namespace spillway::cli {
namespace {

void Set(google::protobuf::Duration* duration, int ms) { duration->set_nanos(ms * 1'000'000); }

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
  auto* second = exchange.add_attempt_log();
  second->set_kind(spillway::v1::ATTEMPT_KIND_RETRY);
  second->set_connection_id(7);
  second->set_status(503);
  Set(second->mutable_backoff(), 5);
  second->set_span_id("00f067aa0ba902b7");
  exchange.set_url("http://b.test/");
  exchange.add_hops()->set_url("http://a.test/");
  exchange.mutable_hops(0)->set_status(302);
  auto* last = exchange.add_timeline();
  last->set_kind(spillway::v1::EVENT_KIND_ENDED);
  Set(last->mutable_at(), 3);
  auto* event = exchange.add_timeline();
  event->set_kind(spillway::v1::EVENT_KIND_GRANTED);
  event->set_note("idle");
  Set(event->mutable_at(), 2);
  EXPECT_EQ(Summary(exchange),
            "* connection 7, reused after 250 ms idle: 127.0.0.1:1 -> 127.0.0.1:2\n"
            "* destination payments, configuration 3\n"
            "* attempts 2, sent 100 B, received 2.00 KiB\n"
            "* redirected with 302 by http://a.test/\n"
            "* answered by http://b.test/\n"
            "* first attempt at 0.00 us: connection 6, reused, 0.00 us, connection_terminated "
            "(not_sent)\n"
            "* retry attempt at 0.00 us after a pause of 5.00 ms: connection 7, new, 0.00 us, "
            "answered 503, span 00f067aa0ba902b7\n"
            "*   2.00 ms  granted idle\n"
            "*   3.00 ms  ended\n");
}

TEST(Summary, SaysWhenThereWasNoConnection) {
  EXPECT_TRUE(Summary({}).starts_with("* no connection was had\n* no destination matched"));
}

}  // namespace
}  // namespace spillway::cli
