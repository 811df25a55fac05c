// Connections that carry several exchanges at once (HTTP/2). Behaviours D3, I3, I4, L4, O3.

#include <gtest/gtest.h>

#include <string>

#include "tests/transport/pool/pool_driver.h"

namespace spillway {
namespace {

PoolLimits OneConnection() {
  PoolLimits limits = PoolDriver::NoJitter();
  limits.max_connections = 1;
  return limits;
}

TEST(HostPoolStream, ServesAllWaitersFromOneConnection) {  // D3
  PoolDriver pool;
  for (WaiterId id = 1; id <= 3; ++id) pool.Acquire(id);
  EXPECT_EQ(pool.Connected('a', 100), "grant 1 a new; grant 2 a reused; grant 3 a reused");
  EXPECT_EQ(pool.Acquire(4), "grant 4 a reused");
  EXPECT_EQ(pool.Now().streams, 4U);
  EXPECT_EQ(pool.Now().active, 1U);
  EXPECT_EQ(pool.Now().grants_new, 1U);
  EXPECT_EQ(pool.Now().grants_stream, 3U);
}

TEST(HostPoolStream, DialsOnceWhenItKnowsTheCapacity) {
  PoolDriver pool;
  pool.Acquire(1);
  pool.Connected('a', 2);
  pool.Closed('a');
  EXPECT_EQ(pool.Acquire(2), "dial b");
  EXPECT_EQ(pool.Acquire(3), "");
  EXPECT_EQ(pool.Acquire(4), "dial c");
  EXPECT_EQ(pool.Connected('b', 2), "grant 2 b new; grant 3 b reused");
}

TEST(HostPoolStream, FailsAllWhomOneDialWasToServe) {  // decision 2
  PoolDriver pool;
  pool.Acquire(1);
  pool.Connected('a', 2);
  pool.Closed('a');
  EXPECT_EQ(pool.Acquire(2), "dial b");
  EXPECT_EQ(pool.AcquireFresh(3), "dial c");
  EXPECT_EQ(pool.Acquire(4), "");
  EXPECT_EQ(pool.Acquire(5), "dial d");
  EXPECT_EQ(pool.DialFailed('b'), "fail 2 connection_refused; fail 4 connection_refused");
  EXPECT_EQ(pool.DialFailed('c'), "fail 3 connection_refused");
  EXPECT_EQ(pool.Connected('d', 2), "grant 5 d new");
}

TEST(HostPoolStream, PrefersABusyConnectionWithRoomToAnIdleOne) {
  PoolDriver pool;
  pool.Acquire(1);
  pool.Acquire(2);
  pool.Connected('a', 1);
  pool.Connected('b', 1);
  pool.Capacity('b', 2);
  pool.Release('a');
  EXPECT_EQ(pool.Acquire(3), "grant 3 b reused");
  EXPECT_EQ(pool.Acquire(4), "grant 4 a reused");
}

TEST(HostPoolStream, GrantsNothingPastCapacity) {
  PoolDriver pool(OneConnection());
  for (WaiterId id = 1; id <= 4; ++id) pool.Acquire(id);
  EXPECT_EQ(pool.Connected('a', 2), "grant 1 a new; grant 2 a reused");
  EXPECT_EQ(pool.Capacity('a', 3), "grant 3 a reused");
  EXPECT_EQ(pool.Capacity('a', 1), "");  // three run on
  EXPECT_EQ(pool.Release('a'), "");
  EXPECT_EQ(pool.Release('a'), "");
  EXPECT_EQ(pool.Release('a'), "grant 4 a reused");
}

TEST(HostPoolStream, WaitsWhenAnIdleConnectionMayCarryNothing) {
  PoolDriver pool(OneConnection());
  pool.Acquire(1);
  pool.Connected('a', 1);
  pool.Release('a');
  EXPECT_EQ(pool.Capacity('a', 0), "");
  EXPECT_EQ(pool.Now().idle, 1U);
  pool.Sleep(seconds(1));
  EXPECT_EQ(pool.Acquire(2), "");
  EXPECT_EQ(pool.Capacity('a', 1), "grant 2 a reused");
  EXPECT_EQ(pool.idle_time(), seconds(1));
}

TEST(HostPoolStream, NeverGrantsABarredConnectionWhoseIdleTimeRanOut) {  // I2
  PoolDriver pool(OneConnection());
  pool.Acquire(1);
  pool.Connected('a', 1);
  pool.Release('a');
  pool.Capacity('a', 0);
  pool.Acquire(2);
  pool.Sleep(seconds(50));
  EXPECT_EQ(pool.Capacity('a', 1), "close a idle_timeout; dial b");
}

TEST(HostPoolStream, IsIdleOnlyWithoutExchanges) {  // O3
  PoolDriver pool;
  pool.Acquire(1);
  pool.Connected('a', 10);
  pool.Acquire(2);
  pool.Release('a');
  EXPECT_EQ(pool.SleepTicking(minutes(2)), "");
  pool.Release('a');
  EXPECT_EQ(pool.SleepTicking(seconds(50)), "close a idle_timeout");
}

TEST(HostPoolStream, TakesNoNewExchangesAfterGoAway) {
  PoolDriver pool;
  pool.Acquire(1);
  pool.Connected('a', 10);
  pool.Acquire(2);
  EXPECT_EQ(pool.GoAway('a'), "");
  EXPECT_EQ(pool.Now().draining, 1U);
  EXPECT_EQ(pool.Acquire(3), "dial b");
  EXPECT_EQ(pool.Release('a'), "");
  EXPECT_EQ(pool.Release('a'), "close a goaway");
}

TEST(HostPoolStream, ClosesAnIdleConnectionAtGoAway) {
  PoolDriver pool;
  pool.Fill(1);
  EXPECT_EQ(pool.GoAway('a'), "close a goaway");
}

TEST(HostPoolStream, LetsOtherExchangesFinishWhenOneSpoiltTheConnection) {
  PoolDriver pool;
  pool.Acquire(1);
  pool.Connected('a', 10);
  pool.Acquire(2);
  EXPECT_EQ(pool.Release('a', {.reusable = false, .why_not = CloseReason::kError}), "");
  EXPECT_EQ(pool.Acquire(3), "dial b");
  EXPECT_EQ(pool.Release('a'), "close a error");
}

TEST(HostPoolStream, CountsUsesWhileExchangesRun) {
  PoolLimits limits = PoolDriver::NoJitter();
  limits.max_uses = 3;
  PoolDriver pool(limits);
  pool.Acquire(1);
  pool.Connected('a', 100);
  pool.Acquire(2);
  EXPECT_EQ(pool.Acquire(3), "grant 3 a reused");
  EXPECT_EQ(pool.Acquire(4), "dial b");
  EXPECT_EQ(pool.ReleaseUnused('a'), "grant 4 a reused");  // that use did not count
  EXPECT_EQ(pool.Release('a'), "");
  EXPECT_EQ(pool.Release('a'), "");
  EXPECT_EQ(pool.Release('a'), "close a max_uses");
}

TEST(HostPoolStream, RetiresABusyConnectionOfAge) {
  PoolLimits limits = PoolDriver::NoJitter();
  limits.max_age = seconds(30);
  PoolDriver pool(limits);
  pool.Acquire(1);
  pool.Connected('a', 100);
  pool.Sleep(seconds(30));
  EXPECT_EQ(pool.Acquire(2), "dial b");
  EXPECT_EQ(pool.Now().draining, 1U);
  EXPECT_EQ(pool.Release('a'), "close a max_age");
}

TEST(HostPoolStream, GivesEachFreshWaiterAConnectionOfItsOwn) {
  PoolDriver pool;
  pool.Acquire(1);
  pool.Connected('a', 100);
  EXPECT_EQ(pool.AcquireFresh(2), "dial b");
  EXPECT_EQ(pool.AcquireFresh(3), "dial c");
  EXPECT_EQ(pool.Connected('b', 100), "grant 2 b new");
  EXPECT_EQ(pool.Connected('c', 100), "grant 3 c new");
}

}  // namespace
}  // namespace spillway
