// Connections that policy, certificates or names end. Behaviours KG14 to KG16; cases O-150, O-264.

#include <gtest/gtest.h>

#include "tests/transport/pool/pool_driver.h"

namespace spillway {
namespace {

TEST(HostPoolRetire, TellsWhyItFlushes) {
  PoolDriver pool;
  pool.Fill(2);
  pool.Acquire(1);
  EXPECT_EQ(pool.Flush(CloseReason::kPolicyChanged), "close a policy_changed");
  EXPECT_EQ(pool.Release('b'), "close b policy_changed");
}

TEST(HostPoolRetire, DrainsInsteadOfCuttingWhenACertificateChanges) {  // KG14
  PoolDriver pool;
  pool.Acquire(1);
  pool.Connected('a', 100);
  pool.Acquire(2);
  EXPECT_EQ(pool.Flush(CloseReason::kCertRotated), "");
  EXPECT_EQ(pool.Acquire(3), "dial b");
  EXPECT_EQ(pool.Release('a'), "");
  EXPECT_EQ(pool.Release('a'), "close a cert_rotated");
}

TEST(HostPoolRetire, ClosesWhatWasDialledBeforeForTheReasonOfTheFlush) {
  PoolDriver pool;
  EXPECT_EQ(pool.Acquire(1), "dial a");
  EXPECT_EQ(pool.Flush(CloseReason::kCertRotated), "dial b");
  EXPECT_EQ(pool.Connected('a'), "close a cert_rotated");
  EXPECT_EQ(pool.Connected('b'), "grant 1 b new");
}

TEST(HostPoolRetire, KeepsNothingIdleForAKeyThatPolicyHasLeft) {  // KG14
  PoolDriver pool;
  pool.Acquire(1);
  EXPECT_EQ(pool.RetireKey(CloseReason::kPolicyChanged), "dial b");
  EXPECT_EQ(pool.Connected('a'), "close a policy_changed");
  EXPECT_EQ(pool.Connected('b'), "grant 1 b new") << "who waits is still served";
  EXPECT_EQ(pool.Release('b'), "close b policy_changed");
}

TEST(HostPoolRetire, RetiresOneConnectionWhoseAddressIsGone) {  // O-264
  PoolDriver pool;
  pool.Fill(3);
  pool.Acquire(1);
  EXPECT_EQ(pool.Retire('a', CloseReason::kAddressGone), "close a address_gone");
  EXPECT_EQ(pool.Retire('c', CloseReason::kAddressGone), "");
  EXPECT_EQ(pool.Retire('c', CloseReason::kAddressGone), "unknown");  // it drains already
  EXPECT_EQ(pool.Acquire(2), "grant 2 b reused");
  EXPECT_EQ(pool.Release('c'), "close c address_gone");
}

TEST(HostPoolRetire, RetiresADialUnderWay) {
  PoolDriver pool;
  EXPECT_EQ(pool.Acquire(1), "dial a");
  EXPECT_EQ(pool.Retire('a', CloseReason::kAddressGone), "dial b");
  EXPECT_EQ(pool.Retire('a', CloseReason::kCertRotated), "unknown");
  EXPECT_EQ(pool.Connected('a'), "close a address_gone");
  EXPECT_EQ(pool.Connected('b'), "grant 1 b new");
}

TEST(HostPoolRetire, TakesAChangeOfCapacityAfterGoAway) {  // O-150
  PoolDriver pool;
  pool.Acquire(1);
  pool.Connected('a', 100);
  EXPECT_EQ(pool.GoAway('a'), "");
  EXPECT_EQ(pool.Capacity('a', 0), "");
  EXPECT_EQ(pool.Capacity('a', 100), "");
  EXPECT_EQ(pool.Acquire(2), "dial b");
  EXPECT_EQ(pool.Release('a'), "close a goaway");
}

}  // namespace
}  // namespace spillway
