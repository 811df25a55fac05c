#include "metrics/pool_collector.h"

#include <gtest/gtest.h>

#include "tests/metrics/records_for_test.h"

namespace spillway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Collector : public testing::Test {
 protected:
  Collector() {
    orders_ = guard_.Named("orders");
    collector_.SetSource([this] { return pools_; });
  }

  PoolLevels LevelsOf(const std::string& destination) {
    const auto shown = guard_.Labelled();
    const auto levels = collector_.Collect(shown);
    for (std::size_t i = 0; i < shown.size(); ++i) {
      if (shown[i].slot->label.destination == destination) return levels[i];
    }
    ADD_FAILURE() << "no " << destination;
    return {};
  }

  std::uint64_t QueueMillis(const DestinationSeries& series) {
    collector_.Collect(guard_.Labelled());
    return series.scrape.queue_nanos / 1'000'000;
  }

  void WaitEnds(Duration waited) {
    orders_->series().ended_queue_nanos.Add(0, static_cast<std::uint64_t>(waited.count()));
  }

  static PoolSnapshot Orders(const std::string& host, double waiter_seconds) {
    HostPoolSnapshot state;
    state.waiter_seconds = waiter_seconds;
    return SnapshotOf(KeyOf(host, 80, "orders"), state);
  }

  DestinationGuard guard_{DestinationGuard::Options()};
  std::shared_ptr<DestinationSlot> orders_;
  std::vector<PoolSnapshot> pools_;
  PoolCollector collector_;
};

TEST_F(Collector, AddsUpThePoolKeysOfOneDestination) {
  HostPoolSnapshot state;
  state.idle = 1;
  state.active = 2;
  state.connecting = 3;
  state.draining = 4;
  state.waiting = 5;
  pools_ = {SnapshotOf(KeyOf("a", 80, "orders"), state),
            SnapshotOf(KeyOf("b", 80, "orders"), state)};
  pools_[0].limits.max_connections = 10;
  pools_[0].limits.max_idle = 7;
  pools_[0].limits.max_waiters = 100;
  pools_[1].limits = pools_[0].limits;
  const PoolLevels levels = LevelsOf("orders");
  EXPECT_EQ(levels.idle[KeyProtocolIndex("http/1.1")], 2u);
  EXPECT_EQ(levels.active[KeyProtocolIndex("http/1.1")], 4u);
  EXPECT_EQ(levels.connecting, 6u);
  EXPECT_EQ(levels.draining, 8u);
  EXPECT_EQ(levels.waiting, 10u);
  EXPECT_EQ(levels.connections_limit, 20u);
  EXPECT_EQ(levels.idle_limit, 14u);
  EXPECT_EQ(levels.queue_limit, 200u);
}

TEST_F(Collector, GivesLevelsOfUnlabelledHostsToOther) {
  HostPoolSnapshot state;
  state.idle = 3;
  pools_ = {SnapshotOf(KeyOf("unknown", 80), state)};
  EXPECT_EQ(LevelsOf("_other").idle[KeyProtocolIndex("http/1.1")], 3u);
  const auto host = guard_.Host("unknown", 80);
  EXPECT_EQ(LevelsOf("_other").idle[KeyProtocolIndex("http/1.1")], 0u);
  EXPECT_EQ(LevelsOf("unknown:80").idle[KeyProtocolIndex("http/1.1")], 3u);
}

TEST_F(Collector, ReportsTheShortestAnnouncedIdleTimeout) {
  pools_ = {Orders("a", 0), Orders("b", 0), Orders("c", 0)};
  EXPECT_EQ(LevelsOf("orders").learned_idle, Duration::zero());
  pools_[0].state.learned_idle_timeout = seconds(60);
  pools_[2].state.learned_idle_timeout = seconds(5);
  EXPECT_EQ(LevelsOf("orders").learned_idle, seconds(5));
}

TEST_F(Collector, HasNoLevelsWithoutASource) {
  pools_ = {Orders("a", 1)};
  collector_.SetSource(nullptr);
  EXPECT_EQ(LevelsOf("orders").connections_limit, 0u);
}

TEST_F(Collector, AddsWhatEachMachineWaitedSinceTheLastScrape) {
  pools_ = {Orders("a", 1.0), Orders("b", 0.5)};
  EXPECT_EQ(QueueMillis(orders_->series()), 1500u);
  EXPECT_EQ(QueueMillis(orders_->series()), 1500u);
  pools_ = {Orders("a", 3.0), Orders("b", 0.5)};
  EXPECT_EQ(QueueMillis(orders_->series()), 3500u);
}

TEST_F(Collector, NeverGoesBackWhenAPoolDisappears) {
  pools_ = {Orders("a", 1.0), Orders("b", 0.5)};
  EXPECT_EQ(QueueMillis(orders_->series()), 1500u);
  pools_ = {Orders("b", 0.5)};
  EXPECT_EQ(QueueMillis(orders_->series()), 1500u);
  pools_ = {};
  EXPECT_EQ(QueueMillis(orders_->series()), 1500u);
}

TEST_F(Collector, TakesAMachineThatBeganAnewAsNew) {
  pools_ = {Orders("a", 2.0)};
  EXPECT_EQ(QueueMillis(orders_->series()), 2000u);
  pools_ = {Orders("a", 0.25)};
  EXPECT_EQ(QueueMillis(orders_->series()), 2250u);
  pools_ = {};
  EXPECT_EQ(QueueMillis(orders_->series()), 2250u);
  pools_ = {Orders("a", 0.5)};
  EXPECT_EQ(QueueMillis(orders_->series()), 2750u);
}

// A machine that began and ended between two scrapes is known by the waits that ended in it.
TEST_F(Collector, RecoversWhatAVanishedMachineWaitedUnseen) {
  pools_ = {Orders("a", 1.0)};
  WaitEnds(milliseconds(1000));
  EXPECT_EQ(QueueMillis(orders_->series()), 1000u);
  pools_ = {};
  WaitEnds(milliseconds(700));
  EXPECT_EQ(QueueMillis(orders_->series()), 1700u);
  pools_ = {Orders("a", 0.3)};  // somebody waits now, in a new machine
  EXPECT_EQ(QueueMillis(orders_->series()), 2000u);
  pools_ = {Orders("a", 0.4)};
  WaitEnds(milliseconds(400));
  EXPECT_EQ(QueueMillis(orders_->series()), 2100u);
}

TEST_F(Collector, RecoversWhatAReplacedMachineWaitedUnseen) {
  pools_ = {Orders("a", 1.0)};
  WaitEnds(milliseconds(1000));
  EXPECT_EQ(QueueMillis(orders_->series()), 1000u);
  WaitEnds(milliseconds(5000));  // then the machine went, and another one came
  pools_ = {Orders("a", 0.2)};
  EXPECT_EQ(QueueMillis(orders_->series()), 6000u);
}

TEST_F(Collector, BelievesTheMachineWhileItIsThere) {
  pools_ = {Orders("a", 1.0)};
  WaitEnds(milliseconds(1005));  // with the way back to the caller
  EXPECT_EQ(QueueMillis(orders_->series()), 1000u);
  EXPECT_EQ(QueueMillis(orders_->series()), 1000u);
}

TEST_F(Collector, TellsTheLeastOfTheRetryBudgets) {
  EXPECT_EQ(LevelsOf("orders").retry_budget, 1.0) << "nothing was taken where nothing runs";
  pools_ = {Orders("a", 0), Orders("b", 0)};
  pools_[0].retry_budget = 0.75;
  pools_[1].retry_budget = 0.25;
  EXPECT_EQ(LevelsOf("orders").retry_budget, 0.25);
}

}  // namespace
}  // namespace spillway
