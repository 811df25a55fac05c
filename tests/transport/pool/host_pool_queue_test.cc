// The queue: its limits, deadlines, cancellation and accounts. Behaviours D6, D7, L2, L7.

#include <gtest/gtest.h>

#include <string>

#include "tests/transport/pool/pool_driver.h"

namespace spillway {
namespace {

// One connection, leased to waiter 1: everybody else waits.
class HostPoolQueue : public testing::Test {
 protected:
  static PoolLimits Limits() {
    PoolLimits limits = PoolDriver::NoJitter();
    limits.max_connections = 1;
    limits.max_waiters = 3;
    limits.queue_timeout = seconds(10);
    return limits;
  }
  void SetUp() override {
    pool_.Acquire(1);
    pool_.Connected('a');
  }
  PoolDriver pool_{Limits()};
};

TEST_F(HostPoolQueue, ServesFirstComeFirst) {  // L2
  for (WaiterId id = 2; id <= 4; ++id) EXPECT_EQ(pool_.Acquire(id), "");
  EXPECT_EQ(pool_.Release('a'), "grant 2 a reused");
  EXPECT_EQ(pool_.Release('a'), "grant 3 a reused");
  EXPECT_EQ(pool_.Release('a'), "grant 4 a reused");
  EXPECT_EQ(pool_.Now().grants_coalesced, 3U);
}

TEST_F(HostPoolQueue, RefusesAtItsLength) {
  for (WaiterId id = 2; id <= 4; ++id) EXPECT_EQ(pool_.Acquire(id), "");
  EXPECT_EQ(pool_.Acquire(5), "fail 5 pool_queue_full");
  EXPECT_EQ(pool_.why().source, Source::kPool);
  EXPECT_EQ(pool_.why().phase, Phase::kQueue);
  EXPECT_EQ(pool_.why().delivery, Delivery::kNotSent);
  pool_.Cancel(3);
  EXPECT_EQ(pool_.Acquire(6), "");
}

TEST_F(HostPoolQueue, CountsNoWaiterWhoseTimeHasPassedAgainstItsLength) {
  for (WaiterId id = 2; id <= 4; ++id) pool_.Acquire(id, milliseconds(id));
  pool_.Sleep(seconds(1));
  EXPECT_EQ(pool_.Acquire(5),
            "fail 2 deadline_exceeded; fail 3 deadline_exceeded; fail 4 deadline_exceeded");
}

TEST_F(HostPoolQueue, EndsAWaitAtTheQueueTimeout) {
  pool_.Acquire(2);
  EXPECT_EQ(pool_.SleepTicking(seconds(10) - Duration(1)), "");
  EXPECT_EQ(pool_.SleepTicking(Duration(1)), "fail 2 pool_queue_timeout");
  EXPECT_EQ(pool_.why().source, Source::kPool);
  EXPECT_EQ(pool_.why().phase, Phase::kQueue);
  EXPECT_EQ(pool_.why().delivery, Delivery::kNotSent);
}

TEST_F(HostPoolQueue, EndsAWaitAtTheDeadlineWhenThatIsEarlier) {
  pool_.Acquire(2, seconds(3));
  EXPECT_EQ(pool_.SleepTicking(seconds(3)), "fail 2 deadline_exceeded");
  EXPECT_EQ(pool_.why().source, Source::kCaller);
  EXPECT_EQ(pool_.why().phase, Phase::kQueue);
  EXPECT_EQ(pool_.why().delivery, Delivery::kNotSent);
  EXPECT_EQ(pool_.why().message,
            "deadline passed in phase queue after 3000 ms without a connection");
}

TEST_F(HostPoolQueue, EndsWaitsInOrderOfTheirLimitsNotOfArrival) {
  pool_.Acquire(2, seconds(9));
  pool_.Acquire(3, seconds(2));
  pool_.Acquire(4, seconds(5));
  EXPECT_EQ(pool_.SleepTicking(seconds(9)),
            "fail 3 deadline_exceeded; fail 4 deadline_exceeded; fail 2 deadline_exceeded");
}

TEST_F(HostPoolQueue, GrantsNothingToAWaiterWhoseTimeHasPassed) {
  pool_.Acquire(2, seconds(3));
  pool_.Acquire(3);
  pool_.Sleep(seconds(4));  // the timer is late
  EXPECT_EQ(pool_.Release('a'), "fail 2 deadline_exceeded; grant 3 a reused");
}

TEST_F(HostPoolQueue, RefusesADeadlineThatHasPassed) {
  pool_.Release('a');
  EXPECT_EQ(pool_.Acquire(2, seconds(0)), "fail 2 deadline_exceeded");
  EXPECT_EQ(pool_.Now().idle, 1U);
}

TEST_F(HostPoolQueue, NamesTheLastDialFailureWhenAWaitEnds) {
  PoolLimits limits = Limits();
  limits.max_connections = 2;
  pool_.SetLimits(limits);
  pool_.Acquire(2);
  pool_.DialFailed('b');
  pool_.Acquire(3, seconds(2));
  pool_.Acquire(4);
  pool_.Sleep(seconds(2));
  EXPECT_EQ(pool_.Tick(), "fail 3 deadline_exceeded; dial c");
  EXPECT_EQ(pool_.why().message,
            "deadline passed in phase queue after 2000 ms without a connection; last dial failed: "
            "connection_refused: connection refused");
}

TEST_F(HostPoolQueue, NeverQueuesWhenNoTimeIsGiven) {
  PoolLimits limits = Limits();
  limits.queue_timeout = Duration::zero();
  pool_.SetLimits(limits);
  EXPECT_EQ(pool_.Acquire(2), "fail 2 pool_queue_timeout");
}

TEST_F(HostPoolQueue, ForgetsACancelledWaiter) {  // L7, D6
  pool_.Acquire(2, seconds(3));
  pool_.Acquire(3);
  EXPECT_EQ(pool_.Cancel(2), "yes");
  EXPECT_EQ(pool_.Cancel(2), "no");
  EXPECT_EQ(pool_.Now().waiting, 1U);
  EXPECT_EQ(pool_.Release('a'), "grant 3 a reused");
  EXPECT_EQ(pool_.Now().waiting, 0U);
}

TEST_F(HostPoolQueue, TellsACancellationThatCameAfterTheGrant) {  // D7
  pool_.Acquire(2);
  pool_.Release('a');
  EXPECT_EQ(pool_.Cancel(2), "no");
  EXPECT_EQ(pool_.Acquire(3), "");
  EXPECT_EQ(pool_.ReleaseUnused('a'), "grant 3 a reused");
}

TEST_F(HostPoolQueue, IntegratesItsLengthOverTime) {
  pool_.Acquire(2);
  pool_.Sleep(seconds(2));
  pool_.Acquire(3);
  pool_.Sleep(seconds(1));
  EXPECT_DOUBLE_EQ(pool_.Now().waiter_seconds, 4);
  pool_.Cancel(2);
  pool_.Cancel(3);
  pool_.Sleep(seconds(5));
  EXPECT_DOUBLE_EQ(pool_.Now().waiter_seconds, 4);
}

TEST_F(HostPoolQueue, TellsSinceWhenTheLongestWaits) {
  EXPECT_EQ(pool_.Now().oldest_waiter_since, kNever);
  const Instant since = pool_.now();
  pool_.Acquire(2);
  pool_.Sleep(seconds(1));
  pool_.AcquireFresh(3);
  EXPECT_EQ(pool_.Now().oldest_waiter_since, since);
}

using HostPoolQueueDeathTest = HostPoolQueue;

TEST_F(HostPoolQueueDeathTest, AbortsWhenAWaiterWaitsTwice) {
  pool_.Acquire(2);
  EXPECT_DEATH(pool_.Acquire(2), "a waiter waits once");
}

}  // namespace
}  // namespace spillway
