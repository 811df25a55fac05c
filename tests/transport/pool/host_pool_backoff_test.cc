// What those are told whom a back-off fails: when asking again makes sense.

#include <gtest/gtest.h>

#include <memory>
#include <variant>

#include "tests/transport/pool/pool_driver.h"

namespace spillway {
namespace {

PoolLimits OneSecond() {
  PoolLimits limits = PoolDriver::NoJitter();
  limits.backoff_initial = seconds(1);
  return limits;
}

// When the failure says that asking again makes sense; kNever where nobody fails.
Instant RetryAt(const Actions& actions) {
  for (const Action& action : actions) {
    if (const auto* fail = std::get_if<FailAction>(&action)) return fail->why->retry_at;
  }
  return kNever;
}

TEST(HostPoolBackoff, SaysWhenItWillDialAgain) {
  PoolDriver driver(OneSecond());
  HostPool& pool = driver.pool();
  driver.Acquire(1);
  Actions told;
  pool.OnDialFailed(driver.Id('a'), Refused(), driver.now(), told);
  const Instant at = RetryAt(told);
  EXPECT_LE(at, After(driver.now(), seconds(1)));
  EXPECT_GE(at, After(driver.now(), milliseconds(750)));
  told.clear();
  driver.Sleep(milliseconds(100));
  pool.Acquire({.waiter = 2, .deadline = kNever}, driver.now(), told);
  EXPECT_EQ(RetryAt(told), at) << "of those who come during the pause";
  told.clear();
  pool.Acquire({.waiter = 3, .deadline = driver.now()}, driver.now(), told);
  EXPECT_EQ(RetryAt(told), at) << "and of those whose time is over for lack of a connection";
  driver.Sleep(at - driver.now());
  EXPECT_EQ(driver.Acquire(4), "dial b");
}

TEST(HostPoolBackoff, DoesNotPromiseToAskForANameBeforeItsFailureIsForgotten) {
  PoolDriver driver(OneSecond());
  driver.Acquire(1);
  Failure unknown = *Refused();
  unknown.retry_at = After(driver.now(), seconds(5));
  Actions told;
  driver.pool().OnDialFailed(driver.Id('a'), std::make_shared<const Failure>(unknown), driver.now(),
                             told);
  EXPECT_EQ(RetryAt(told), unknown.retry_at);
}

}  // namespace
}  // namespace spillway
