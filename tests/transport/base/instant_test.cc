#include "transport/base/instant.h"

#include <gtest/gtest.h>

#include <chrono>

namespace spillway {
namespace {

using std::chrono::seconds;

constexpr Instant At(std::int64_t s) { return Instant(seconds(s)); }

TEST(Instant, AddsAndSaturates_X025) {
  EXPECT_EQ(After(At(5), seconds(3)), At(8));
  EXPECT_EQ(After(At(5), seconds(-3)), At(2));
  EXPECT_EQ(After(At(5), seconds(-5)), At(0));
  EXPECT_EQ(After(At(5), seconds(-6)), At(0));
  EXPECT_EQ(After(At(5), Duration::min()), At(0));
  EXPECT_EQ(After(At(5), kForever), kNever);
  EXPECT_EQ(After(At(5), kForever - Duration(1)), kNever);
  EXPECT_EQ(After(kNever, seconds(-3)), kNever);
  EXPECT_EQ(After(kNever, Duration::zero()), kNever);
}

TEST(Instant, TellsTheTimeLeft) {
  EXPECT_EQ(Until(At(8), At(5)), seconds(3));
  EXPECT_EQ(Until(At(5), At(5)), Duration::zero());
  EXPECT_EQ(Until(At(4), At(5)), Duration::zero());
  EXPECT_EQ(Until(kNever, At(5)), kForever);
}

TEST(Instant, TurnsIntoSeconds) {
  EXPECT_DOUBLE_EQ(ToSeconds(std::chrono::milliseconds(1500)), 1.5);
}

}  // namespace
}  // namespace spillway
