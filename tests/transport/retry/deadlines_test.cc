#include "transport/retry/deadlines.h"

#include <gtest/gtest.h>

namespace spillway {
namespace {

using std::chrono::seconds;

Instant At(int s) { return Instant(seconds(s)); }

ExchangeLimits Limits() {
  ExchangeLimits limits;
  limits.write_stall = seconds(10);
  limits.response_header = seconds(20);
  limits.body_stall = seconds(30);
  return limits;
}

TEST(Deadlines, WithoutLimitsThereIsNone) {
  EXPECT_EQ(Deadlines(ExchangeLimits(), At(1)).Next(), kNever);
}

// T8 improved: progress in writing, not its length, is what counts.
TEST(Deadlines, WriteStallStartsAnewWithEachAcceptedByte) {
  Deadlines deadlines(Limits(), At(0));
  EXPECT_EQ(deadlines.Next(), At(10));
  deadlines.OnWriteProgress(At(9));
  EXPECT_EQ(deadlines.Next(), At(19));
  const Failure failure = deadlines.Expired(At(19));
  EXPECT_EQ(failure.reason, Reason::kConnectionWriteTimeout);
  EXPECT_EQ(failure.phase, Phase::kWrite);
}

// T4.
TEST(Deadlines, ResponseHeaderTimerStartsWhenTheRequestIsWritten) {
  Deadlines deadlines(Limits(), At(0));
  deadlines.OnWritten(At(5));
  EXPECT_EQ(deadlines.Next(), At(25));
  EXPECT_EQ(deadlines.Expired(At(25)).reason, Reason::kHttpResponseTimeout);
  EXPECT_EQ(deadlines.Expired(At(25)).phase, Phase::kFirstByte);
}

TEST(Deadlines, BodyStallStartsAnewWithEachPieceAndRestsWhilePaused) {
  Deadlines deadlines(Limits(), At(0));
  deadlines.OnHead(At(5));
  deadlines.OnBodyProgress(At(20));
  EXPECT_EQ(deadlines.Next(), At(50));
  deadlines.OnPaused();
  EXPECT_EQ(deadlines.Next(), kNever);
  deadlines.OnResumed(At(100));
  EXPECT_EQ(deadlines.Next(), At(130));
  EXPECT_EQ(deadlines.Expired(At(130)).reason, Reason::kHttpResponseBodyTimeout);
  EXPECT_EQ(deadlines.Expired(At(130)).phase, Phase::kBody);
}

// O-100, O-102: an early head leaves the write behind.
TEST(Deadlines, AHeadThatCameBeforeTheWriteEndedKeepsTheBodyTimer) {
  Deadlines deadlines(Limits(), At(0));
  deadlines.OnHead(At(5));
  deadlines.OnWritten(At(6));
  EXPECT_EQ(deadlines.Next(), At(35));
  EXPECT_EQ(deadlines.phase(), Phase::kBody);
}

// api.md: the deadline shrinks every phase, also while the receiver pauses, and names the phase.
TEST(Deadlines, TheRoundTripsDeadlineCutsEveryPhaseAndNamesIt) {
  ExchangeLimits limits = Limits();
  limits.deadline = At(7);
  Deadlines writing(limits, At(0));
  EXPECT_EQ(writing.Next(), At(7));
  EXPECT_EQ(writing.Expired(At(7)).reason, Reason::kDeadlineExceeded);
  EXPECT_EQ(writing.Expired(At(7)).phase, Phase::kWrite);
  EXPECT_EQ(writing.Expired(At(7)).source, Source::kCaller);
  writing.OnWritten(At(1));
  EXPECT_EQ(writing.Expired(At(7)).phase, Phase::kFirstByte);
  writing.OnHead(At(2));
  writing.OnPaused();
  EXPECT_EQ(writing.Next(), At(7));
  EXPECT_EQ(writing.Expired(At(7)).phase, Phase::kBody);
}

TEST(Deadlines, APolicysTotalLimitBlamesThePolicy) {
  ExchangeLimits limits;
  limits.deadline = At(7);
  limits.deadline_is_callers = false;
  EXPECT_EQ(Deadlines(limits, At(0)).Expired(At(7)).source, Source::kPolicy);
}

}  // namespace
}  // namespace spillway
