// The heap of deadlines against the plainest account of what it must hold.

#include "transport/pool/deadline_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "tests/sim/random.h"

namespace spillway {
namespace {

Instant At(std::uint64_t at) { return Instant(Duration(static_cast<Duration::rep>(at))); }

TEST(DeadlineIndex, HasNothingAtFirst) {
  DeadlineIndex index;
  EXPECT_TRUE(index.empty());
  EXPECT_EQ(index.Earliest(), kNever);
  EXPECT_EQ(index.At(7), kNever);
  index.Clear(7);  // nothing to clear
  EXPECT_TRUE(index.empty());
}

TEST(DeadlineIndex, HoldsOneEntryASlot) {
  DeadlineIndex index;
  index.Set(3, At(50));
  index.Set(3, At(40));
  index.Set(3, At(60));
  EXPECT_EQ(index.size(), 1U);
  EXPECT_EQ(index.Earliest(), At(60));
  EXPECT_EQ(index.EarliestSlot(), 3U);
}

TEST(DeadlineIndex, ClearsByNever) {
  DeadlineIndex index;
  index.Set(3, At(50));
  index.Set(3, kNever);
  EXPECT_TRUE(index.empty());
}

TEST(DeadlineIndex, AgreesWithAMapOverLongSequences) {
  Random random(1);
  DeadlineIndex index;
  std::map<std::uint32_t, Instant> model;
  for (int step = 0; step < 20'000; ++step) {
    const auto slot = static_cast<std::uint32_t>(random.Below(100));
    if (random.Percent(35)) {
      index.Clear(slot);
      model.erase(slot);
    } else {
      const Instant at = At(random.Below(1000));
      index.Set(slot, at);
      model[slot] = at;
    }
    index.CheckInvariants();
    ASSERT_EQ(index.size(), model.size());
    ASSERT_EQ(index.At(slot), model.contains(slot) ? model[slot] : kNever);
    if (model.empty()) continue;
    const auto earliest =
        std::min_element(model.begin(), model.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    ASSERT_EQ(index.Earliest(), earliest->second);
    ASSERT_EQ(model.at(index.EarliestSlot()), earliest->second);
  }
}

}  // namespace
}  // namespace spillway
