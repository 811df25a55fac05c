// What the operator and the process do to a pool: flush, close idle, drain, evict, new limits.
// Behaviour I8.

#include <gtest/gtest.h>

#include <string>

#include "tests/transport/pool/pool_driver.h"

namespace spillway {
namespace {

TEST(HostPoolControl, FlushesTheIdleNowAndTheLeasedWhenTheyReturn) {
  PoolDriver pool;
  pool.Fill(2);
  pool.Acquire(1);
  EXPECT_EQ(pool.Flush(), "close a flushed");
  EXPECT_EQ(pool.Acquire(2), "dial c");
  EXPECT_EQ(pool.Release('b'), "close b flushed");
  EXPECT_EQ(pool.Connected('c'), "grant 2 c new");
  EXPECT_EQ(pool.Release('c'), "");  // younger than the flush
}

TEST(HostPoolControl, DialsAnewForThoseWhoWaitForAFlushedDial) {
  PoolDriver pool;
  pool.Acquire(1);
  EXPECT_EQ(pool.Flush(), "dial b");
  EXPECT_EQ(pool.Connected('a'), "close a flushed");
  EXPECT_EQ(pool.Connected('b'), "grant 1 b new");
  EXPECT_EQ(pool.Now().dials_unused, 1U);
}

TEST(HostPoolControl, ClosesWhatIsIdleAndNothingElse) {  // I8
  PoolDriver pool;
  pool.Fill(3);
  pool.Acquire(1);
  EXPECT_EQ(pool.CloseIdle(), "close a flushed; close b flushed");
  EXPECT_EQ(pool.Release('c'), "");
  EXPECT_EQ(pool.Acquire(2), "grant 2 c reused");
}

TEST(HostPoolControl, DrainsToNothing) {
  PoolLimits limits = PoolDriver::NoJitter();
  limits.max_connections = 3;
  PoolDriver pool(limits);
  pool.Fill(2);
  pool.Acquire(1);
  pool.Acquire(2);
  pool.Acquire(3);
  pool.Acquire(4);
  pool.Release('a');  // to 3
  pool.Release('a');  // to 4
  pool.Release('a');
  EXPECT_EQ(pool.AcquireFresh(5), "");
  EXPECT_EQ(pool.Drain(), "fail 5 draining; close a drain");
  EXPECT_EQ(pool.Acquire(6), "fail 6 draining");
  EXPECT_EQ(pool.Release('b'), "close b drain");
  EXPECT_EQ(pool.Connected('c'), "close c drain");
  EXPECT_EQ(pool.pool().NextDeadline(), kNever);
  EXPECT_TRUE(pool.pool().Disposable(pool.now()));
}

TEST(HostPoolControl, LeavesNothingPendingWhenADialFailsDuringADrain) {
  PoolDriver pool;
  pool.Acquire(1);
  EXPECT_EQ(pool.Drain(), "fail 1 draining");
  EXPECT_EQ(pool.DialFailed('a'), "");
  EXPECT_EQ(pool.pool().NextDeadline(), kNever);
  EXPECT_TRUE(pool.pool().Disposable(pool.now()));
}

TEST(HostPoolControl, IsNotStalledByADenialDuringADrain) {
  PoolDriver pool;
  pool.Acquire(1);
  pool.Drain();
  EXPECT_EQ(pool.Denied('a'), "");
  EXPECT_FALSE(pool.Now().stalled);
}

TEST(HostPoolControl, GivesUpTheLongestIdle) {
  PoolDriver pool;
  pool.Fill(3);
  EXPECT_EQ(pool.Evict(), "close a lru");
  pool.Acquire(1);
  EXPECT_EQ(pool.Evict(), "close b lru");
  EXPECT_EQ(pool.Evict(), "none idle");
}

TEST(HostPoolControl, TellsSinceWhenTheLongestLiesIdle) {
  PoolDriver pool;
  EXPECT_EQ(pool.Now().oldest_idle_since, kNever);
  const Instant since = pool.now();
  pool.Fill(2);
  pool.Sleep(seconds(5));
  pool.Acquire(1);
  pool.Release('b');
  EXPECT_EQ(pool.Now().oldest_idle_since, since);
}

TEST(HostPoolControl, ClosesTheOldestIdleAboveANewIdleLimit) {
  PoolDriver pool;
  pool.Fill(4);
  PoolLimits limits = PoolDriver::NoJitter();
  limits.max_idle = 2;
  EXPECT_EQ(pool.SetLimits(limits), "close a lru; close b lru");
}

TEST(HostPoolControl, ShrinksToANewConnectionLimitAsConnectionsReturn) {
  PoolDriver pool;
  pool.Fill(4);
  for (WaiterId id = 1; id <= 3; ++id) pool.Acquire(id);  // d, c, b
  PoolLimits limits = PoolDriver::NoJitter();
  limits.max_connections = 2;
  EXPECT_EQ(pool.SetLimits(limits), "close a lru");
  EXPECT_EQ(pool.Acquire(4), "");
  EXPECT_EQ(pool.Release('d'), "close d lru");
  EXPECT_EQ(pool.Release('c'), "grant 4 c reused");
}

TEST(HostPoolControl, ClosesANewConnectionAboveAShrunkLimit) {
  PoolDriver pool;
  pool.Acquire(1);
  pool.Acquire(2);
  PoolLimits limits = PoolDriver::NoJitter();
  limits.max_connections = 1;
  pool.SetLimits(limits);
  EXPECT_EQ(pool.Connected('a'), "close a lru");
  EXPECT_EQ(pool.Connected('b'), "grant 1 b new");
}

TEST(HostPoolControl, DialsWhenALimitGrows) {
  PoolLimits limits = PoolDriver::NoJitter();
  limits.max_connections = 1;
  PoolDriver pool(limits);
  for (WaiterId id = 1; id <= 3; ++id) pool.Acquire(id);
  limits.max_connections = 2;
  EXPECT_EQ(pool.SetLimits(limits), "dial b");
}

TEST(HostPoolControl, AppliesNewTimeLimitsToWhatIsIdleAlready) {
  PoolDriver pool;
  pool.Fill(2);
  pool.Sleep(seconds(10));
  pool.Acquire(1);
  pool.Release('b');
  PoolLimits limits = PoolDriver::NoJitter();
  limits.idle_timeout = seconds(10);
  EXPECT_EQ(pool.SetLimits(limits), "close a idle_timeout");
  EXPECT_EQ(pool.SleepTicking(seconds(10)), "close b idle_timeout");
}

TEST(HostPoolControl, AppliesANewAgeLimit) {
  PoolDriver pool;
  pool.Fill(2);
  pool.Acquire(1);
  pool.Sleep(seconds(10));
  PoolLimits limits = PoolDriver::NoJitter();
  limits.max_age = seconds(10);
  EXPECT_EQ(pool.SetLimits(limits), "close a max_age");
  EXPECT_EQ(pool.Release('b'), "close b max_age");
}

TEST(HostPoolControl, AppliesANewLimitOfUses) {
  PoolDriver pool;
  pool.Fill(1);
  pool.Acquire(1);
  pool.Release('a');
  PoolLimits limits = PoolDriver::NoJitter();
  limits.max_uses = 2;
  EXPECT_EQ(pool.SetLimits(limits), "close a max_uses");
}

TEST(HostPoolControl, ServesWaitersWhenALimitOfUsesIsLifted) {
  PoolLimits limits = PoolDriver::NoJitter();
  limits.max_connections = 1;
  limits.max_uses = 1;
  PoolDriver pool(limits);
  pool.Acquire(1);
  pool.Connected('a', 10);
  EXPECT_EQ(pool.Acquire(2), "");
  limits.max_uses = 0;
  EXPECT_EQ(pool.SetLimits(limits), "grant 2 a reused");
}

TEST(HostPoolControl, PrintsHowThingsStand) {
  PoolDriver pool;
  pool.Fill(2);
  pool.Acquire(1);
  EXPECT_EQ(
      pool.Now().Text(),
      "idle 1, active 1, connecting 0, draining 0, waiting 0, streams 1 of 2; grants idle 1, new "
      "2, coalesced 0, stream 0; dials 2, failed 0, unused 0");
}

}  // namespace
}  // namespace spillway
