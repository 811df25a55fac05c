// Streamed exchanges over HTTP/2 from many threads: fed, paused, resumed and cancelled at any
// moment, side by side on few connections. Made for ThreadSanitizer; without it, it still counts
// outcomes.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/harness/await.h"
#include "tests/harness/push_body.h"
#include "tests/harness/test_client.h"
#include "tests/origin/origin.h"

namespace spillway {
namespace {

constexpr int kCallers = 4;
constexpr int kCallsEach = 250;

// Answers with the path, over and over; some answers come before the body is there, some refuse it.
OriginOptions EchoingOrigin() {
  OriginOptions options;
  options.http2 = true;
  options.keep_requests = false;
  options.handler = [](const SeenRequest& request, std::uint64_t) {
    std::string body;
    for (int i = 0; i < 2000; ++i) body += request.target;
    Step step;
    step.kind = StepKind::kSend;
    step.text = Answer(request.target.ends_with("7") ? 413 : 200, body);
    return Script{step};
  };
  return options;
}

class Stress {
 public:
  Stress() : origin_(EchoingOrigin()), client_(OptionsOf()) {}

  void Run() {
    std::vector<std::thread> callers;
    for (int i = 0; i < kCallers; ++i) callers.emplace_back([this, i] { CallMany(i); });
    std::thread looker([this] {
      while (!stop_) {
        client_.transport().Snapshot();
        client_.transport().CloseIdleConnections("127.0.0.1");
        std::this_thread::yield();
      }
    });
    for (std::thread& caller : callers) caller.join();
    stop_ = true;
    looker.join();
  }

  void Check() {
    EXPECT_EQ(ends_.load(), static_cast<std::uint64_t>(kCallers) * kCallsEach);
    EXPECT_EQ(violations_.load(), 0U);
    EXPECT_EQ(strangers_.load(), 0U) << "answers of somebody else, or cut ones told as whole";
    EXPECT_EQ(odd_.load(), 0U) << "failures that nobody caused";
    EXPECT_GT(good_.load(), ends_.load() / 4);
    EXPECT_TRUE(client_.AwaitLevel(&HostPoolSnapshot::active, 0));
    EXPECT_TRUE(client_.AwaitLevel(&HostPoolSnapshot::waiting, 0));
    Board drained;
    client_.transport().Drain([&] { drained.Signal("drained"); });
    EXPECT_TRUE(drained.Await("drained"));
    EXPECT_TRUE(AwaitThat([this] { return client_.transport().connection_count() == 0; }));
  }

 private:
  static TestClient::Options OptionsOf() {
    TestClient::Options options;
    options.destination.protocol = Protocol::kH2c;
    options.destination.pool.max_connections = 3;
    options.destination.pool.max_uses = 100;
    options.destination.timeouts.expect_continue = milliseconds(2);
    options.destination.http2.stream_window = 64 * 1024;
    options.limits.loops = 2;
    return options;
  }

  void CallMany(int caller) {
    std::mt19937_64 random(static_cast<std::uint64_t>(caller) + 1);
    for (int i = 0; i < kCallsEach; ++i) CallOne(random, caller, i);
  }

  void CallOne(std::mt19937_64& random, int caller, int number) {
    const std::string path = "/" + std::to_string(caller) + "/" + std::to_string(number);
    auto body = std::make_shared<PushBody>();
    Request request;
    request.method = "POST";
    request.url = origin_.url(path);
    request.streamed = true;
    request.body = body;
    if (random() % 4 == 0) request.headers.Add("Expect", "100-continue");
    const bool pause = random() % 3 == 0;
    const Call call = client_.Start(std::move(request), {.pause = pause});
    const bool fails = random() % 16 == 0;
    const bool cancel = random() % 4 == 0;
    const std::uint64_t pieces = random() % 6;
    for (std::uint64_t i = 0; i < pieces; ++i) {
      body->Push(std::string(random() % 40'000 + 1, 'x'));
      if (random() % 2 == 0) std::this_thread::yield();
      if (cancel && i == pieces / 2) call.handle->Cancel();
    }
    if (fails) {
      body->Fail();
    } else {
      body->End(random() % 2 == 0 ? HeaderList{{"X-Sum", "1"}} : HeaderList{});
    }
    if (cancel && random() % 2 == 0) call.handle->Cancel();
    while (pause && !call.sink->ended()) {
      call.handle->Resume();
      std::this_thread::yield();
    }
    if (cancel) call.handle->Cancel();
    const Story story = call.Finish();
    body->Forbid();
    ends_ += story.ends;
    violations_ += story.violations.size();
    if (!story.ok()) {
      if (!fails && !cancel) ++odd_;
      return;
    }
    ++good_;
    if (story.body_bytes != 2000 * path.size() || !story.body.starts_with(path)) ++strangers_;
  }

  Origin origin_;
  TestClient client_;
  std::atomic<bool> stop_ = false;
  std::atomic<std::uint64_t> ends_ = 0;
  std::atomic<std::uint64_t> good_ = 0;
  std::atomic<std::uint64_t> odd_ = 0;
  std::atomic<std::uint64_t> violations_ = 0;
  std::atomic<std::uint64_t> strangers_ = 0;
};

// C-038, W4
TEST(Http2Stress, StreamsAreFedPausedAndCancelledAtOnce) {
  Stress stress;
  stress.Run();
  stress.Check();
}

}  // namespace
}  // namespace spillway
