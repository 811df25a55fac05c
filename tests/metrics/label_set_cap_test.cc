#include "metrics/label_set_cap.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <string>
#include <vector>

namespace spillway {
namespace {

constexpr Family kFamily = Family::kRejections;
constexpr std::size_t kVariants = 2;

class Cap : public testing::Test {
 protected:
  // A scrape in which every destination of `shown_` has these counts; what is shown, in order.
  std::vector<std::pair<std::string, std::uint64_t>> Scrape(
      const std::map<std::string, std::array<std::uint64_t, kVariants>>& counts) {
    std::vector<DestinationGuard::Shown> shown;
    for (const auto& [name, unused] : counts) {
      const auto slot = guard_.Named(name);
      shown.push_back({slot, &slot->series(), true, true});
    }
    cap_.BeginScrape(shown);
    cap_.BeginFamily(kFamily, kVariants, 1, shown);
    std::vector<std::pair<std::string, std::uint64_t>> out;
    for (const auto& entry : shown) {
      const auto& cells = counts.at(entry.slot->label.destination);
      for (std::size_t variant = 0; variant < kVariants; ++variant) {
        if (cells[variant] == 0) continue;
        if (cap_.Admit(*entry.series, variant, std::array{cells[variant]})) {
          out.emplace_back(entry.slot->label.destination + std::to_string(variant), cells[variant]);
        }
      }
    }
    return out;
  }

  using Shown = std::vector<std::pair<std::string, std::uint64_t>>;

  DestinationGuard guard_{DestinationGuard::Options()};
  LabelSetCap cap_{3 + kVariants};  // three, and the variants of `_other`
};

TEST_F(Cap, ShowsTheFirstAndFoldsTheRest) {
  EXPECT_EQ(Scrape({{"a", {1, 2}}, {"b", {3, 4}}, {"c", {5, 6}}}),
            (Shown{{"a0", 1}, {"a1", 2}, {"b0", 3}}));
  EXPECT_EQ(cap_.Folded(0)[0], 5u);
  EXPECT_EQ(cap_.Folded(1)[0], 4u + 6u);
  EXPECT_EQ(cap_.FoldedSets(kFamily), 3u);
}

TEST_F(Cap, FoldsOnlyWhatIsNewAndKeepsWhatIsShown) {
  Scrape({{"b", {3, 4}}, {"c", {5, 6}}});
  EXPECT_EQ(cap_.Folded(1)[0], 6u);
  // `a` comes first in order and later in time: it finds no room.
  EXPECT_EQ(Scrape({{"a", {1, 0}}, {"b", {3, 5}}, {"c", {5, 10}}}),
            (Shown{{"b0", 3}, {"b1", 5}, {"c0", 5}}));
  EXPECT_EQ(cap_.Folded(0)[0], 1u);
  EXPECT_EQ(cap_.Folded(1)[0], 10u);
  EXPECT_EQ(cap_.FoldedSets(kFamily), 2u);
}

TEST_F(Cap, FoldsNothingOfASeriesThatWasAwayTwice) {
  Scrape({{"a", {10, 10}}});
  Scrape({{"b", {1, 1}}, {"c", {1, 0}}});  // `a` is away and its places are taken
  EXPECT_EQ(cap_.FoldedSets(kFamily), 0u);
  EXPECT_EQ(Scrape({{"a", {10, 10}}, {"b", {1, 1}}, {"c", {1, 0}}}),
            (Shown{{"b0", 1}, {"b1", 1}, {"c0", 1}}));
  EXPECT_EQ(cap_.Folded(0)[0], 0u);  // its ten were shown as its own
  Scrape({{"a", {12, 10}}, {"b", {1, 1}}, {"c", {1, 0}}});
  EXPECT_EQ(cap_.Folded(0)[0], 2u);
}

}  // namespace
}  // namespace spillway
