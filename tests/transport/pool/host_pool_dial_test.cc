// When the pool dials, and what a failed dial means. Behaviours D1 to D5, L1, L3; decision 2.

#include <gtest/gtest.h>

#include <string>

#include "tests/transport/pool/pool_driver.h"

namespace spillway {
namespace {

PoolLimits Limits(std::uint32_t connections, std::uint32_t dials = 64) {
  PoolLimits limits = PoolDriver::NoJitter();
  limits.max_connections = connections;
  limits.max_dials = dials;
  return limits;
}

// One second exactly would tie a test to the jitter.
PoolLimits OneSecondBackoff() {
  PoolLimits limits = PoolDriver::NoJitter();
  limits.backoff_initial = seconds(1);
  return limits;
}

TEST(HostPoolDial, DialsOncePerWaiter) {  // D1
  PoolDriver pool;
  EXPECT_EQ(pool.Acquire(1), "dial a");
  EXPECT_EQ(pool.Acquire(2), "dial b");
  EXPECT_EQ(pool.Connected('b'), "grant 1 b new");  // whichever is ready first, to the longest
  EXPECT_EQ(pool.Connected('a'), "grant 2 a new");
  EXPECT_EQ(pool.Now().grants_new, 2U);
}

TEST(HostPoolDial, GivesAWaiterAReleasedConnectionAndKeepsTheDial) {  // D1, D2
  PoolDriver pool;
  pool.Fill(1);
  pool.Acquire(1);
  EXPECT_EQ(pool.Acquire(2), "dial b");
  EXPECT_EQ(pool.Release('a'), "grant 2 a reused");
  EXPECT_EQ(pool.Connected('b'), "");
  EXPECT_EQ(pool.Now().idle, 1U);
  EXPECT_EQ(pool.Acquire(3), "grant 3 b new");
}

TEST(HostPoolDial, AdoptsAnOrphanedDial) {  // D5
  PoolDriver pool;
  EXPECT_EQ(pool.Acquire(1), "dial a");
  EXPECT_EQ(pool.Cancel(1), "yes");
  EXPECT_EQ(pool.Acquire(2), "");  // no second dial
  EXPECT_EQ(pool.Connected('a'), "grant 2 a new");
}

TEST(HostPoolDial, PoolsAnOrphanedDialAndCountsItWhenItDiesUnused) {  // D5, D9
  PoolDriver pool;
  pool.Acquire(1);
  pool.Cancel(1);
  EXPECT_EQ(pool.Connected('a'), "");
  EXPECT_EQ(pool.Now().idle, 1U);
  EXPECT_EQ(pool.SleepTicking(seconds(50)), "close a idle_timeout");
  EXPECT_EQ(pool.Now().dials_unused, 1U);
}

TEST(HostPoolDial, ClosesAnOrphanedDialWhenNothingMayIdle) {  // D5 with I7
  PoolLimits limits = PoolDriver::NoJitter();
  limits.max_idle = 0;
  PoolDriver pool(limits);
  pool.Acquire(1);
  pool.Cancel(1);
  EXPECT_EQ(pool.Connected('a'), "close a lru");
}

TEST(HostPoolDial, CountsDiallingLeasedAndDrainingConnectionsAgainstTheLimit) {  // L1
  PoolDriver pool(Limits(2));
  EXPECT_EQ(pool.Acquire(1), "dial a");
  EXPECT_EQ(pool.Connected('a'), "grant 1 a new");
  EXPECT_EQ(pool.Acquire(2), "dial b");
  EXPECT_EQ(pool.Acquire(3), "");
  EXPECT_EQ(pool.Connected('b'), "grant 2 b new");
  EXPECT_EQ(pool.GoAway('b'), "");  // draining still counts
  EXPECT_EQ(pool.Release('b'), "close b goaway; dial c");
}

TEST(HostPoolDial, HandsThePlaceOfAClosedConnectionToAWaiter) {  // L3
  PoolDriver pool(Limits(1));
  pool.Acquire(1);
  pool.Connected('a');
  pool.Acquire(2);
  EXPECT_EQ(pool.Closed('a'), "dial b");
}

TEST(HostPoolDial, GivesNoPlaceToWaitersThatLeft) {  // L3
  PoolDriver pool(Limits(1));
  pool.Acquire(1);
  pool.Connected('a');
  pool.Acquire(2);
  pool.Cancel(2);
  EXPECT_EQ(pool.Closed('a'), "");
}

TEST(HostPoolDial, KeepsToTheLimitOfDialsInFlight) {
  PoolDriver pool(Limits(10, 2));
  EXPECT_EQ(pool.Acquire(1), "dial a");
  EXPECT_EQ(pool.Acquire(2), "dial b");
  EXPECT_EQ(pool.Acquire(3), "");
  EXPECT_EQ(pool.Connected('a'), "grant 1 a new; dial c");
}

TEST(HostPoolDial, TakesALimitOfZeroAsOne) {
  PoolDriver pool(Limits(0, 0));
  EXPECT_EQ(pool.Acquire(1), "dial a");
  EXPECT_EQ(pool.Acquire(2), "");
}

TEST(HostPoolDial, FailsTheLongestWaiterWithTheDialsError) {  // D4 as decided
  PoolDriver pool;
  pool.Acquire(1);
  pool.Acquire(2);
  EXPECT_EQ(pool.DialFailed('b'), "fail 1 connection_refused");
  EXPECT_EQ(pool.DialFailed('a'), "fail 2 connection_refused");
  EXPECT_EQ(pool.Now().dial_failures, 2U);
}

TEST(HostPoolDial, FailsEveryWaiterThatNoRunningDialCanServe) {
  PoolDriver pool(Limits(10, 2));
  for (WaiterId id = 1; id <= 4; ++id) pool.Acquire(id);
  EXPECT_EQ(pool.DialFailed('a'), "fail 1 connection_refused");
  EXPECT_EQ(pool.DialFailed('b'),
            "fail 2 connection_refused; fail 3 connection_refused; fail 4 connection_refused");
}

TEST(HostPoolDial, RefusesArrivalsWhileItBacksOffWithNoConnection) {
  PoolDriver pool(OneSecondBackoff());
  pool.Acquire(1);
  pool.DialFailed('a');
  EXPECT_TRUE(pool.Now().backing_off);
  EXPECT_EQ(pool.Acquire(2), "fail 2 connection_refused");
  pool.Sleep(seconds(1));
  EXPECT_EQ(pool.Acquire(3), "dial b");
}

TEST(HostPoolDial, ProbesWithOneDialAfterABackoff) {
  PoolDriver pool(OneSecondBackoff());
  pool.Acquire(1);
  pool.DialFailed('a');
  pool.Sleep(seconds(1));
  EXPECT_EQ(pool.Acquire(2), "dial b");
  EXPECT_EQ(pool.Acquire(3), "");
  EXPECT_EQ(pool.Acquire(4), "");
  EXPECT_EQ(pool.Connected('b'), "grant 2 b new; dial c; dial d");
}

TEST(HostPoolDial, CountsTheDialsThatItPutsOff) {
  PoolDriver backing_off(OneSecondBackoff());
  backing_off.Acquire(1);
  backing_off.DialFailed('a');
  backing_off.Acquire(2);
  EXPECT_EQ(backing_off.pool().dials_put_off().by_backoff, 1u) << "refused in the pause";
  backing_off.Sleep(seconds(1));
  backing_off.Acquire(3);
  EXPECT_EQ(backing_off.pool().dials_put_off().by_backoff, 1u) << "it is the probe";
  backing_off.Acquire(4);
  EXPECT_EQ(backing_off.pool().dials_put_off().by_backoff, 2u) << "it waits for the probe";
  EXPECT_EQ(backing_off.pool().dials_put_off().by_concurrency, 0u);

  PoolDriver busy(Limits(10, 2));
  busy.Acquire(1);
  busy.Acquire(2);
  EXPECT_EQ(busy.pool().dials_put_off().by_concurrency, 0u);
  busy.Acquire(3);
  busy.Acquire(4);
  EXPECT_EQ(busy.pool().dials_put_off().by_concurrency, 2u);
  // What waits because its pool is as large as it may be wants no dial.
  PoolDriver full(Limits(1, 2));
  full.Acquire(1);
  full.Connected('a');
  full.Acquire(2);
  EXPECT_EQ(full.pool().dials_put_off().by_concurrency, 0u);
  EXPECT_EQ(full.pool().dials_put_off().by_backoff, 0u);
}

TEST(HostPoolDial, FailsAllWhoWaitedForAFailedProbe) {
  PoolDriver pool(OneSecondBackoff());
  pool.Acquire(1);
  pool.DialFailed('a');
  pool.Sleep(seconds(1));
  pool.Acquire(2);
  pool.Acquire(3);
  EXPECT_EQ(pool.DialFailed('b'), "fail 2 connection_refused; fail 3 connection_refused");
}

TEST(HostPoolDial, BacksOffLongerAfterEachFailureUpToAMaximum) {
  PoolLimits limits = OneSecondBackoff();
  limits.backoff_max = seconds(6);
  PoolDriver pool(limits);
  const int most[] = {1, 2, 4, 6, 6, 6};
  for (int i = 0; i < 6; ++i) {
    pool.Acquire(static_cast<WaiterId>(i));
    pool.DialFailed(static_cast<char>('a' + i));
    // Up to a quarter is taken off, so that keys do not come back together.
    pool.Sleep(milliseconds(most[i] * 750 - 1));
    EXPECT_TRUE(pool.Now().backing_off) << i;
    pool.Sleep(milliseconds(most[i] * 250 + 1));
    EXPECT_FALSE(pool.Now().backing_off) << i;
  }
}

TEST(HostPoolDial, DoesNotLengthenTheBackoffForDialsThatWereRunning) {
  PoolDriver pool(OneSecondBackoff());
  for (WaiterId id = 1; id <= 10; ++id) pool.Acquire(id);
  for (char name = 'a'; name <= 'j'; ++name) pool.DialFailed(name);
  pool.Sleep(seconds(1));
  EXPECT_EQ(pool.Acquire(11), "dial k");
}

TEST(HostPoolDial, EndsTheBackoffWhenADialSucceeds) {
  PoolDriver pool(OneSecondBackoff());
  pool.Acquire(1);
  pool.Acquire(2);
  pool.DialFailed('a');
  EXPECT_EQ(pool.Acquire(3), "fail 3 connection_refused");
  EXPECT_EQ(pool.Connected('b'), "grant 2 b new");
  EXPECT_EQ(pool.Acquire(4), "dial c");
}

TEST(HostPoolDial, LetsWaitersWaitForOpenConnectionsDuringABackoff) {
  PoolDriver pool(OneSecondBackoff());
  pool.Fill(1);
  pool.Acquire(1);
  pool.Acquire(2);
  EXPECT_EQ(pool.DialFailed('b'), "fail 2 connection_refused");
  EXPECT_EQ(pool.Acquire(3), "");
  EXPECT_EQ(pool.Acquire(4), "");
  EXPECT_EQ(pool.Release('a'), "grant 3 a reused");  // back-off gates dials, never grants
  EXPECT_EQ(pool.SleepTicking(seconds(1)), "dial c");
  EXPECT_EQ(pool.Connected('c'), "grant 4 c new");
}

TEST(HostPoolDial, FailsWaitersWhenTheLastConnectionGoesDuringABackoff) {
  PoolDriver pool(OneSecondBackoff());
  pool.Fill(1);
  pool.Acquire(1);
  pool.Acquire(2);
  pool.DialFailed('b');
  pool.Acquire(3);
  EXPECT_EQ(pool.Closed('a'), "fail 3 connection_refused");
}

TEST(HostPoolDial, FailsThoseWhoDemandFreshConnectionsAtOnceDuringABackoff) {
  PoolDriver pool(OneSecondBackoff());
  pool.Fill(2);
  EXPECT_EQ(pool.AcquireFresh(1), "dial c");
  EXPECT_EQ(pool.DialFailed('c'), "fail 1 connection_refused");
  EXPECT_EQ(pool.AcquireFresh(2), "fail 2 connection_refused");
  EXPECT_EQ(pool.Acquire(3), "grant 3 b reused");
}

TEST(HostPoolDial, ForgetsOldFailuresAndIsThenDisposable) {
  PoolDriver pool(OneSecondBackoff());
  pool.Acquire(1);
  pool.DialFailed('a');
  pool.SleepTicking(seconds(1));
  EXPECT_FALSE(pool.pool().Disposable(pool.now()));  // it knows that the origin was dead
  pool.SleepTicking(seconds(10));
  EXPECT_TRUE(pool.pool().Disposable(pool.now()));
  EXPECT_EQ(pool.pool().NextDeadline(), kNever);
}

TEST(HostPoolDial, LeavesNoTimerInThePastWhenItMayNotDialAfterABackoff) {
  PoolLimits limits = OneSecondBackoff();
  limits.max_connections = 2;
  PoolDriver pool(limits);
  for (WaiterId id = 1; id <= 4; ++id) pool.Acquire(id);
  pool.Connected('a');
  pool.DialFailed('b');
  EXPECT_EQ(pool.SleepTicking(seconds(1)), "dial c");
  pool.Connected('c');
  EXPECT_EQ(pool.SleepTicking(seconds(9)), "");  // at the limit, all leased: nothing to do
  EXPECT_EQ(pool.Now().waiting, 1U);
}

TEST(HostPoolDial, RedialsAfterABackoffEvenWhenAnEventThatChangesNothingMeetsItsEnd) {
  PoolDriver pool(OneSecondBackoff());
  pool.Fill(1);
  pool.Acquire(1);
  pool.Acquire(2);
  pool.DialFailed('b');
  pool.Acquire(3);
  pool.Sleep(seconds(2));
  EXPECT_EQ(pool.DialFailed('b'), "");  // stale
  EXPECT_EQ(pool.Acquire(4, seconds(0)), "fail 4 deadline_exceeded; dial c");
}

TEST(HostPoolDial, ParksTheKeyWhenTheBudgetDeniesADial) {
  PoolDriver pool;
  pool.Acquire(1);
  pool.Acquire(2);
  EXPECT_EQ(pool.Denied('a'), "");
  EXPECT_EQ(pool.Denied('b'), "");
  EXPECT_TRUE(pool.Now().stalled);
  EXPECT_EQ(pool.Now().dials, 0U);
  EXPECT_EQ(pool.Acquire(3), "");
  EXPECT_FALSE(pool.pool().Disposable(pool.now()));
  EXPECT_EQ(pool.Allowed(), "dial c; dial d; dial e");
  EXPECT_FALSE(pool.Now().stalled);
}

TEST(HostPoolDial, ServesWaitersOfAStalledKeyFromReturns) {
  PoolDriver pool;
  pool.Fill(1);
  pool.Acquire(1);
  pool.Acquire(2);
  pool.Denied('b');
  EXPECT_EQ(pool.Release('a'), "grant 2 a reused");
  EXPECT_EQ(pool.Allowed(), "");  // nobody is left to dial for
}

TEST(HostPoolDial, GivesAFreshWaiterOnlyAConnectionThatWasNeverUsed) {
  PoolDriver pool;
  pool.Fill(1);
  EXPECT_EQ(pool.AcquireFresh(1), "dial b");
  EXPECT_EQ(pool.Acquire(2), "grant 2 a reused");  // the fresh one could not take it
  EXPECT_EQ(pool.Release('a'), "");
  EXPECT_EQ(pool.Connected('b'), "grant 1 b new");
}

TEST(HostPoolDial, GivesAFreshWaiterAnIdleOrphan) {
  PoolDriver pool;
  pool.Fill(1);
  pool.Acquire(1);
  pool.Acquire(2);
  pool.Cancel(2);
  pool.Connected('b');
  pool.Release('a');
  EXPECT_EQ(pool.AcquireFresh(3), "grant 3 b new");
}

TEST(HostPoolDial, LetsAnotherOvertakeAFreshWaiterOnlyWithWhatThatCannotTake) {
  PoolDriver pool(Limits(2));
  pool.Fill(1);
  pool.Acquire(1);
  EXPECT_EQ(pool.AcquireFresh(2), "dial b");
  EXPECT_EQ(pool.Acquire(3), "");
  EXPECT_EQ(pool.Connected('b'), "grant 2 b new");  // the longest that may
  EXPECT_EQ(pool.Release('b'), "grant 3 b reused");
}

TEST(HostPoolDial, ServesFreshWaitersInTurnWithTheOthers) {
  PoolDriver pool(Limits(2, 1));
  EXPECT_EQ(pool.Acquire(1), "dial a");
  pool.AcquireFresh(2);
  EXPECT_EQ(pool.Connected('a'), "grant 1 a new; dial b");
  pool.Acquire(3);
  EXPECT_EQ(pool.Connected('b'), "grant 2 b new");
}

TEST(HostPoolDial, GivesUpAnIdleConnectionForAFreshWaiterAtTheLimit) {
  PoolDriver pool(Limits(2));
  pool.Fill(2);
  EXPECT_EQ(pool.AcquireFresh(1), "close a lru; dial c");
  EXPECT_EQ(pool.Connected('c'), "grant 1 c new");
}

TEST(HostPoolDial, TakesADialThatTheShellDroppedAsNeverBegun) {
  PoolDriver pool;
  pool.Acquire(1);
  EXPECT_EQ(pool.Closed('a'), "dial b");
}

}  // namespace
}  // namespace spillway
