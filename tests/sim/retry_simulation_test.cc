// Round trips over a simulated pool key: the pool, the retry policy and its budget together, with
// origins that send everyone away, refuse streams, hang up and recover. One seed is one history.

#include <gtest/gtest.h>

#include <map>
#include <variant>

#include "tests/sim/checked_pool.h"
#include "tests/sim/random.h"
#include "tests/sim/virtual_time.h"
#include "transport/retry/retry_policy.h"

namespace spillway {
namespace {

enum class Mood { kServes, kSendsAway, kRefusesStreams, kHangsUp, kIsBusy };

struct RoundTrip {
  FailedAttempt facts;     // of the attempt under way
  bool processed = false;  // an attempt may have been
  bool ended = false;
  bool served = false;
  std::uint32_t attempts_sent = 0;
};

struct Totals {
  std::uint64_t round_trips = 0;
  std::uint64_t served = 0;
  std::uint64_t retries = 0;  // that the budget paid
  std::uint64_t replays = 0;
  std::uint64_t dials = 0;
  std::uint64_t attempts = 0;
  Duration lasted{};
};

class RetrySimulation {
 public:
  RetrySimulation(std::uint64_t seed, Mood mood, Duration lasting)
      : random_(seed),
        mood_(mood),
        lasting_(lasting),
        pool_(Limits(), seed, kForever, [seed](std::string_view oracle) {
          ADD_FAILURE() << "seed " << seed << ": " << oracle;
        }) {}

  Totals Run() {
    for (Duration at{}; at < lasting_ + seconds(2); at += random_.Millis(1, 10)) {
      time_.At(start_ + at, [this] { Arrive(); });
    }
    time_.At(start_ + lasting_, [this] { mood_ = Mood::kServes; });
    for (int steps = 0; time_.Step(); ++steps) {
      if (steps > 1'000'000) {
        ADD_FAILURE() << "it never ends";
        break;
      }
    }
    for (const auto& [id, trip] : trips_) EXPECT_TRUE(trip.ended) << id;
    totals_.round_trips = trips_.size();
    totals_.lasted = time_.now() - start_;
    return totals_;
  }
  const RetryLimits& retry_limits() const { return retry_limits_; }

 private:
  static PoolLimits Limits() {
    PoolLimits limits;
    limits.max_age_jitter = 0;
    limits.idle_timeout = seconds(1);
    limits.backoff_initial = milliseconds(50);
    limits.backoff_max = seconds(1);
    return limits;
  }

  void Arrive() {
    const WaiterId id = ++last_id_;
    RoundTrip& trip = trips_[id];
    trip.facts.idempotent = random_.Percent(60);
    trip.facts.body_replayable = random_.Percent(80);
    trip.facts.attempts = 0;
    trip.facts.deadline = time_.now() + seconds(1);
    budget_.OnRequest();
    Acquire(id, false);
  }

  void Acquire(WaiterId id, bool fresh) {
    PoolEvent event;
    event.kind = PoolEventKind::kAcquire;
    event.demand = {.waiter = id, .deadline = trips_[id].facts.deadline, .fresh_connection = fresh};
    Handle(event);
  }

  void Handle(PoolEvent event) {
    event.now = time_.now();
    const Actions actions = pool_.Handle(event);
    for (const Action& action : actions) {
      if (const auto* dial = std::get_if<DialAction>(&action)) {
        ++totals_.dials;
        time_.In(milliseconds(2), [this, conn = dial->conn] { Connected(conn); });
      } else if (const auto* grant = std::get_if<GrantAction>(&action)) {
        Attempt(*grant);
      } else if (const auto* fail = std::get_if<FailAction>(&action)) {
        End(fail->waiter, false);
      }
    }
    const Instant next = pool_.pool().NextDeadline();
    if (next < tick_at_) {
      tick_at_ = next;
      time_.At(next, [this, next] {
        if (tick_at_ != next) return;
        tick_at_ = kNever;
        Handle(PoolEvent{});  // a tick
      });
    }
  }

  void Connected(ConnId conn) {
    PoolEvent event;
    event.kind = PoolEventKind::kConnected;
    event.conn = conn;
    event.capacity = 100;
    Handle(event);
  }

  void Attempt(const GrantAction& grant) {
    RoundTrip& trip = trips_[grant.waiter];
    EXPECT_FALSE(trip.ended);
    EXPECT_FALSE(trip.processed && !trip.facts.idempotent) << "sent twice, perhaps done twice";
    ++trip.facts.attempts;
    ++trip.attempts_sent;
    ++totals_.attempts;
    trip.facts.reused = grant.reused;
    time_.In(random_.Millis(1, 10),
             [this, id = grant.waiter, conn = grant.conn] { Answer(id, conn); });
  }

  void Answer(WaiterId id, ConnId conn) {
    RoundTrip& trip = trips_[id];
    const bool alive = pool_.model().Find(conn) != nullptr;
    const Mood mood = alive ? mood_ : Mood::kHangsUp;
    PoolEvent release;
    release.kind = PoolEventKind::kRelease;
    release.conn = conn;
    release.verdict.reusable = true;
    if (mood == Mood::kServes) {
      End(id, true);
      return Handle(release);
    }
    if (mood == Mood::kIsBusy) {
      Handle(release);
      return AnswerBusy(id);
    }
    trip.facts.any_byte_sent = true;
    trip.facts.any_response_byte = false;
    trip.facts.reason = Reason::kHttpStreamRefused;
    if (mood == Mood::kSendsAway) {
      release.verdict = {.reusable = false, .why_not = CloseReason::kGoAway};
      PoolEvent goaway;
      goaway.kind = PoolEventKind::kGoAway;
      goaway.conn = conn;
      Handle(goaway);
    }
    if (mood == Mood::kHangsUp) {
      trip.facts.reason = Reason::kConnectionTerminated;
      trip.processed = true;
      release.kind = PoolEventKind::kClosed;
    } else {
      ++trip.facts.refusals;
    }
    Handle(release);
    Decide(id);
  }

  void AnswerBusy(WaiterId id) {
    RoundTrip& trip = trips_[id];
    AnsweredAttempt answer;
    answer.status = random_.Percent(50) ? 429 : 503;
    if (answer.status == 503) trip.processed = true;
    answer.idempotent = trip.facts.idempotent;
    answer.body_replayable = trip.facts.body_replayable;
    answer.attempts = trip.facts.attempts;
    if (random_.Percent(50)) answer.retry_after = random_.Millis(0, 2000);
    answer.deadline = trip.facts.deadline;
    const double fraction = static_cast<double>(random_.Millis(0, 999).count()) / 1e9;
    const DelayedRetry retry =
        DecideStatusRetry(answer, retry_limits_, retry_limits_.max_attempts, fraction, time_.now());
    if (retry.verdict != RetryVerdict::kRetry || !budget_.TryTake(time_.now())) {
      return End(id, false);
    }
    ++totals_.retries;
    EXPECT_GE(retry.pause, answer.retry_after.value_or(Duration::zero()));
    EXPECT_LT(time_.now() + retry.pause, trip.facts.deadline);
    time_.In(retry.pause, [this, id] { Acquire(id, false); });
  }

  void Decide(WaiterId id) {
    RoundTrip& trip = trips_[id];
    const RetryVerdict verdict = DecideRetry(trip.facts, retry_limits_.max_attempts, time_.now());
    if (verdict == RetryVerdict::kReplay) {
      ++totals_.replays;
      return Acquire(id, trip.facts.reason == Reason::kConnectionTerminated);
    }
    if (verdict == RetryVerdict::kRetry && budget_.TryTake(time_.now())) {
      ++totals_.retries;
      return Acquire(id, true);
    }
    End(id, false);
  }

  void End(WaiterId id, bool served) {
    RoundTrip& trip = trips_[id];
    EXPECT_FALSE(trip.ended) << "one outcome a round trip";
    trip.ended = true;
    trip.served = served;
    totals_.served += served ? 1 : 0;
    EXPECT_LE(trip.attempts_sent, retry_limits_.max_attempts);
    EXPECT_LE(trip.facts.refusals, kMaxRefusals + 1);
    EXPECT_LE(time_.now(), trip.facts.deadline + milliseconds(10));  // an exchange's length
  }

  Random random_;
  Mood mood_;
  Duration lasting_;
  const RetryLimits retry_limits_ = [] {
    RetryLimits limits;
    limits.statuses = {429, 503};
    return limits;
  }();
  RetryBudget budget_{retry_limits_};
  const Instant start_ = Instant(seconds(1));
  VirtualTime time_{start_};
  CheckedPool pool_;
  std::map<WaiterId, RoundTrip> trips_;
  WaiterId last_id_ = 0;
  Instant tick_at_ = kNever;
  Totals totals_;
};

constexpr std::uint64_t kSeeds = 20;
constexpr Duration kStorm = seconds(10);

TEST(RetrySimulation, BoundsAttemptsAndDialsUnderAStormOfGoAways) {  // O-149, O-148
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Totals totals = RetrySimulation(seed, Mood::kSendsAway, kStorm).Run();
    EXPECT_LE(totals.attempts, 2 * totals.round_trips);
    EXPECT_EQ(totals.retries, 0U);  // what was refused unprocessed costs no tokens
    // Backing off doubles from 50 ms to 1 s: some five dials to get there, then one a second.
    EXPECT_LE(totals.dials, 60U) << "seed " << seed;
    EXPECT_GT(totals.served, 100U);  // all is well once it serves again
  }
}

TEST(RetrySimulation, TellsASecondRefusalOfAStream) {  // O-155, Y15
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Totals totals = RetrySimulation(seed, Mood::kRefusesStreams, kStorm).Run();
    EXPECT_LE(totals.attempts, 2 * totals.round_trips);
    EXPECT_LE(totals.dials, 10U);  // a refused stream does not spoil its connection
  }
}

TEST(RetrySimulation, KeepsRetriesWithinTheirBudgetWhenAnOriginDies) {  // X-016, Y9
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    RetrySimulation simulation(seed, Mood::kHangsUp, kStorm);
    const Totals totals = simulation.Run();
    const RetryLimits& limits = simulation.retry_limits();
    EXPECT_LE(static_cast<double>(totals.retries),
              limits.budget_ratio * static_cast<double>(totals.round_trips) +
                  limits.budget_per_second * std::chrono::duration<double>(totals.lasted).count() +
                  limits.budget_burst);
    EXPECT_LE(totals.attempts, totals.round_trips + totals.retries + totals.replays);
  }
}

TEST(RetrySimulation, AnswersABusyOriginWithinTheBudgetItsWishesAndTheDeadline) {  // O-091, O-092
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    RetrySimulation simulation(seed, Mood::kIsBusy, kStorm);
    const Totals totals = simulation.Run();
    const RetryLimits& limits = simulation.retry_limits();
    EXPECT_GT(totals.retries, 50U);
    EXPECT_LE(static_cast<double>(totals.retries),
              limits.budget_ratio * static_cast<double>(totals.round_trips) +
                  limits.budget_per_second * std::chrono::duration<double>(totals.lasted).count() +
                  limits.budget_burst);
    EXPECT_EQ(totals.attempts, totals.round_trips + totals.retries);
  }
}

TEST(RetrySimulation, ServesEveryoneInPeace) {
  const Totals totals = RetrySimulation(1, Mood::kServes, kStorm).Run();
  EXPECT_EQ(totals.served, totals.round_trips);
  EXPECT_EQ(totals.attempts, totals.round_trips);
}

}  // namespace
}  // namespace spillway
