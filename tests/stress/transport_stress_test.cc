// Everything at once: many threads start, cancel, pause, flush, look, change policy and drain,
// against origins that misbehave. Made for ThreadSanitizer; without it, it still counts outcomes.

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/harness/await.h"
#include "tests/harness/test_body.h"
#include "tests/harness/test_client.h"
#include "tests/ledger/faults.h"
#include "tests/origin/origin.h"

namespace spillway {
namespace {

constexpr int kCallers = 6;
constexpr int kCallsEach = 400;

OriginOptions FaultyOrigin(std::uint64_t seed) {
  OriginOptions options;
  options.keep_requests = false;
  options.handler = [seed](const SeenRequest& request, std::uint64_t connection) {
    const Fault fault = FaultFor(seed, request.target, connection, 100000);
    return ScriptOf(fault, Answer(200, request.target));
  };
  return options;
}

Destination ShortTimeouts() {
  Destination destination;
  destination.pool.max_connections = 8;
  destination.pool.max_idle = 4;
  destination.pool.idle_timeout = milliseconds(20);
  destination.pool.max_uses = 50;
  destination.pool.backoff_initial = milliseconds(1);
  destination.pool.backoff_max = milliseconds(2);
  destination.timeouts.response_header = milliseconds(200);
  return destination;
}

class Stress {
 public:
  Stress() : first_(FaultyOrigin(1)), second_(FaultyOrigin(2)), client_(OptionsOf()) {}

  void Run() {
    std::vector<std::thread> callers;
    for (int i = 0; i < kCallers; ++i) callers.emplace_back([this, i] { CallMany(i); });
    std::vector<std::thread> others;
    others.emplace_back([this] { Repeat([this] { client_.transport().Snapshot(); }); });
    others.emplace_back(
        [this] { Repeat([this] { client_.transport().CloseIdleConnections("127.0.0.1"); }); });
    others.emplace_back([this] {
      std::uint32_t limit = 1;
      Repeat([&] {
        Destination destination = ShortTimeouts();
        destination.pool.max_connections = 2 + limit++ % 8;
        client_.transport().SetPolicy(PolicyWith(std::move(destination)));
      });
    });
    others.emplace_back([this] {
      Repeat([this] {
        levels_ +=
            client_.transport().connection_count() + client_.transport().active_round_trips();
      });
    });
    for (std::thread& caller : callers) caller.join();
    stop_ = true;
    for (std::thread& other : others) other.join();
  }

  void Check() {
    EXPECT_EQ(ends_.load(), static_cast<std::uint64_t>(kCallers) * kCallsEach);
    EXPECT_EQ(violations_.load(), 0U);
    EXPECT_EQ(strangers_.load(), 0U) << "answers of somebody else";
    EXPECT_GT(good_.load(), ends_.load() / 4);
    Board drained;
    client_.transport().Drain([&] { drained.Signal("drained"); });
    EXPECT_TRUE(drained.Await("drained"));
    EXPECT_TRUE(AwaitThat([this] { return client_.transport().connection_count() == 0; }));
    const ObserverCounts counts = client_.counts();
    EXPECT_EQ(counts.started, counts.ended);
    EXPECT_TRUE(
        AwaitThat([this] { return client_.counts().DialsOk() == client_.counts().ClosedTotal(); }));
  }

 private:
  static TestClient::Options OptionsOf() {
    TestClient::Options options;
    options.destination = ShortTimeouts();
    options.limits.loops = 3;
    options.limits.max_connections = 12;
    options.limits.dns_positive_ttl = milliseconds(1);
    options.lookup = [](const std::string&, std::vector<std::string>& addresses) {
      addresses = {"127.0.0.1"};
      return 0;
    };
    return options;
  }

  void Repeat(const std::function<void()>& action) {
    while (!stop_) {
      action();
      std::this_thread::yield();
    }
  }

  void CallMany(int caller) {
    std::mt19937_64 random(static_cast<std::uint64_t>(caller) + 1);
    for (int i = 0; i < kCallsEach; ++i) CallOne(random(), caller, i);
  }

  void CallOne(std::uint64_t draw, int caller, int number) {
    const Origin& origin = draw % 2 == 0 ? first_ : second_;
    const std::string host = draw % 3 == 0 ? "name.test" : "127.0.0.1";
    const std::string path = "/" + std::to_string(caller) + "/" + std::to_string(number);
    Request request;
    request.url = "http://" + host + ":" + std::to_string(origin.port()) + path;
    if (draw % 5 == 0) {
      request.method = "POST";
      request.body = MemoryBody(std::string(draw % 100000, 'x'));
    }
    if (draw % 7 == 0) {
      request.deadline =
          After(client_.transport().Now(), std::chrono::microseconds(draw / 8 % 3000));
    }
    request.fresh_connection = draw % 11 == 0;
    const bool pause = draw % 13 == 0;
    const Call call = client_.Start(std::move(request), {.pause = pause});
    if (pause) {
      for (int i = 0; i < 20 && !call.sink->ended(); ++i) {
        call.handle->Resume();
        std::this_thread::yield();
      }
      call.handle->Cancel();
    }
    if (draw % 17 == 0) {
      for (std::uint64_t i = 0; i < draw / 32 % 200; ++i) std::this_thread::yield();
      call.handle->Cancel();
    }
    const Story story = call.Finish();
    ends_ += story.ends;
    violations_ += story.violations.size();
    if (!story.ok()) return;
    ++good_;
    if (story.head->status == 200 && story.body != path) ++strangers_;
  }

  Origin first_;
  Origin second_;
  TestClient client_;
  std::atomic<bool> stop_ = false;
  std::atomic<std::uint64_t> ends_ = 0;
  std::atomic<std::uint64_t> good_ = 0;
  std::atomic<std::uint64_t> violations_ = 0;
  std::atomic<std::uint64_t> strangers_ = 0;
  std::atomic<std::uint64_t> levels_ = 0;
};

TEST(TransportStress, ManyThreadsDoEverythingAtOnce) {
  Stress stress;
  stress.Run();
  stress.Check();
}

TEST(TransportStress, DrainAndShutdownRaceWithCallers) {
  for (int round = 0; round < 10; ++round) {
    Origin origin(FaultyOrigin(static_cast<std::uint64_t>(round)));
    TestClient::Options options;
    options.destination = ShortTimeouts();
    options.limits.loops = 2;
    auto client = std::make_unique<TestClient>(std::move(options));
    std::atomic<std::uint64_t> ends = 0;
    std::atomic<std::uint64_t> starts = 0;
    std::vector<std::thread> callers;
    for (int i = 0; i < 4; ++i) {
      callers.emplace_back([&] {
        for (int k = 0; k < 100; ++k) {
          const Call call = client->Get(origin.url("/a"));
          ++starts;
          ends += call.Finish().ends;
        }
      });
    }
    AwaitThat([&] { return starts.load() > 50; });
    Board drained;
    client->transport().Drain([&] { drained.Signal("drained"); });
    if (round % 2 == 0) client->transport().Shutdown();
    for (std::thread& caller : callers) caller.join();
    EXPECT_EQ(starts.load(), ends.load());
    EXPECT_TRUE(drained.Await("drained")) << "round " << round;
    client.reset();
  }
}

}  // namespace
}  // namespace spillway
