#include "transport/base/failure.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace spillway {
namespace {

using namespace std::string_literals;

TEST(Failure, LabelsAreDistinctAndFitForMetrics) {
  std::set<std::string_view> seen;
  for (int i = 0; i < static_cast<int>(Reason::kReasonCount); ++i) {
    const std::string_view label = Label(static_cast<Reason>(i));
    EXPECT_TRUE(seen.insert(label).second) << label;
    EXPECT_EQ(label.empty(), i == 0);
    EXPECT_EQ(label.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string_view::npos);
  }
  EXPECT_EQ(Label(Reason::kInternalError), "internal_error");
  EXPECT_EQ(Label(Reason::kHttpUpgradeFailed), "http_upgrade_failed");
  EXPECT_EQ(Label(Source::kService), "service");
  EXPECT_EQ(Label(Phase::kBody), "body");
  EXPECT_EQ(Label(Delivery::kAnswered), "answered");
  EXPECT_EQ(Label(Delivery::kNone), "");
}

TEST(Failure, OfABadRequestNamesTheField) {
  const Failure failure = BadRequest("headers[3]", "is odd");
  EXPECT_EQ(failure.reason, Reason::kHttpRequestError);
  EXPECT_EQ(failure.source, Source::kCaller);
  EXPECT_EQ(failure.delivery, Delivery::kNotSent);
  EXPECT_EQ(failure.field, "headers[3]");
  EXPECT_EQ(failure.message, "headers[3]: is odd");
}

TEST(Failure, OfAnOptionNotBuiltNamesTheField) {
  const Failure failure = Unimplemented("method");
  EXPECT_EQ(failure.reason, Reason::kUnimplemented);
  EXPECT_EQ(failure.field, "method");
  EXPECT_EQ(failure.delivery, Delivery::kNotSent);
}

TEST(EscapeForError, PrintsOnlyPlainAscii_C077) {
  EXPECT_EQ(EscapeForError("a b~"), "a b~");
  EXPECT_EQ(EscapeForError("a\r\n\0\x7f\xff\\"s), "a\\x0d\\x0a\\x00\\x7f\\xff\\x5c");
  EXPECT_EQ(EscapeForError(""), "");
}

TEST(EscapeForError, CutsAtTheLimitWithoutSplittingAnEscape) {
  EXPECT_EQ(EscapeForError("abcdef", 6), "abcdef");
  EXPECT_EQ(EscapeForError("abcdefg", 6), "abcdef...");
  EXPECT_EQ(EscapeForError("abc\n", 6), "abc...");
}

}  // namespace
}  // namespace spillway
