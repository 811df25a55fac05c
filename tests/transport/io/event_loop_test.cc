#include "transport/io/event_loop.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <memory>
#include <thread>

#include "transport/io/clock.h"

namespace spillway {
namespace {

using namespace std::chrono_literals;

// What Stop cancels may have come due while the loop was busy; its handler is then queued already.
TEST(EventLoop, StopsThoughTheLagTimerFiredWhileTheLoopWasBusy) {
  EventLoop loop(0, [](std::uint32_t, Duration) {});
  loop.Start();
  std::promise<void> busy;
  loop.Post([&busy] {
    const Instant lag_timer_due = Now() + 1100ms;
    busy.set_value();
    while (Now() < lag_timer_due) std::this_thread::yield();
  });
  busy.get_future().wait();
  std::future<void> stopped = std::async(std::launch::async, [&loop] { loop.Stop(); });
  if (stopped.wait_for(20s) != std::future_status::ready) {
    // The loop's thread never ends, so neither could this process.
    std::fputs("the loop does not stop\n", stderr);
    std::_Exit(EXIT_FAILURE);
  }
}

TEST(EventLoop, RunsWhatIsQueuedBeforeItStops) {
  int ran = 0;
  EventLoop loop(0, nullptr);
  loop.Start();
  for (int i = 0; i < 100; ++i) loop.Post([&ran] { ++ran; });
  loop.Stop();
  EXPECT_EQ(ran, 100);
}

constexpr Duration kLong = std::chrono::hours(1);

TEST(EventLoop, RunsDelayedFunctionsOnceWhenItStopsBeforeTheirTime) {
  EventLoop loop(0, nullptr);
  loop.Start();
  std::atomic<int> ran = 0;
  for (int i = 0; i < 10; ++i) {
    loop.RunAfter(kLong, [&] {
      EXPECT_TRUE(loop.InLoop());
      ++ran;
      // What a delayed function asks for has its turn as well.
      if (ran <= 3) loop.RunAfter(kLong, [&ran] { ran += 100; });
    });
  }
  loop.Stop();
  EXPECT_EQ(ran, 310);
}

// Handlers of other loops may still ask when the first has stopped.
TEST(EventLoop, RunsADelayedFunctionAtOnceAfterItStopped) {
  EventLoop loop(0, nullptr);
  loop.Start();
  loop.Stop();
  auto held = std::make_shared<int>(0);
  bool ran = false;
  loop.RunAfter(kLong, [held, &ran] { ran = true; });
  EXPECT_TRUE(ran);
  EXPECT_EQ(held.use_count(), 1);
}

// A loop whose thread looks at its queue no more is one that never began.
TEST(EventLoop, RunsWhatItsThreadLeftUndoneWhenItStops) {
  EventLoop loop(0, nullptr);
  auto held = std::make_shared<int>(0);
  std::thread::id ran_on;
  loop.RunAfter(kLong, [held, &ran_on] { ran_on = std::this_thread::get_id(); });
  loop.Stop();
  EXPECT_EQ(ran_on, std::this_thread::get_id());
  EXPECT_EQ(held.use_count(), 1) << "though the queue still knows of it";
  loop.Stop();
}

TEST(EventLoop, LosesNoDelayedFunctionHoweverStopRaces) {
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> ran = 0;
    EventLoop loop(0, nullptr);
    loop.Start();
    std::atomic<bool> begun = false;
    std::thread other([&] {
      for (int i = 0; i < 50; ++i) {
        loop.RunAfter(kLong, [&ran] { ++ran; });
        begun = true;
      }
    });
    while (!begun) std::this_thread::yield();
    loop.Stop();
    other.join();
    EXPECT_EQ(ran, 50);
  }
}

}  // namespace
}  // namespace spillway
