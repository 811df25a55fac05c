#include "metrics/space_saving.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace spillway {
namespace {

TEST(SpaceSaving, CountsExactlyWhileThereIsRoom) {
  SpaceSaving sketch(3);
  sketch.Add("a", 1);
  sketch.Add("b", 2);
  sketch.Add("a", 4);
  EXPECT_EQ(sketch.Guaranteed("a"), 5);
  EXPECT_EQ(sketch.Guaranteed("b"), 2);
  EXPECT_EQ(sketch.Guaranteed("c"), 0);
}

TEST(SpaceSaving, ReplacesTheSmallestAndKnowsItsError) {
  SpaceSaving sketch(2);
  sketch.Add("a", 10);
  sketch.Add("b", 3);
  sketch.Add("c", 1);
  EXPECT_EQ(sketch.Guaranteed("a"), 10);
  EXPECT_EQ(sketch.Guaranteed("b"), 0);
  EXPECT_EQ(sketch.Guaranteed("c"), 1);
  EXPECT_EQ(sketch.size(), 2u);
}

TEST(SpaceSaving, BoundsTheTrueCountsOfAnyStream) {
  SpaceSaving sketch(20);
  std::map<std::string, double> truth;
  std::mt19937 random(7);
  std::geometric_distribution<int> host(0.05);
  for (int i = 0; i < 20'000; ++i) {
    const std::string key = "h" + std::to_string(host(random));
    sketch.Add(key, 1);
    truth[key] += 1;
    if (i % 5000 == 4999) {
      sketch.Decay(0.5);
      for (auto& [name, count] : truth) count *= 0.5;
    }
  }
  ASSERT_GT(truth.size(), 20u);
  ASSERT_EQ(sketch.size(), 20u);
  double heaviest = 0;
  for (const auto& item : sketch.Items()) {
    EXPECT_LE(item.guaranteed(), truth[item.key] + 1e-6) << item.key;
    EXPECT_GE(item.count, truth[item.key] - 1e-6) << item.key;
    heaviest = std::max(heaviest, item.guaranteed());
  }
  EXPECT_EQ(sketch.Guaranteed("h0"), heaviest);
}

TEST(SpaceSaving, DecayLetsTheRecentOutrankTheMany) {
  SpaceSaving sketch(10);
  sketch.Add("old", 100);
  sketch.Decay(0.01);
  sketch.Add("new", 2);
  EXPECT_GT(sketch.Guaranteed("new"), sketch.Guaranteed("old"));
}

}  // namespace
}  // namespace spillway
