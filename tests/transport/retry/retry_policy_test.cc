#include "transport/retry/retry_policy.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace spillway {
namespace {

constexpr std::uint32_t kMaxAttempts = 3;
constexpr Instant kNow = Instant(std::chrono::seconds(100));

struct Row {
  std::string name;  // behaviour id and words
  FailedAttempt attempt;
  RetryVerdict verdict;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

FailedAttempt Lost() {
  FailedAttempt attempt;
  attempt.reason = Reason::kConnectionTerminated;
  attempt.reused = true;
  attempt.any_byte_sent = true;
  attempt.idempotent = true;
  return attempt;
}

FailedAttempt Refused() {
  FailedAttempt attempt = Lost();
  attempt.reason = Reason::kHttpStreamRefused;
  attempt.reused = false;
  attempt.idempotent = false;
  attempt.refusals = 1;
  return attempt;
}

FailedAttempt RefusedWith(void (*change)(FailedAttempt&)) {
  FailedAttempt attempt = Refused();
  change(attempt);
  return attempt;
}

FailedAttempt With(void (*change)(FailedAttempt&)) {
  FailedAttempt attempt = Lost();
  change(attempt);
  return attempt;
}

class RetryPolicyTable : public ::testing::TestWithParam<Row> {};

TEST_P(RetryPolicyTable, DecidesByWhatTheOriginMayHaveSeen) {
  EXPECT_EQ(DecideRetry(GetParam().attempt, kMaxAttempts, kNow), GetParam().verdict);
}

INSTANTIATE_TEST_SUITE_P(
    Rules, RetryPolicyTable,
    ::testing::Values(
        Row{"Y6_O111_idempotent_on_a_reused_connection_is_retried", Lost(), RetryVerdict::kRetry},
        Row{"Y5_O111_post_on_a_reused_connection_surfaces",
            With([](FailedAttempt& a) { a.idempotent = false; }), RetryVerdict::kNotIdempotent},
        Row{"Y4_O110_nothing_sent_replays_any_method", With([](FailedAttempt& a) {
              a.idempotent = false;
              a.any_byte_sent = false;
            }),
            RetryVerdict::kReplay},
        Row{"Y3_O112_fresh_connection_is_final", With([](FailedAttempt& a) { a.reused = false; }),
            RetryVerdict::kFinal},
        Row{"D9_fresh_connection_lost_before_any_byte_replays", With([](FailedAttempt& a) {
              a.reused = false;
              a.any_byte_sent = false;
              a.idempotent = false;
            }),
            RetryVerdict::kReplay},
        Row{"Y7_O114_after_the_first_response_byte_never",
            With([](FailedAttempt& a) { a.any_response_byte = true; }), RetryVerdict::kFinal},
        Row{"Y7_timeouts_never",
            With([](FailedAttempt& a) { a.reason = Reason::kHttpResponseTimeout; }),
            RetryVerdict::kFinal},
        Row{"Y7_cancellation_never", With([](FailedAttempt& a) { a.reason = Reason::kCancelled; }),
            RetryVerdict::kFinal},
        Row{"Y7_protocol_errors_never",
            With([](FailedAttempt& a) { a.reason = Reason::kHttpProtocolError; }),
            RetryVerdict::kFinal},
        Row{"Y8_body_that_cannot_be_rewound",
            With([](FailedAttempt& a) { a.body_replayable = false; }),
            RetryVerdict::kBodyNotReplayable},
        Row{"Y9_attempts_are_bounded", With([](FailedAttempt& a) { a.attempts = kMaxAttempts; }),
            RetryVerdict::kMaxAttempts},
        Row{"deadline_passed", With([](FailedAttempt& a) { a.deadline = kNow; }),
            RetryVerdict::kDeadline}),
    [](const auto& row) { return row.param.name; });

// HTTP/2: the origin, or the connection, says that it did nothing.
INSTANTIATE_TEST_SUITE_P(
    Http2, RetryPolicyTable,
    ::testing::Values(
        Row{"Y15_O155_a_refused_stream_replays_any_method_on_any_connection", Refused(),
            RetryVerdict::kReplay},
        Row{"Y12_O145_above_the_last_id_of_a_goaway_replays_any_method", Refused(),
            RetryVerdict::kReplay},
        Row{"O155_O149_the_second_refusal_surfaces",
            RefusedWith([](FailedAttempt& a) { a.refusals = 2; }), RetryVerdict::kFinal},
        Row{"Y17_O157_a_body_partly_consumed_surfaces",
            RefusedWith([](FailedAttempt& a) { a.body_replayable = false; }),
            RetryVerdict::kBodyNotReplayable},
        Row{"Y11_no_stream_no_byte_read_so_even_that_body_goes_again",
            RefusedWith([](FailedAttempt& a) {
              a.body_replayable = false;
              a.any_byte_sent = false;
              a.refusals = 0;
            }),
            RetryVerdict::kReplay},
        Row{"O156_a_stream_refused_after_its_head_is_final",
            RefusedWith([](FailedAttempt& a) { a.any_response_byte = true; }),
            RetryVerdict::kFinal},
        Row{"Y15_attempts_are_bounded",
            RefusedWith([](FailedAttempt& a) { a.attempts = kMaxAttempts; }),
            RetryVerdict::kMaxAttempts},
        Row{"Y15_deadline_passed", RefusedWith([](FailedAttempt& a) { a.deadline = kNow; }),
            RetryVerdict::kDeadline},
        Row{"O158_http11_required_goes_over_http1",
            RefusedWith([](FailedAttempt& a) { a.reason = Reason::kHttpDowngradeRequired; }),
            RetryVerdict::kReplayHttp1},
        Row{"O158_http11_required_with_a_body_that_is_gone", RefusedWith([](FailedAttempt& a) {
              a.reason = Reason::kHttpDowngradeRequired;
              a.body_replayable = false;
            }),
            RetryVerdict::kBodyNotReplayable},
        Row{"Y16_O159_a_stream_reset_by_any_other_code_is_final",
            RefusedWith([](FailedAttempt& a) { a.reason = Reason::kHttpStreamReset; }),
            RetryVerdict::kFinal},
        Row{"Y13_stream_1_under_a_goaway_with_an_error_is_a_reset",
            RefusedWith([](FailedAttempt& a) { a.reason = Reason::kHttpStreamReset; }),
            RetryVerdict::kFinal}),
    [](const auto& row) { return row.param.name; });

// a dying origin sees at most 1 + ratio times the load, beyond the burst.
TEST(RetryBudget, EarnsAFractionOfATokenPerRequestUpToTheBurst) {
  RetryLimits limits;
  limits.budget_ratio = 0.25;
  limits.budget_burst = 2;
  RetryBudget budget(limits);
  EXPECT_TRUE(budget.TryTake(kNow));
  EXPECT_TRUE(budget.TryTake(kNow));
  EXPECT_FALSE(budget.TryTake(kNow));
  int taken = 0;
  for (int i = 0; i < 1000; ++i) {
    budget.OnRequest();
    if (budget.TryTake(kNow)) ++taken;
  }
  EXPECT_EQ(taken, 250);
  for (int i = 0; i < 1000; ++i) budget.OnRequest();
  EXPECT_TRUE(budget.TryTake(kNow));
  EXPECT_TRUE(budget.TryTake(kNow));
  EXPECT_FALSE(budget.TryTake(kNow));
}

TEST(RetryBudget, EarnsTokensWithTimeHoweverFewRequestsThereAre) {
  RetryLimits limits;
  limits.budget_ratio = 0;
  limits.budget_per_second = 10;
  limits.budget_burst = 5;
  RetryBudget budget(limits);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(budget.TryTake(kNow));
  EXPECT_FALSE(budget.TryTake(kNow));
  EXPECT_FALSE(budget.TryTake(kNow + milliseconds(50)));
  EXPECT_TRUE(budget.TryTake(kNow + milliseconds(100)));
  EXPECT_FALSE(budget.TryTake(kNow + milliseconds(100)));
  int taken = 0;
  while (budget.TryTake(kNow + hours(1))) ++taken;
  EXPECT_EQ(taken, 5);  // at rest it holds the burst and no more
}

RetryLimits StatusLimits() {
  RetryLimits limits;
  limits.statuses = {429, 503};
  limits.on_connect_failure = true;
  limits.backoff_initial = milliseconds(100);
  limits.backoff_max = milliseconds(300);
  limits.retry_after_max = seconds(5);
  return limits;
}

AnsweredAttempt Answered(std::uint32_t status, void (*change)(AnsweredAttempt&) = nullptr) {
  AnsweredAttempt attempt;
  attempt.status = status;
  attempt.idempotent = true;
  if (change != nullptr) change(attempt);
  return attempt;
}

struct StatusRow {
  std::string name;
  AnsweredAttempt attempt;
  RetryVerdict verdict;
  Duration pause{};  // with the fraction 0.5
};

TEST(DecideStatusRetry, AnswersTheStatusesOfPolicyAndNoOthers_O090_O091_O092) {
  const std::vector<StatusRow> rows = {
      {"a status that policy does not name is the caller's", Answered(500), RetryVerdict::kFinal},
      {"503 to an idempotent request", Answered(503), RetryVerdict::kRetry, milliseconds(50)},
      {"503 may have acted", Answered(503, [](auto& a) { a.idempotent = false; }),
       RetryVerdict::kNotIdempotent},
      {"429 did not", Answered(429, [](auto& a) { a.idempotent = false; }), RetryVerdict::kRetry,
       milliseconds(50)},
      {"a body that is gone", Answered(429, [](auto& a) { a.body_replayable = false; }),
       RetryVerdict::kBodyNotReplayable},
      {"the second pause is longer", Answered(503, [](auto& a) { a.attempts = 2; }),
       RetryVerdict::kRetry, milliseconds(100)},
      {"the last attempt", Answered(503, [](auto& a) { a.attempts = 3; }),
       RetryVerdict::kMaxAttempts},
      {"not before the origin's own time",
       Answered(503, [](auto& a) { a.retry_after = seconds(2); }), RetryVerdict::kRetry,
       milliseconds(2050)},
      {"a time that is too long", Answered(503, [](auto& a) { a.retry_after = seconds(6); }),
       RetryVerdict::kDeadline},
      {"a time past the deadline",
       Answered(503,
                [](auto& a) {
                  a.retry_after = seconds(2);
                  a.deadline = kNow + seconds(2);
                }),
       RetryVerdict::kDeadline},
      {"a pause past the deadline",
       Answered(503, [](auto& a) { a.deadline = kNow + milliseconds(50); }),
       RetryVerdict::kDeadline},
  };
  for (const StatusRow& row : rows) {
    const DelayedRetry retry =
        DecideStatusRetry(row.attempt, StatusLimits(), kMaxAttempts, 0.5, kNow);
    EXPECT_EQ(retry.verdict, row.verdict) << row.name;
    EXPECT_EQ(retry.pause, row.pause) << row.name;
  }
}

TEST(DecideStatusRetry, NeverPausesLongerThanTheLimit) {
  RetryLimits limits = StatusLimits();
  for (std::uint32_t attempts = 1; attempts < 60; ++attempts) {
    AnsweredAttempt attempt = Answered(503);
    attempt.attempts = attempts;
    const DelayedRetry retry = DecideStatusRetry(attempt, limits, 100, 0.999, kNow);
    ASSERT_EQ(retry.verdict, RetryVerdict::kRetry);
    EXPECT_LT(retry.pause, limits.backoff_max) << attempts;
  }
}

TEST(DecideDialRetry, DialsAgainWhenPolicySaysSo) {
  const RetryLimits limits = StatusLimits();
  const FailedDial refused{Reason::kConnectionRefused, 1, kNever};
  EXPECT_EQ(DecideDialRetry(refused, limits, kMaxAttempts, 0.5, kNow).verdict,
            RetryVerdict::kReplay);
  EXPECT_EQ(DecideDialRetry(refused, RetryLimits{}, kMaxAttempts, 0.5, kNow).verdict,
            RetryVerdict::kFinal);
  const FailedDial third{Reason::kConnectionRefused, 3, kNever};
  EXPECT_EQ(DecideDialRetry(third, limits, kMaxAttempts, 0.5, kNow).verdict,
            RetryVerdict::kMaxAttempts);
  const FailedDial late{Reason::kConnectionRefused, 1, kNow + milliseconds(10)};
  EXPECT_EQ(DecideDialRetry(late, limits, kMaxAttempts, 0.5, kNow).verdict,
            RetryVerdict::kDeadline);
  // What would end the same way again.
  for (const Reason reason : {Reason::kTlsCertificateError, Reason::kDestinationNotFound,
                              Reason::kDestinationIpProhibited, Reason::kPoolQueueFull,
                              Reason::kDraining, Reason::kDeadlineExceeded}) {
    const FailedDial failed{reason, 1, kNever};
    EXPECT_EQ(DecideDialRetry(failed, limits, kMaxAttempts, 0.5, kNow).verdict,
              RetryVerdict::kFinal)
        << Label(reason);
  }
}

TEST(RetryAfterOf, ReadsSecondsAndDates) {
  const std::string made = "Sun, 06 Nov 1994 08:49:37 GMT";
  const std::vector<std::pair<HeaderList, std::optional<Duration>>> rows = {
      {{}, std::nullopt},
      {{{"retry-after", "120"}}, seconds(120)},
      {{{"Retry-After", "0"}}, seconds(0)},
      {{{"Retry-After", "-1"}}, std::nullopt},
      {{{"Retry-After", "1.5"}}, std::nullopt},
      {{{"Retry-After", "99999999999999999999"}}, std::nullopt},
      {{{"Date", made}, {"Retry-After", "Sun, 06 Nov 1994 08:50:37 GMT"}}, seconds(60)},
      {{{"Date", made}, {"Retry-After", "Sun, 06 Nov 1994 08:00:00 GMT"}}, seconds(0)},
      {{{"Retry-After", "Sun, 06 Nov 1994 08:50:37 GMT"}}, std::nullopt},
      {{{"Date", made}, {"Retry-After", "soon"}}, std::nullopt},
  };
  for (const auto& [headers, expected] : rows) {
    EXPECT_EQ(RetryAfterOf(headers), expected) << headers.size();
  }
}

}  // namespace
}  // namespace spillway
