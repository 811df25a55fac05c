#include <gtest/gtest.h>

#include <array>
#include <thread>
#include <vector>

#include "metrics/names.h"
#include "metrics/striped_counter.h"
#include "metrics/striped_histogram.h"

namespace spillway {
namespace {

constexpr std::array<std::int64_t, 3> kBounds = {10, 20, 50};

TEST(StripedCells, StartAtZeroWithoutMemoryOfTheirOwn) {
  StripedCells<100> cells;
  EXPECT_EQ(cells.Sum(0), 0u);
  EXPECT_EQ(cells.Sum(99), 0u);
  EXPECT_LE(sizeof cells, kStripes * sizeof(void*));
}

TEST(StripedCells, LoseNothingThatManyThreadsAdd) {
  constexpr std::size_t kThreads = 3 * kStripes;
  constexpr std::uint64_t kRounds = 20'000;
  StripedCells<3> cells;
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&cells] {
      for (std::uint64_t i = 0; i < kRounds; ++i) {
        cells.Add(0);
        cells.Add(2, 5);
      }
    });
  }
  for (std::uint64_t before = 0, i = 0; i < 1000; ++i) {
    const std::uint64_t now = cells.Sum(0);
    ASSERT_GE(now, before);
    before = now;
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(cells.Sum(0), kThreads * kRounds);
  EXPECT_EQ(cells.Sum(1), 0u);
  EXPECT_EQ(cells.Sum(2), 5 * kThreads * kRounds);
}

TEST(StripedCells, GiveEveryThreadOneStripeForLife) {
  std::array<bool, kStripes> used{};
  for (std::size_t t = 0; t < kStripes; ++t) {
    std::thread([&used] {
      EXPECT_EQ(ThisStripe(), ThisStripe());
      used[ThisStripe()] = true;
    }).join();
  }
  for (const bool stripe : used) EXPECT_TRUE(stripe);
}

TEST(StripedHistogram, CountsAValueOnABoundBelowIt) {
  struct Row {
    std::int64_t value;
    std::size_t bucket;
  };
  for (const Row row : {Row{-5, 0}, Row{0, 0}, Row{10, 0}, Row{11, 1}, Row{20, 1}, Row{50, 2},
                        Row{51, 3}, Row{1'000'000, 3}}) {
    StripedHistogram<kBounds> histogram;
    histogram.Observe(row.value);
    const auto reading = histogram.Read();
    for (std::size_t i = 0; i < kBounds.size() + 1; ++i) {
      EXPECT_EQ(reading[i], i == row.bucket ? 1u : 0u) << row.value << " in bucket " << i;
    }
    EXPECT_EQ(reading.back(), static_cast<std::uint64_t>(std::max<std::int64_t>(row.value, 0)));
    EXPECT_EQ(histogram.Sum(), reading.back());
  }
}

}  // namespace
}  // namespace spillway
