// Idle connections: which is taken, which is kept, which ends, and why. Behaviours I1 to I5, I8,
// O1, O2; cases O-120, O-121.

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tests/transport/pool/pool_driver.h"

namespace spillway {
namespace {

ReleaseVerdict Hint(Duration hint) { return {.reusable = true, .idle_hint = hint}; }

TEST(HostPoolReuse, GivesTheNewestIdleConnectionFirst) {  // I1, I3
  PoolDriver pool;
  pool.Fill(3);
  pool.Sleep(seconds(2));
  EXPECT_EQ(pool.Acquire(1), "grant 1 c reused");
  EXPECT_EQ(pool.idle_time(), seconds(2));
  EXPECT_EQ(pool.Acquire(2), "grant 2 b reused");
  EXPECT_EQ(pool.Release('c'), "");
  EXPECT_EQ(pool.Acquire(3), "grant 3 c reused");
  EXPECT_EQ(pool.Acquire(4), "grant 4 a reused");
  EXPECT_EQ(pool.Now().grants_idle, 4U);
}

TEST(HostPoolReuse, SkipsAndClosesWhatIsTooOldWithoutATimer) {  // I1, I2
  PoolLimits limits = PoolDriver::NoJitter();
  limits.idle_timeout = seconds(50);
  PoolDriver pool(limits);
  pool.Fill(2);
  pool.Sleep(seconds(50));
  EXPECT_EQ(pool.Acquire(1), "close b idle_timeout; close a idle_timeout; dial c");
}

TEST(HostPoolReuse, KeepsAConnectionUntilJustBeforeItsIdleTimeout) {  // O1
  PoolDriver pool;
  pool.Fill(1);
  EXPECT_EQ(pool.SleepTicking(seconds(50) - Duration(1)), "");
  EXPECT_EQ(pool.SleepTicking(Duration(1)), "close a idle_timeout");
  EXPECT_EQ(pool.pool().NextDeadline(), kNever);
  EXPECT_TRUE(pool.pool().Disposable(pool.now()));
}

TEST(HostPoolReuse, CountsIdleTimeFromEachReturn) {  // O1
  PoolDriver pool;
  pool.Fill(1);
  pool.SleepTicking(seconds(40));
  pool.Acquire(1);
  pool.SleepTicking(seconds(30));
  pool.Release('a');
  EXPECT_EQ(pool.SleepTicking(seconds(49)), "");
  EXPECT_EQ(pool.SleepTicking(seconds(1)), "close a idle_timeout");
}

TEST(HostPoolReuse, NeverClosesALeasedConnectionForBeingIdle) {  // O1, O3
  PoolDriver pool;
  pool.Fill(1);
  pool.Acquire(1);
  EXPECT_EQ(pool.SleepTicking(minutes(5)), "");
  EXPECT_EQ(pool.Now().active, 1U);
}

TEST(HostPoolReuse, DialsForARequestThatMeetsTheIdleClose) {  // O2, O-120
  PoolDriver pool;
  pool.Fill(1);
  pool.Sleep(seconds(50));
  EXPECT_EQ(pool.Tick(), "close a idle_timeout");
  EXPECT_EQ(pool.Acquire(1), "dial b");
  EXPECT_EQ(pool.Connected('b'), "grant 1 b new");
}

TEST(HostPoolReuse, ExpiresTheOldestFirst) {
  PoolDriver pool;
  pool.Fill(2);
  pool.Acquire(1);  // b
  pool.Sleep(seconds(10));
  pool.Release('b');
  EXPECT_EQ(pool.SleepTicking(seconds(40)), "close a idle_timeout");
  EXPECT_EQ(pool.SleepTicking(seconds(10)), "close b idle_timeout");
}

TEST(HostPoolReuse, ClosesTheReturningOneAtTheIdleLimit) {  // I5
  PoolLimits limits = PoolDriver::NoJitter();
  limits.max_idle = 2;
  PoolDriver pool(limits);
  for (WaiterId id = 1; id <= 3; ++id) pool.Acquire(id);
  for (const char name : {'a', 'b', 'c'}) pool.Connected(name);
  EXPECT_EQ(pool.Release('a'), "");
  EXPECT_EQ(pool.Release('b'), "");
  EXPECT_EQ(pool.Release('c'), "close c lru");
  EXPECT_EQ(pool.Acquire(4), "grant 4 b reused");
}

TEST(HostPoolReuse, KeepsNothingWhenNothingMayIdle) {  // I7
  PoolLimits limits = PoolDriver::NoJitter();
  limits.max_idle = 0;
  PoolDriver pool(limits);
  pool.Acquire(1);
  EXPECT_EQ(pool.Connected('a'), "grant 1 a new");
  EXPECT_EQ(pool.Release('a'), "close a lru");
}

TEST(HostPoolReuse, ServesAWaiterBeforeLookingAtIdleLimits) {  // I4
  PoolLimits limits = PoolDriver::NoJitter();
  limits.max_idle = 0;
  limits.max_connections = 1;
  PoolDriver pool(limits);
  pool.Acquire(1);
  pool.Connected('a');
  EXPECT_EQ(pool.Acquire(2), "");
  EXPECT_EQ(pool.Release('a'), "grant 2 a reused");
  EXPECT_EQ(pool.Now().grants_coalesced, 1U);
  EXPECT_EQ(pool.Release('a'), "close a lru");
}

TEST(HostPoolReuse, EndsIdleTimeAMarginBeforeTheOriginDoes) {
  PoolDriver pool;
  pool.Acquire(1);
  pool.Connected('a');
  EXPECT_EQ(pool.Release('a', Hint(seconds(5))), "");
  EXPECT_EQ(pool.Now().learned_idle_timeout, seconds(5));
  EXPECT_EQ(pool.SleepTicking(seconds(4) - Duration(1)), "");
  EXPECT_EQ(pool.SleepTicking(Duration(1)), "close a learned_idle");
}

TEST(HostPoolReuse, HonoursAHintThatComesAfterAnEarlierTimerWasSet) {
  PoolDriver pool;
  pool.Fill(1);
  pool.Acquire(1);
  pool.Release('a', Hint(seconds(3)));
  EXPECT_EQ(pool.SleepTicking(seconds(2)), "close a learned_idle");
}

TEST(HostPoolReuse, PrefersItsOwnIdleTimeoutToALongerHint) {
  PoolDriver pool;
  pool.Acquire(1);
  pool.Connected('a');
  pool.Release('a', Hint(hours(1)));
  EXPECT_EQ(pool.SleepTicking(seconds(50)), "close a idle_timeout");
}

TEST(HostPoolReuse, ClosesAtOnceWhenAHintLeavesNothing) {
  PoolDriver pool;
  pool.Acquire(1);
  pool.Connected('a');
  EXPECT_EQ(pool.Release('a', Hint(seconds(1))), "close a learned_idle");
}

TEST(HostPoolReuse, LetsAWaiterHaveAConnectionWithAShortHintButNotWithNone) {  // I4
  PoolLimits limits = PoolDriver::NoJitter();
  limits.max_connections = 1;
  PoolDriver pool(limits);
  pool.Acquire(1);
  pool.Connected('a');
  for (WaiterId id = 2; id <= 3; ++id) pool.Acquire(id);
  EXPECT_EQ(pool.Release('a', Hint(seconds(1))), "grant 2 a reused");
  EXPECT_EQ(pool.Release('a', Hint(seconds(0))), "close a learned_idle; dial b");
}

TEST(HostPoolReuse, EndsAConnectionAtItsAgeWhileIdle) {
  PoolLimits limits = PoolDriver::NoJitter();
  limits.max_age = seconds(30);
  PoolDriver pool(limits);
  pool.Fill(1);
  EXPECT_EQ(pool.SleepTicking(seconds(30)), "close a max_age");
}

TEST(HostPoolReuse, ChecksAgeAtAcquireAndAtRelease) {
  PoolLimits limits = PoolDriver::NoJitter();
  limits.max_age = seconds(30);
  PoolDriver pool(limits);
  pool.Fill(2);
  EXPECT_EQ(pool.Acquire(1), "grant 1 b reused");
  pool.Sleep(seconds(30));
  EXPECT_EQ(pool.Acquire(2), "close a max_age; dial c");
  EXPECT_EQ(pool.Release('b'), "close b max_age");
}

TEST(HostPoolReuse, UsesAConnectionOnceWhenItMayNotAgeAtAll) {
  PoolLimits limits = PoolDriver::NoJitter();
  limits.max_age = Duration::zero();
  PoolDriver pool(limits);
  pool.Acquire(1);
  pool.Acquire(2);
  EXPECT_EQ(pool.Connected('a'), "grant 1 a new");
  pool.Cancel(2);
  EXPECT_EQ(pool.Connected('b'), "close b max_age");
  EXPECT_EQ(pool.Release('a'), "close a max_age");
}

TEST(HostPoolReuse, ShortensEachAgeByItsOwnJitter) {
  PoolLimits limits;
  limits.max_age = seconds(40);
  limits.max_age_jitter = 0.5;
  PoolDriver pool(limits);
  pool.Fill(8);
  EXPECT_EQ(pool.SleepTicking(seconds(20) - Duration(1)), "");
  std::set<Instant> ends;
  while (pool.Now().idle > 0) {
    const Instant next = pool.pool().NextDeadline();
    EXPECT_LE(next, pool.now() + seconds(20) + Duration(1));
    if (!pool.SleepTicking(next - pool.now()).empty()) ends.insert(pool.now());
  }
  EXPECT_EQ(ends.size(), 8U);
}

TEST(HostPoolReuse, EndsAConnectionAtItsLastUse) {
  PoolLimits limits = PoolDriver::NoJitter();
  limits.max_uses = 2;
  PoolDriver pool(limits);
  pool.Fill(1);
  EXPECT_EQ(pool.Acquire(1), "grant 1 a reused");
  EXPECT_EQ(pool.Acquire(2), "dial b");
  EXPECT_EQ(pool.Release('a'), "close a max_uses");
}

TEST(HostPoolReuse, TellsWhyAConnectionThatCannotBeReusedEnds) {
  PoolDriver pool;
  pool.Acquire(1);
  pool.Connected('a');
  EXPECT_EQ(pool.Release('a', {.reusable = false, .why_not = CloseReason::kOriginClose}),
            "close a origin_close");
}

TEST(HostPoolReuse, GivesBackAnUnusedGrantAsItWas) {
  PoolLimits limits = PoolDriver::NoJitter();
  limits.max_uses = 2;
  PoolDriver pool(limits);
  pool.Fill(2);
  pool.Sleep(seconds(30));
  EXPECT_EQ(pool.Acquire(1), "grant 1 b reused");
  EXPECT_EQ(pool.Acquire(2), "grant 2 a reused");
  EXPECT_EQ(pool.ReleaseUnused('b'), "");  // the use does not count: not closed for max_uses
  EXPECT_EQ(pool.ReleaseUnused('a'), "");
  EXPECT_EQ(pool.Acquire(3), "grant 3 b reused");
  EXPECT_EQ(pool.idle_time(), seconds(30));  // nothing was sent meanwhile
  EXPECT_EQ(pool.ReleaseUnused('b'), "");
  EXPECT_EQ(pool.SleepTicking(seconds(20)), "close a idle_timeout; close b idle_timeout");
}

TEST(HostPoolReuse, ClosesAnUnusedGrantWhoseIdleTimeRanOut) {
  PoolDriver pool;
  pool.Fill(1);
  pool.Acquire(1);
  pool.Sleep(seconds(50));
  EXPECT_EQ(pool.ReleaseUnused('a'), "close a idle_timeout");
}

TEST(HostPoolReuse, ForgetsAConnectionThatThePeerClosed) {  // I11, D9
  PoolDriver pool;
  pool.Fill(2);
  EXPECT_EQ(pool.Closed('b'), "");
  EXPECT_EQ(pool.Acquire(1), "grant 1 a reused");
  EXPECT_EQ(pool.Closed('a'), "");  // while leased
  EXPECT_EQ(pool.Release('a'), "");
  EXPECT_EQ(pool.Acquire(2), "dial c");
}

TEST(HostPoolReuse, IgnoresHandlesOfForgottenConnections) {  // O-121
  PoolDriver pool;
  pool.Fill(1);
  const ConnId old = pool.Id('a');
  pool.Closed('a');
  pool.Acquire(1);
  pool.Connected('b');
  ASSERT_EQ(pool.Id('b').slot, old.slot);  // the slot lives again
  const std::string before = pool.Now().Text();
  EXPECT_EQ(pool.Release('a'), "");
  EXPECT_EQ(pool.ReleaseUnused('a'), "");
  EXPECT_EQ(pool.Closed('a'), "");
  EXPECT_EQ(pool.GoAway('a'), "");
  EXPECT_EQ(pool.Capacity('a', 9), "");
  EXPECT_EQ(pool.Connected('a'), "");
  EXPECT_EQ(pool.DialFailed('a'), "");
  EXPECT_EQ(pool.Denied('a'), "");
  EXPECT_EQ(pool.Now().Text(), before);
}

TEST(HostPoolReuse, NamesNothingByADefaultHandle) {
  PoolDriver pool;
  pool.Fill(1);
  Actions actions;
  pool.pool().OnClosed(ConnId{}, pool.now(), actions);
  EXPECT_EQ(pool.Now().idle, 1U);
}

TEST(HostPoolReuseDeathTest, AbortsWhenALeaseIsReturnedTwice) {  // I10
  PoolDriver pool;
  pool.Fill(1);
  EXPECT_DEATH(pool.Release('a'), "released more often than granted");
  EXPECT_DEATH(pool.ReleaseUnused('a'), "released more often than granted");
}

TEST(HostPoolReuse, NeverLetsTimeRunBackwards) {
  PoolDriver pool;
  pool.Fill(1);
  Actions actions;
  pool.pool().Acquire({.waiter = 1}, pool.now() - seconds(1), actions);
  ASSERT_EQ(actions.size(), 1U);
  EXPECT_EQ(std::get<GrantAction>(actions[0]).idle_time, Duration::zero());
}

}  // namespace
}  // namespace spillway
