#include "server/collector.h"

#include <gtest/gtest.h>

#include "server/admission.h"

namespace spillway {
namespace {

class Collected final : public Collector {
 public:
  explicit Collected(Admission& admission) : Collector(admission, 0) {}
  void OnEnd(const RoundTripRecord& /*record*/) override {}
  void OnMemoryExhausted() override { ++exhaustions; }

  using Collector::exhausted;
  using Collector::head;
  using Collector::held_bytes;
  using Collector::informational;
  using Collector::TakeBody;
  using Collector::trailers;
  using Collector::WantInformational;

  int exhaustions = 0;
};

class CollectorTest : public testing::Test {
 protected:
  Admission admission_{AdmissionLimits{.max_calls = 10, .max_bytes = 10'000'000}};
  Collected collected_{admission_};
};

TEST_F(CollectorTest, KeepsEveryByteInOrder) {
  std::string expected;
  for (int i = 0; i < 300; ++i) {
    const std::string text(static_cast<std::size_t>(i * 37 % 9000 + 1),
                           static_cast<char>('a' + i % 26));
    expected += text;
    if (i % 3 == 0) {
      collected_.OnData(Chunk{text, nullptr});
    } else {
      collected_.OnData(Chunk::Own(text));
    }
  }
  EXPECT_EQ(collected_.held_bytes(), expected.size());
  EXPECT_EQ(collected_.TakeBody().Flatten(), expected);
}

TEST_F(CollectorTest, KeepsALargeOwnedChunkAndCopiesASmallOne) {
  const Chunk large = Chunk::Own(std::string(Collector::kKeptChunkBytes, 'l'));
  const Chunk small = Chunk::Own(std::string(Collector::kKeptChunkBytes - 1, 's'));
  collected_.OnData(large);
  collected_.OnData(small);
  const Body body = collected_.TakeBody();
  ASSERT_EQ(body.chunks().size(), 2u);
  EXPECT_EQ(body.chunks()[0].bytes.data(), large.bytes.data());
  EXPECT_NE(body.chunks()[1].bytes.data(), small.bytes.data());
  EXPECT_EQ(small.owner.use_count(), 1);
}

TEST_F(CollectorTest, GathersManySmallChunksIntoFewPieces) {
  for (int i = 0; i < 200'000; ++i) collected_.OnData(Chunk{"x", nullptr});
  const Body body = collected_.TakeBody();
  EXPECT_EQ(body.size(), 200'000u);
  EXPECT_LE(body.chunks().size(), 200'000 / Collector::kGatheredBytes + 1);
}

TEST_F(CollectorTest, KeepsInformationalResponsesOnlyWhenWantedAndNotWithoutEnd) {
  collected_.OnInformational({});
  EXPECT_TRUE(collected_.informational().empty());
  collected_.WantInformational();
  for (int i = 0; i < 100; ++i) collected_.OnInformational({});
  EXPECT_EQ(collected_.informational().size(), Collector::kMaxInformational);
}

TEST_F(CollectorTest, KeepsHeadAndTrailers) {
  ResponseHead head;
  head.status = 404;
  collected_.OnHead(std::move(head), BodyKind::kLength, 5);
  collected_.OnTrailers({{"T", "v"}});
  EXPECT_EQ(collected_.head().status, 404u);
  EXPECT_EQ(collected_.trailers(), (HeaderList{{"T", "v"}}));
}

TEST(CollectorMemory, GivesUpTheBodyWhenMessagesInFlightUseUpTheirMemory) {
  Admission admission{AdmissionLimits{.max_calls = 10, .max_bytes = 100}};
  ASSERT_FALSE(admission.Admit(60).has_value());
  Collected collected(admission);
  collected.OnData(Chunk{std::string(40, 'a'), nullptr});
  EXPECT_FALSE(collected.exhausted());
  collected.OnData(Chunk{"b", nullptr});
  collected.OnData(Chunk{"c", nullptr});
  EXPECT_TRUE(collected.exhausted());
  EXPECT_EQ(collected.exhaustions, 1);
  EXPECT_EQ(collected.held_bytes(), 40u);
}

TEST(Admission, RefusesAboveItsLimitsAndCountsEveryOutcome) {  // C-045
  Admission admission{AdmissionLimits{.max_calls = 2, .max_bytes = 100}};
  EXPECT_FALSE(admission.Admit(50).has_value());
  EXPECT_EQ(admission.Admit(51).value().reason, Reason::kPoolQueueFull);
  EXPECT_FALSE(admission.Admit(50).has_value());
  EXPECT_EQ(admission.Admit(0).value().reason, Reason::kPoolQueueFull);
  admission.End(50, CallOutcome::kOk);
  EXPECT_FALSE(admission.Admit(10).has_value());
  EXPECT_TRUE(admission.Grow(40));
  EXPECT_FALSE(admission.Grow(1));
  admission.End(50, CallOutcome::kFailed);
  admission.End(50, CallOutcome::kCancelled);
  const CallLedger ledger = admission.ledger();
  EXPECT_EQ(ledger.admitted, 3u);
  EXPECT_EQ(ledger.refused, 2u);
  EXPECT_EQ(ledger.ok, 1u);
  EXPECT_EQ(ledger.failed, 1u);
  EXPECT_EQ(ledger.cancelled, 1u);
  EXPECT_EQ(ledger.running, 0u);
  EXPECT_FALSE(admission.Admit(100).has_value());
  admission.End(100, CallOutcome::kOk);
}

TEST(Admission, RefusesEveryCallOnceItHasStopped) {
  Admission admission{AdmissionLimits{}};
  ASSERT_FALSE(admission.Admit(1).has_value());
  admission.StopAdmitting([] {});
  const Failure refusal = admission.Admit(1).value();
  EXPECT_EQ(refusal.reason, Reason::kDraining);
  EXPECT_EQ(refusal.delivery, Delivery::kNotSent);
  EXPECT_EQ(admission.ledger().running, 1u);
  admission.End(1, CallOutcome::kOk);
}

}  // namespace
}  // namespace spillway
