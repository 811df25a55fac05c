// How long a stream may be without a head.

#include "server/stream_head_watch.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "tests/server/front_fixture.h"
#include "tests/server/stream_client.h"

namespace spillway {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

class StreamHeadWatchTest : public testing::Test {
 protected:
  void Advance(Duration by) {
    const Instant end = now_ + by;
    while (!timers_.empty() && timers_.begin()->first <= end) {
      now_ = timers_.begin()->first;
      const auto timer = std::move(timers_.begin()->second);
      timers_.erase(timers_.begin());
      timer();
    }
    now_ = end;
  }
  StreamHeadWatch::Ticket Add(Duration wait, int who) {
    return watch_->Add(wait, [this, who] { overdue_.push_back(who); });
  }

  Instant now_{seconds(1000)};
  std::multimap<Instant, std::function<void()>> timers_;
  std::vector<int> overdue_;
  const std::shared_ptr<StreamHeadWatch> watch_ =
      std::make_shared<StreamHeadWatch>([this] { return now_; },
                                        [this](Duration delay, std::function<void()> function) {
                                          timers_.emplace(After(now_, delay), std::move(function));
                                        });
};

TEST_F(StreamHeadWatchTest, CallsEachThatIsOverdueOnce) {
  Add(minutes(5), 1);
  Advance(minutes(1));
  Add(minutes(5), 2);
  Advance(minutes(4) - seconds(1));
  EXPECT_TRUE(overdue_.empty());
  Advance(seconds(1));
  EXPECT_EQ(overdue_, std::vector<int>{1});
  Advance(minutes(1));
  EXPECT_EQ(overdue_, (std::vector<int>{1, 2}));
  Advance(minutes(60));
  EXPECT_EQ(overdue_.size(), 2u);
  EXPECT_TRUE(timers_.empty());
}

TEST_F(StreamHeadWatchTest, NeverCallsOneThatWasRemovedAndKeepsNothingOfIt) {
  const auto ticket = Add(minutes(5), 1);
  Add(minutes(5), 2);
  watch_->Remove(ticket);
  watch_->Remove(ticket);
  EXPECT_EQ(watch_->size(), 1u);
  Advance(minutes(5));
  EXPECT_EQ(overdue_, std::vector<int>{2});
  EXPECT_EQ(watch_->size(), 0u);
}

TEST_F(StreamHeadWatchTest, SetsOneTimerForThousandsOfStreams) {
  for (int i = 0; i < 5000; ++i) {
    watch_->Remove(Add(minutes(5), i));
    Advance(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(timers_.size(), 1u);
  Advance(minutes(5));
  EXPECT_TRUE(timers_.empty());
  EXPECT_TRUE(overdue_.empty());
}

TEST_F(StreamHeadWatchTest, WaitsForAShorterTimeThanThoseBefore) {
  Add(minutes(5), 1);
  Add(seconds(5), 2);
  Advance(seconds(5));
  EXPECT_EQ(overdue_, std::vector<int>{2});
  EXPECT_EQ(timers_.size(), 1u) << "the one that was set at first";
  Add(minutes(5), 3);
  EXPECT_EQ(timers_.size(), 1u);
  Advance(minutes(5));
  EXPECT_EQ(overdue_, (std::vector<int>{2, 1, 3}));
  EXPECT_TRUE(timers_.empty());
}

// As at shutdown, when another timer would be called at once, for ever.
TEST_F(StreamHeadWatchTest, SetsNoTimerWhenItIsCalledEarly) {
  Add(minutes(5), 1);
  const auto timer = std::move(timers_.begin()->second);
  timers_.clear();
  timer();
  EXPECT_TRUE(overdue_.empty());
  EXPECT_TRUE(timers_.empty());
}

TEST_F(StreamHeadWatchTest, MayGoBeforeItsTimer) {
  auto watch = std::make_shared<StreamHeadWatch>(
      [this] { return now_; },
      [this](Duration delay, auto function) { timers_.emplace(After(now_, delay), function); });
  watch->Add(seconds(1), [] { FAIL(); });
  watch.reset();
  Advance(seconds(2));
}

// While it is still being opened.
TEST(StreamWithoutAHead, EndsWhenItIsOverdueAtOnce_C043) {
  FrontFixture fixture([](FakeTransport::Exchange& /*exchange*/) {});
  Destination hasty;
  hasty.timeouts.caller_stall = Duration(1);
  fixture.transport.SetPolicy(*Policy::Build(1, {}, hasty, {}));
  for (int i = 0; i < 200; ++i) {
    StreamClient client(*fixture.stub, kForever);
    const StreamClient::Answer answer = client.ReadAll();
    EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
    EXPECT_EQ(ErrorIn(answer.status).field(), "head");
  }
  EXPECT_EQ(fixture.SettledLedger().failed, 200u);
}

}  // namespace
}  // namespace spillway
