#include "server/lifecycle.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <future>
#include <limits>

#include "grpc/health/v1/health.grpc.pb.h"
#include "tests/server/front_fixture.h"

namespace spillway {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

void LeaveOpen(FakeTransport::Exchange& /*exchange*/) {}

void Answer(FakeTransport::Exchange& exchange) {
  exchange.Head(200, {});
  exchange.End();
}

// A daemon without a process of its own: the lifecycle runs in a thread, signals come from tests.
class Daemon {
 public:
  explicit Daemon(DrainOptions options) : fixture(LeaveOpen), lifecycle(options) {
    FrontOptions admin;
    admin.listeners.push_back(OpenListener("127.0.0.1:0"));
    admin.limits.max_connections = 10;
    admin_front_ = StartFront(std::move(admin));
    status = std::async(std::launch::async, [this] {
      return lifecycle.Run({.egress = fixture.front.get(),
                            .admin = admin_front_.get(),
                            .transport = &fixture.transport,
                            .admission = &fixture.admission,
                            .end_now = [this](int code) {
                              ended_now.set_value(code);
                              fixture.transport.Shutdown();
                            }});
    });
    AwaitState(Lifecycle::State::kReady);
  }

  // Run uses what is destroyed next.
  ~Daemon() {
    if (status.valid()) status.wait();
  }

  void AwaitState(Lifecycle::State state) {
    while (lifecycle.state() < state) std::this_thread::yield();
  }

  std::future<grpc::Status> Call() {
    const std::uint64_t count = ++calls_;
    auto ended = std::async(std::launch::async, [this] {
      v1::HttpResponse response;
      return fixture.RoundTrip(Get(), response);
    });
    fixture.transport.AwaitStarted(count);
    return ended;
  }

  FrontFixture fixture;
  Lifecycle lifecycle;
  std::promise<int> ended_now;
  std::future<int> status;

 private:
  std::unique_ptr<Front> admin_front_;
  std::uint64_t calls_ = 0;
};

TEST(Lifecycle, EndsAtOnceWithoutCallsOnEitherSignal) {
  for (const int number : {SIGTERM, SIGINT}) {
    Daemon daemon({.lame_duck = Duration::zero(), .grace = hours(1)});
    EXPECT_TRUE(daemon.lifecycle.ready());
    ::kill(::getpid(), number);
    EXPECT_EQ(daemon.status.get(), 0);
    EXPECT_EQ(daemon.lifecycle.state(), Lifecycle::State::kStopped);
  }
}

TEST(Lifecycle, LetsRunningCallsFinishAndRefusesNewOnes) {
  Daemon daemon({.lame_duck = Duration::zero(), .grace = hours(1)});
  std::future<grpc::Status> running = daemon.Call();
  ::kill(::getpid(), SIGTERM);
  daemon.AwaitState(Lifecycle::State::kDraining);
  while (!daemon.fixture.admission.stopped()) std::this_thread::yield();

  v1::HttpResponse response;
  const grpc::Status refused = daemon.fixture.RoundTrip(Get(), response);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ErrorIn(refused).reason(), v1::REASON_DRAINING);
  EXPECT_EQ(ErrorIn(refused).delivery(), v1::DELIVERY_NOT_SENT);

  const auto health = grpc::health::v1::Health::NewStub(daemon.fixture.channel);
  grpc::ClientContext context;
  grpc::health::v1::HealthCheckResponse answer;
  ASSERT_TRUE(health->Check(&context, {}, &answer).ok());
  EXPECT_EQ(answer.status(), grpc::health::v1::HealthCheckResponse::NOT_SERVING);

  daemon.fixture.transport.With(1, Answer);
  EXPECT_TRUE(running.get().ok());
  EXPECT_EQ(daemon.status.get(), 0);
  const CallLedger ledger = daemon.fixture.admission.ledger();
  EXPECT_EQ(ledger.admitted, 1u);
  EXPECT_EQ(ledger.ok, 1u);
  EXPECT_EQ(ledger.running, 0u);
}

TEST(Lifecycle, CancelsWhatStillRunsWhenTheGraceTimeIsOver) {
  Daemon daemon({.lame_duck = Duration::zero(), .grace = milliseconds(20)});
  std::future<grpc::Status> running = daemon.Call();
  ::kill(::getpid(), SIGTERM);
  EXPECT_EQ(daemon.status.get(), 0);
  EXPECT_FALSE(running.get().ok());
  EXPECT_EQ(daemon.fixture.admission.ledger().running, 0u);
}

TEST(Lifecycle, ServesOnWhileItIsALameDuck) {
  Daemon daemon({.lame_duck = hours(1), .grace = hours(1)});
  EXPECT_TRUE(daemon.lifecycle.RequestDrain());
  daemon.AwaitState(Lifecycle::State::kLameDuck);
  EXPECT_FALSE(daemon.lifecycle.ready());
  EXPECT_TRUE(daemon.lifecycle.draining());
  std::future<grpc::Status> call = daemon.Call();
  daemon.fixture.transport.With(1, Answer);
  EXPECT_TRUE(call.get().ok());
  ::kill(::getpid(), SIGTERM);  // the second asking ends the process
  EXPECT_EQ(daemon.ended_now.get_future().get(), 128 + SIGTERM);
}

TEST(Lifecycle, EndsNowOnASecondSignal) {
  Daemon daemon({.lame_duck = Duration::zero(), .grace = hours(1)});
  std::future<grpc::Status> running = daemon.Call();
  ::kill(::getpid(), SIGTERM);
  daemon.AwaitState(Lifecycle::State::kDraining);
  ::kill(::getpid(), SIGINT);
  EXPECT_EQ(daemon.ended_now.get_future().get(), 128 + SIGINT);
  running.get();
}

TEST(Lifecycle, DrainsOnRequestOnce) {
  Daemon daemon({.lame_duck = Duration::zero(), .grace = hours(1)});
  EXPECT_TRUE(daemon.lifecycle.RequestDrain());
  EXPECT_FALSE(daemon.lifecycle.RequestDrain());
  EXPECT_EQ(daemon.status.get(), 0);
  EXPECT_FALSE(daemon.lifecycle.RequestDrain());
}

TEST(Lifecycle, TakesASignalThatCameBeforeItRan) {
  ::kill(::getpid(), SIGTERM);
  Daemon daemon({.lame_duck = Duration::zero(), .grace = hours(1)});
  EXPECT_EQ(daemon.status.get(), 0);
}

TEST(Lifecycle, OutlivesAStormOfOtherSignals) {
  Daemon daemon({.lame_duck = Duration::zero(), .grace = hours(1)});
  for (int i = 0; i < 1000; ++i) {
    ::kill(::getpid(), SIGHUP);
    ::kill(::getpid(), SIGPIPE);
  }
  std::future<grpc::Status> call = daemon.Call();
  daemon.fixture.transport.With(1, Answer);
  EXPECT_TRUE(call.get().ok());
  EXPECT_TRUE(daemon.lifecycle.ready());
  ::kill(::getpid(), SIGTERM);
  EXPECT_EQ(daemon.status.get(), 0);
}

}  // namespace
}  // namespace spillway

int main(int argc, char** argv) {
  // As the daemon's main does, before any thread.
  spillway::Lifecycle::BlockSignals();
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
