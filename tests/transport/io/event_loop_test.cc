#include "transport/io/event_loop.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
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

}  // namespace
}  // namespace spillway
