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
  limits.caller_stall = seconds(40);
  limits.tunnel_idle = seconds(50);
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
  deadlines.OnWritten(At(4));
  deadlines.OnHead(At(5));
  deadlines.OnBodyProgress(At(20));
  EXPECT_EQ(deadlines.Next(), At(50));
  deadlines.OnPaused(At(25));
  EXPECT_EQ(deadlines.Next(), At(65));  // the caller's time, not the origin's (C-042)
  EXPECT_EQ(deadlines.Expired(At(65)).source, Source::kCaller);
  EXPECT_EQ(deadlines.Expired(At(65)).reason, Reason::kDeadlineExceeded);
  deadlines.OnResumed(At(100));
  EXPECT_EQ(deadlines.Next(), At(130));
  EXPECT_EQ(deadlines.Expired(At(130)).reason, Reason::kHttpResponseBodyTimeout);
  EXPECT_EQ(deadlines.Expired(At(130)).phase, Phase::kBody);
}

// C-043, C-044: who sends nothing of its body is to blame, not the origin.
TEST(Deadlines, WaitingForTheCallersBodyIsTheCallersTime) {
  Deadlines deadlines(Limits(), At(0));
  deadlines.OnSourcePending(At(3));
  deadlines.OnSourcePending(At(9));
  EXPECT_EQ(deadlines.Next(), At(43));
  EXPECT_EQ(deadlines.Expired(At(43)).source, Source::kCaller);
  EXPECT_EQ(deadlines.Expired(At(43)).phase, Phase::kWrite);
  deadlines.OnWriteProgress(At(42));
  EXPECT_EQ(deadlines.Next(), At(52));
  EXPECT_EQ(deadlines.Expired(At(52)).source, Source::kOrigin);
}

// What the caller gave at last is the origin's to take, in a time of its own.
TEST(Deadlines, WhatTheCallerGaveIsTheOriginsToTake) {
  Deadlines deadlines(Limits(), At(0));
  deadlines.OnSourcePending(At(3));
  deadlines.OnSourceGave(At(42));
  EXPECT_EQ(deadlines.Next(), At(52));
  deadlines.OnSourceGave(At(50));  // more of it, behind what is not taken yet
  EXPECT_EQ(deadlines.Next(), At(52));
  EXPECT_EQ(deadlines.Expired(At(52)).reason, Reason::kConnectionWriteTimeout);
  EXPECT_EQ(deadlines.Expired(At(52)).source, Source::kOrigin);
}

TEST(Deadlines, ATunnelMayRestForItsOwnTime) {
  Deadlines deadlines(Limits(), At(0));
  deadlines.OnTunnel(At(5));
  EXPECT_EQ(deadlines.Next(), At(55));
  deadlines.OnWriteProgress(At(10));
  EXPECT_EQ(deadlines.Next(), At(60));
  deadlines.OnBodyProgress(At(20));
  EXPECT_EQ(deadlines.Next(), At(70));
  EXPECT_EQ(deadlines.Expired(At(70)).phase, Phase::kBody);
}

// O-100, O-102: an early head leaves the write behind.
TEST(Deadlines, AHeadThatCameBeforeTheWriteEndedKeepsTheBodyTimer) {
  Deadlines deadlines(Limits(), At(0));
  deadlines.OnHead(At(5));
  deadlines.OnWritten(At(6));
  EXPECT_EQ(deadlines.Next(), At(35));
  EXPECT_EQ(deadlines.phase(), Phase::kBody);
}

TEST(Deadlines, AnEarlyHeadLeavesTheWritingItsOwnTime) {
  Deadlines deadlines(Limits(), At(0));
  deadlines.OnWriteProgress(At(4));
  deadlines.OnHead(At(5));
  EXPECT_EQ(deadlines.Next(), At(14));
  deadlines.OnBodyProgress(At(13));  // gives, but takes nothing
  EXPECT_EQ(deadlines.Next(), At(14));
  EXPECT_EQ(deadlines.Expired(At(14)).reason, Reason::kConnectionWriteTimeout);
  EXPECT_EQ(deadlines.Expired(At(14)).source, Source::kOrigin);
  EXPECT_EQ(deadlines.Expired(At(14)).phase, Phase::kBody);
  deadlines.OnWriteProgress(At(14));
  EXPECT_EQ(deadlines.Next(), At(24));
  deadlines.OnWritten(At(20));
  EXPECT_EQ(deadlines.Next(), At(44));
  EXPECT_EQ(deadlines.Expired(At(44)).reason, Reason::kHttpResponseBodyTimeout);
}

// C-043, C-044 behind an early head; who takes the response is there.
TEST(Deadlines, ACallerThatNeitherSendsNorTakesIsToBlameBehindAnEarlyHead) {
  ExchangeLimits limits = Limits();
  limits.body_stall = seconds(100);
  Deadlines deadlines(limits, At(0));
  deadlines.OnHead(At(5));
  deadlines.OnSourcePending(At(6));
  EXPECT_EQ(deadlines.Next(), At(46));
  deadlines.OnBodyProgress(At(30));
  EXPECT_EQ(deadlines.Next(), At(70));
  EXPECT_EQ(deadlines.Expired(At(70)).reason, Reason::kDeadlineExceeded);
  EXPECT_EQ(deadlines.Expired(At(70)).source, Source::kCaller);
}

// An origin may wait with the rest of an upload until it can send (C-042).
TEST(Deadlines, AReceiverThatPausesStopsTheWritersTimeToo) {
  Deadlines deadlines(Limits(), At(0));
  deadlines.OnHead(At(5));
  deadlines.OnPaused(At(6));
  EXPECT_EQ(deadlines.Next(), At(46));
  EXPECT_EQ(deadlines.Expired(At(46)).source, Source::kCaller);
  deadlines.OnResumed(At(40));
  EXPECT_EQ(deadlines.Next(), At(50));
}

// E5, W2: the rest of the request is not sent, so nobody waits for it.
TEST(Deadlines, ARequestThatIsNotFinishedHasNoTimeBehindTheHead) {
  Deadlines deadlines(Limits(), At(0));
  deadlines.OnSourcePending(At(1));
  deadlines.OnHead(At(5));
  deadlines.OnWritingOver();
  EXPECT_EQ(deadlines.Next(), At(35));
}

// O-100, W2: an origin that refused need not take any more, although we may go on trying.
TEST(Deadlines, ARefusedRequestHasNoTimeWhateverIsStillWritten) {
  Deadlines deadlines(Limits(), At(0));
  deadlines.OnHead(At(5));
  deadlines.OnRefused();
  deadlines.OnWriteProgress(At(6));
  EXPECT_EQ(deadlines.Next(), At(36));
  deadlines.OnSourcePending(At(7));
  deadlines.OnSourceGave(At(8));
  EXPECT_EQ(deadlines.Next(), At(38));
  deadlines.OnBodyProgress(At(30));
  EXPECT_EQ(deadlines.Next(), At(60));
  EXPECT_EQ(deadlines.Expired(At(60)).reason, Reason::kHttpResponseBodyTimeout);
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
  writing.OnPaused(At(1));
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
