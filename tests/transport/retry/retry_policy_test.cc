#include "transport/retry/retry_policy.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string>

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
  EXPECT_TRUE(budget.TryTake());
  EXPECT_TRUE(budget.TryTake());
  EXPECT_FALSE(budget.TryTake());
  int taken = 0;
  for (int i = 0; i < 1000; ++i) {
    budget.OnRequest();
    if (budget.TryTake()) ++taken;
  }
  EXPECT_EQ(taken, 250);
  for (int i = 0; i < 1000; ++i) budget.OnRequest();
  EXPECT_TRUE(budget.TryTake());
  EXPECT_TRUE(budget.TryTake());
  EXPECT_FALSE(budget.TryTake());
}

}  // namespace
}  // namespace spillway
