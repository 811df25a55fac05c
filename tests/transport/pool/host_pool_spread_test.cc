// HTTP/2: exchanges over several connections, when one more is dialled, and what capacity means.
// Behaviours H1, H3, H4, H5, H22, I9; cases O-138 to O-141, O-149.

#include <gtest/gtest.h>

#include <string>

#include "tests/transport/pool/pool_driver.h"

namespace spillway {
namespace {

PoolLimits Target(std::uint32_t target, std::uint32_t most_connections = 1024) {
  PoolLimits limits = PoolDriver::NoJitter();
  limits.target_streams = target;
  limits.max_connections = most_connections;
  return limits;
}

// Two connections of capacity 100 with one exchange each.
void BringUpTwo(PoolDriver& pool) {
  pool.AcquireFresh(101);
  pool.AcquireFresh(102);
  pool.Connected('a', 100);
  pool.Connected('b', 100);
}

TEST(HostPoolSpread, DialsAheadWhenEveryConnectionCarriesItsTarget) {  // H4
  PoolDriver pool(Target(2));
  pool.Acquire(1);
  EXPECT_EQ(pool.Connected('a', 100), "grant 1 a new");
  EXPECT_EQ(pool.Acquire(2), "grant 2 a reused; dial b");  // at once, and one more on its way
  EXPECT_EQ(pool.Acquire(3), "grant 3 a reused");          // one is enough
  EXPECT_EQ(pool.Connected('b', 100), "");
  EXPECT_EQ(pool.Acquire(4), "grant 4 b new");
  EXPECT_EQ(pool.Acquire(5), "grant 5 b reused; dial c");
}

TEST(HostPoolSpread, DialsNoMoreThanTheLimitAllows) {
  PoolDriver pool(Target(2, 1));
  pool.Acquire(1);
  pool.Connected('a', 3);
  EXPECT_EQ(pool.Acquire(2), "grant 2 a reused");
  EXPECT_EQ(pool.Acquire(3), "grant 3 a reused");
  EXPECT_EQ(pool.Acquire(4), "");
}

TEST(HostPoolSpread, NeverDialsAheadForHttp1) {
  PoolDriver pool(Target(1));
  EXPECT_EQ(pool.Acquire(1), "dial a");
  EXPECT_EQ(pool.Connected('a', 1), "grant 1 a new");
  EXPECT_EQ(pool.Acquire(2), "dial b");
  EXPECT_EQ(pool.Connected('b', 1), "grant 2 b new");
}

TEST(HostPoolSpread, TakesTheLeastLoadedConnection) {  // H1, the better way
  PoolDriver pool(Target(2));
  BringUpTwo(pool);
  EXPECT_EQ(pool.Acquire(3), "grant 3 b reused");  // equal: the one used last
  EXPECT_EQ(pool.Acquire(4), "grant 4 a reused; dial c");
  EXPECT_EQ(pool.Acquire(5), "grant 5 b reused");
  EXPECT_EQ(pool.Acquire(6), "grant 6 a reused");
}

TEST(HostPoolSpread, LetsTheLeastLoadedFallIdleWhenTheOthersSuffice) {
  PoolDriver pool(Target(50));
  BringUpTwo(pool);
  EXPECT_EQ(pool.Acquire(3), "grant 3 a reused");  // b is passed over
  EXPECT_EQ(pool.Acquire(4), "grant 4 a reused");
  EXPECT_EQ(pool.Release('b'), "");
  for (WaiterId id = 5; id < 30; ++id) {
    EXPECT_EQ(pool.Acquire(id), "grant " + std::to_string(id) + " a reused");
  }
  EXPECT_EQ(pool.SleepTicking(seconds(50)), "close b idle_timeout");
  EXPECT_EQ(pool.Now().active, 1U);
}

TEST(HostPoolSpread, WakesAnIdleConnectionBeforeItDials) {
  PoolDriver pool(Target(2));
  BringUpTwo(pool);
  pool.Release('b');
  EXPECT_EQ(pool.Acquire(3), "grant 3 a reused");
  EXPECT_EQ(pool.Acquire(4), "grant 4 b reused");
}

TEST(HostPoolSpread, CapsWhatAPeerAllows) {  // H3
  PoolLimits limits = Target(50, 1);
  limits.max_streams = 2;
  PoolDriver pool(limits);
  for (WaiterId id = 1; id <= 4; ++id) pool.Acquire(id);
  EXPECT_EQ(pool.Connected('a', 1000), "grant 1 a new; grant 2 a reused");
  EXPECT_EQ(pool.Now().stream_limit, 2U);
  limits.max_streams = 3;
  EXPECT_EQ(pool.SetLimits(limits), "grant 3 a reused");  // the peer's word is not forgotten
  EXPECT_EQ(pool.Capacity('a', 2), "");
  EXPECT_EQ(pool.Now().stream_limit, 2U);
}

TEST(HostPoolSpread, DialsOnceForAllWhereTheProtocolIsKnown) {
  PoolDriver pool(PoolDriver::NoJitter(), 100);
  EXPECT_EQ(pool.Acquire(1), "dial a");
  EXPECT_EQ(pool.Acquire(2), "");
  EXPECT_EQ(pool.Connected('a', 100), "grant 1 a new; grant 2 a reused");
}

TEST(HostPoolSpread, ClosesTheSurplusOfAColdStart) {  // H5, D3
  PoolDriver pool;
  for (WaiterId id = 1; id <= 3; ++id) pool.Acquire(id);
  EXPECT_EQ(pool.Connected('a', 100), "grant 1 a new; grant 2 a reused; grant 3 a reused");
  EXPECT_EQ(pool.Connected('b', 100), "close b surplus");
  EXPECT_EQ(pool.Connected('c', 100), "close c surplus");
  EXPECT_EQ(pool.Now().dials_unused, 2U);
}

TEST(HostPoolSpread, KeepsTheSurplusOfAColdStartThatLoadWillWant) {  // H5
  PoolDriver pool(Target(4));
  for (WaiterId id = 1; id <= 3; ++id) pool.Acquire(id);
  EXPECT_EQ(pool.Connected('a', 100), "grant 1 a new; grant 2 a reused; grant 3 a reused");
  EXPECT_EQ(pool.Connected('b', 100), "");  // three of a target of four
  EXPECT_EQ(pool.Connected('c', 100), "close c surplus");
  EXPECT_EQ(pool.Now().idle, 1U);
}

TEST(HostPoolSpread, KeepsTheSurplusOfHttp1) {
  PoolDriver pool;
  pool.Acquire(1);
  pool.Acquire(2);
  pool.Cancel(2);
  pool.Connected('a', 1);
  EXPECT_EQ(pool.Connected('b', 1), "");
}

TEST(HostPoolSpread, WaitsWithoutDialsWhileThePeerAllowsNothing) {  // O-138
  PoolDriver pool;
  EXPECT_EQ(pool.Acquire(1, seconds(5)), "dial a");
  EXPECT_EQ(pool.Connected('a', 0), "");
  EXPECT_EQ(pool.Acquire(2, seconds(7)), "");
  EXPECT_EQ(pool.SleepTicking(seconds(6)), "fail 1 deadline_exceeded");
  EXPECT_EQ(pool.SleepTicking(seconds(6)), "fail 2 deadline_exceeded");
  EXPECT_EQ(pool.Now().dials, 1U);
}

TEST(HostPoolSpread, ServesTheQueueOnceThePeerAllowsMore) {  // O-140
  PoolDriver pool;
  pool.Acquire(1);
  pool.Connected('a', 0);
  pool.Acquire(2);
  EXPECT_EQ(pool.Capacity('a', 100), "grant 1 a new; grant 2 a reused");
}

TEST(HostPoolSpread, LetsRunningExchangesFinishWhenCapacityShrinks) {  // O-139
  PoolDriver pool(Target(1000, 1));
  pool.Acquire(1);
  pool.Connected('a', 100);
  for (WaiterId id = 2; id <= 50; ++id) pool.Acquire(id);
  EXPECT_EQ(pool.Capacity('a', 1), "");
  EXPECT_EQ(pool.Acquire(51), "");
  for (int left = 50; left > 1; --left) EXPECT_EQ(pool.Release('a'), "");
  EXPECT_EQ(pool.Release('a'), "grant 51 a reused");
}

TEST(HostPoolSpread, OpensMoreConnectionsWherePeersAllowOneExchange) {  // O-141
  PoolDriver pool(Target(50, 3));
  EXPECT_EQ(pool.Acquire(1), "dial a");
  pool.Connected('a', 1);
  EXPECT_EQ(pool.Acquire(2), "dial b");
  EXPECT_EQ(pool.Acquire(3), "dial c");
  EXPECT_EQ(pool.Acquire(4), "");
}

TEST(HostPoolSpread, CountsNoSharedConnectionAgainstMaxIdle) {  // I9, H22
  PoolLimits limits = PoolDriver::NoJitter();
  limits.max_idle = 1;
  PoolDriver pool(limits);
  BringUpTwo(pool);
  pool.AcquireFresh(103);
  pool.AcquireFresh(104);
  pool.Connected('c', 1);
  pool.Connected('d', 1);
  EXPECT_EQ(pool.Release('a') + pool.Release('b') + pool.Release('c'), "");
  EXPECT_EQ(pool.Release('d'), "close d lru");
  EXPECT_EQ(pool.Now().idle, 3U);
  limits.max_idle = 0;
  EXPECT_EQ(pool.SetLimits(limits), "close c lru");
}

// Every connection ends by GOAWAY before it has served anybody.
TEST(HostPoolSpread, BacksOffFromAnOriginThatSendsEveryoneAway) {  // O-149
  PoolDriver pool;
  EXPECT_EQ(pool.Acquire(1), "dial a");
  for (char name = 'a'; name < 'c'; ++name) {
    pool.Connected(name, 100);
    pool.GoAway(name);
    EXPECT_EQ(pool.Release(name, {.reusable = false, .why_not = CloseReason::kGoAway}),
              std::string("close ") + name + " goaway");
    EXPECT_NE(pool.Acquire(2), "");  // an origin that restarts does so once or twice
  }
  pool.Connected('c', 100);
  pool.GoAway('c');
  EXPECT_TRUE(pool.Now().backing_off);
  EXPECT_EQ(pool.Acquire(3), "fail 3 connection_terminated");
  EXPECT_EQ(pool.why().delivery, Delivery::kNotSent);
  pool.Release('c', {.reusable = false, .why_not = CloseReason::kGoAway});
  pool.Sleep(milliseconds(100));
  EXPECT_EQ(pool.Acquire(4), "dial d");
  EXPECT_EQ(pool.Connected('d', 100), "grant 4 d new");
  pool.GoAway('d');
  pool.Sleep(milliseconds(101));
  EXPECT_EQ(pool.Acquire(5), "fail 5 connection_terminated");  // longer each time
  pool.Sleep(milliseconds(100));
  EXPECT_EQ(pool.Acquire(6), "dial e");
  EXPECT_EQ(pool.Connected('e', 100), "grant 6 e new");
  pool.Release('e');  // served: all is forgotten
  EXPECT_EQ(pool.GoAway('e'), "close e goaway");
  EXPECT_EQ(pool.Acquire(7), "dial f");
}

TEST(HostPoolSpread, BacksOffFromAnOriginThatAllowsNothingAndHangsUp) {  // O-138
  PoolDriver pool;
  EXPECT_EQ(pool.Acquire(1), "dial a");
  pool.Connected('a', 0);
  EXPECT_EQ(pool.Closed('a'), "dial b");
  pool.Connected('b', 0);
  EXPECT_EQ(pool.Closed('b'), "dial c");
  pool.Connected('c', 0);
  EXPECT_EQ(pool.Closed('c'), "fail 1 connection_terminated");
}

}  // namespace
}  // namespace spillway
