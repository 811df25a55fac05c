#include "transport/base/trace_context.h"

#include <gtest/gtest.h>

namespace spillway {
namespace {

constexpr char kValid[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(Traceparent, IsWhatTheRecommendationSays) {
  struct Row {
    const char* value;
    bool valid;
  };
  const Row rows[] = {
      {kValid, true},
      {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", true},
      {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff", true},
      {"00-00000000000000000000000000000001-0000000000000001-01", true},
      {"", false},
      {"00", false},
      // All zero: no trace, no parent.
      {"00-00000000000000000000000000000000-00f067aa0ba902b7-01", false},
      {"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false},
      // Upper case.
      {"00-4BF92F3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false},
      {"00-4bf92f3577b34da6a3ce929d0e0e4736-00F067aa0ba902b7-01", false},
      {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0A", false},
      // No digits.
      {"00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01", false},
      {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902bx-01", false},
      {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0 ", false},
      // Lengths and separators.
      {"00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01", false},
      {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0", false},
      {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-", false},
      {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", false},
      {"00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false},
      {"00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01", false},
      {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01", false},
      {" 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false},
      // Versions that we do not know, and the one that is forbidden.
      {"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false},
      {"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false},
  };
  for (const Row& row : rows) EXPECT_EQ(IsTraceparent(row.value), row.valid) << row.value;
}

TEST(Traceparent, ASpanIdIsSixteenDigits) {
  EXPECT_EQ(SpanIdText(1), "0000000000000001");
  EXPECT_EQ(SpanIdText(0xfedcba9876543210), "fedcba9876543210");
}

TEST(Traceparent, OnlyTheIdOfTheParentChanges) {
  const HeaderList headers = {{"X", "1"}, {"TraceParent", kValid}, {"tracestate", "a=b,c=d"}};
  const auto traced = WithSpanId(headers, 0xabc);
  ASSERT_TRUE(traced.has_value());
  EXPECT_EQ(*traced,
            (HeaderList{{"X", "1"},
                        {"TraceParent", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000abc-01"},
                        {"tracestate", "a=b,c=d"}}));
}

TEST(Traceparent, NothingIsMadeWhereNoneWasSentOrItIsNotOneToUse) {
  EXPECT_FALSE(WithSpanId({}, 1).has_value());
  EXPECT_FALSE(WithSpanId({{"tracestate", "a=b"}}, 1).has_value());
  EXPECT_FALSE(WithSpanId({{"traceparent", "00-0-0-0"}}, 1).has_value());
  EXPECT_FALSE(WithSpanId({{"traceparent", kValid}, {"Traceparent", kValid}}, 1).has_value())
      << "two of them say nothing";
}

}  // namespace
}  // namespace spillway
