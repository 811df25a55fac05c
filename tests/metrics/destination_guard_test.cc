#include "metrics/destination_guard.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace spillway {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

// A guard with few places and a clock of its own.
class Guard : public testing::Test {
 protected:
  static constexpr std::size_t kTop = 3;

  static DestinationGuard::Options OptionsOf() {
    DestinationGuard::Options options;
    options.top_hosts = kTop;
    options.ttl = minutes(15);
    return options;
  }

  std::shared_ptr<DestinationSlot> Host(const std::string& host) { return guard_.Host(host, 80); }

  static void Use(DestinationSlot& slot, int round_trips) {
    for (int i = 0; i < round_trips; ++i) {
      slot.active.Begin(0);
      slot.series().counters.Add(0);
      slot.active.End(0);
    }
  }

  void Pass(Duration time) {
    now_ += time;
    guard_.Rebalance(now_);
  }

  std::set<std::string> Labels() const {
    std::set<std::string> labels;
    for (const auto& shown : guard_.Labelled()) labels.insert(shown.slot->label.destination);
    return labels;
  }

  bool CountsInOther(const DestinationSlot& slot) { return &slot.series() == &guard_.other(); }

  DestinationGuard guard_{OptionsOf()};
  Instant now_{std::chrono::hours(1)};
};

TEST_F(Guard, LabelsByTheEntrysNameHoweverManyThereAre) {
  for (int i = 0; i < 50; ++i) {
    const auto slot = guard_.Named("entry-" + std::to_string(i));
    EXPECT_FALSE(CountsInOther(*slot));
    EXPECT_EQ(slot->label.server_address, "entry-" + std::to_string(i));
    EXPECT_EQ(slot->label.server_port, "");
  }
  EXPECT_EQ(guard_.Named("entry-7"), guard_.Named("entry-7"));
  EXPECT_EQ(Labels().size(), 51u);
}

TEST_F(Guard, LabelsHostsByHostAndPortWhileThereAreFew) {
  const auto slot = guard_.Host("a.example", 8080);
  EXPECT_FALSE(CountsInOther(*slot));
  EXPECT_EQ(slot->label.destination, "a.example:8080");
  EXPECT_EQ(slot->label.server_address, "a.example");
  EXPECT_EQ(slot->label.server_port, "8080");
}

TEST_F(Guard, SendsHostsBeyondTheTopToOther) {
  for (const char* host : {"a", "b", "c"}) EXPECT_FALSE(CountsInOther(*Host(host)));
  EXPECT_TRUE(CountsInOther(*Host("d")));
  EXPECT_EQ(Labels(), (std::set<std::string>{"_other", "a:80", "b:80", "c:80"}));
}

TEST_F(Guard, GivesABusyHostThePlaceOfAnIdleOne) {
  const auto a = Host("a");
  const auto b = Host("b");
  const auto c = Host("c");
  const auto busy = Host("busy");
  Use(*a, 50);
  Use(*b, 50);
  Use(*c, 1);
  Use(*busy, 100);
  Pass(seconds(10));
  EXPECT_FALSE(CountsInOther(*busy));
  EXPECT_TRUE(CountsInOther(*c));
  EXPECT_FALSE(CountsInOther(*a));
  EXPECT_FALSE(CountsInOther(*b));
}

TEST_F(Guard, DoesNotSwapPlacesForASmallLead) {
  const auto a = Host("a");
  Host("b");
  Host("c");
  const auto d = Host("d");
  Use(*a, 5);
  Use(*d, 8);
  Pass(seconds(10));
  EXPECT_TRUE(CountsInOther(*d));
}

TEST_F(Guard, KeepsTheSeriesOfALeavingHostUntilItsTimeIsOver) {
  const auto a = Host("a");
  Host("b");
  Host("c");
  const auto busy = Host("busy");
  Use(*a, 40);
  Use(*busy, 100);
  Pass(seconds(10));
  ASSERT_EQ(Labels().size(), 5u);  // busy replaced b or c, which stays for a while
  Pass(minutes(14));
  EXPECT_EQ(Labels().size(), 5u);
  Pass(minutes(1));
  EXPECT_EQ(Labels().size(), 4u);
  EXPECT_TRUE(Labels().contains("a:80"));
  EXPECT_TRUE(Labels().contains("busy:80"));
}

TEST_F(Guard, NeverMovesPastCounts) {
  const auto a = Host("a");
  const auto b = Host("b");
  const auto c = Host("c");
  Use(*a, 20);
  Use(*b, 20);
  Use(*c, 2);
  DestinationSeries& own = c->series();
  const auto busy = Host("busy");
  Use(*busy, 100);
  EXPECT_EQ(guard_.other().counters.Sum(0), 100u);
  Pass(seconds(10));
  Use(*c, 3);
  EXPECT_EQ(own.counters.Sum(0), 2u);
  EXPECT_EQ(guard_.other().counters.Sum(0), 103u);
}

TEST_F(Guard, LetsALeavingHostContinueItsOwnCountsWhenItComesBack) {
  const auto c = Host("c");
  const auto a = Host("a");
  const auto b = Host("b");
  const auto d = Host("d");
  Use(*c, 1);
  Use(*a, 1000);
  Use(*b, 1000);
  Use(*d, 100);
  DestinationSeries& own = c->series();
  Pass(seconds(10));
  ASSERT_TRUE(CountsInOther(*c));
  Use(*c, 5000);
  Pass(seconds(10));
  ASSERT_FALSE(CountsInOther(*c));
  EXPECT_EQ(&c->series(), &own);
  EXPECT_EQ(own.counters.Sum(0), 1u);
}

TEST_F(Guard, ShowsAtMostTwiceTheTopWhenTheBusiestKeepChanging) {
  std::vector<std::shared_ptr<DestinationSlot>> slots;
  int lead = 10;
  for (int wave = 0; wave < 12; ++wave) {
    for (std::size_t i = 0; i < kTop; ++i) {
      slots.push_back(Host("w" + std::to_string(wave) + "-" + std::to_string(i)));
      Use(*slots.back(), lead);
    }
    lead *= 3;
    Pass(seconds(10));
    EXPECT_LE(Labels().size(), 1 + 2 * kTop);
  }
  EXPECT_EQ(Labels().size(), 1 + 2 * kTop);
}

TEST_F(Guard, KeepsABusyHostsSeriesWhenItsPoolGoes) {
  auto slot = Host("a");
  Use(*slot, 7);
  guard_.Release(slot);
  slot.reset();
  Pass(minutes(60));
  EXPECT_TRUE(Labels().contains("a:80"));
  EXPECT_EQ(Host("a")->series().counters.Sum(0), 7u);
}

TEST_F(Guard, RemembersTheRateOfHostsWhosePoolsComeAndGo) {
  for (const char* host : {"a", "b", "c"}) Host(host);
  for (int i = 0; i < 50; ++i) {
    const auto slot = Host("close-each-time");
    Use(*slot, 1);
    guard_.Release(slot);
  }
  const auto slot = Host("close-each-time");
  EXPECT_TRUE(CountsInOther(*slot));
  Pass(seconds(10));
  EXPECT_FALSE(CountsInOther(*slot));
}

TEST_F(Guard, TreatsAnEntryNamedLikeAHostAsOneLabel) {
  const auto host = guard_.Host("a", 80);
  const auto named = guard_.Named("a:80");
  EXPECT_EQ(host, named);
  EXPECT_EQ(guard_.Host("a", 80), named);
  guard_.Release(host);
  guard_.Release(host);
  EXPECT_EQ(Labels(), (std::set<std::string>{"_other", "a:80"}));
  EXPECT_TRUE(CountsInOther(*guard_.Named("_other")));
}

TEST_F(Guard, RebalancesOnlyWhenItsPeriodIsOver) {
  for (const char* host : {"a", "b", "c"}) Host(host);
  Pass(seconds(10));
  const auto busy = Host("busy");
  Use(*busy, 100);
  Pass(seconds(9));
  EXPECT_TRUE(CountsInOther(*busy));
  Pass(seconds(1));
  EXPECT_FALSE(CountsInOther(*busy));
}

TEST_F(Guard, CountsARoundTripInOtherWhenItsTableIsFull) {
  DestinationGuard::Options options;
  options.max_request_label_sets = RequestTable::kMaxEntries + 2;
  DestinationGuard guard(options);
  const auto slot = guard.Named("orders");
  const auto labels = [](std::uint32_t status) {
    return RequestLabels::Of("GET", status, Reason::kNone, "HTTP/1.1");
  };
  for (std::uint32_t status = 200; status < 205; ++status) {
    guard.Requests(slot->series(), labels(status)).Observe(1);
  }
  EXPECT_EQ(slot->series().requests.Entries().size(), 2u);
  EXPECT_EQ(guard.folded_requests(), 3u);
  // `_other` fills up as well; the last resort takes the rest, whatever comes.
  for (std::uint32_t status = 100; status < 600; ++status) {
    guard.Requests(slot->series(), labels(status)).Observe(1);
  }
  EXPECT_EQ(guard.other().requests.Entries().size(), RequestTable::kMaxEntries);
  std::uint64_t total = 0;
  for (const DestinationSeries* series : {&slot->series(), &guard.other()}) {
    for (const auto* entry : series->requests.Entries()) total += entry->histogram.Sum();
  }
  EXPECT_EQ(total, 505u);
}

}  // namespace
}  // namespace spillway
