#include "metrics/request_table.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <thread>
#include <vector>

namespace spillway {
namespace {

RequestLabels StatusLabels(std::uint32_t status) {
  return RequestLabels::Of("GET", status, Reason::kNone, "HTTP/1.1");
}

TEST(RequestLabels, SurvivePackingAndDifferWhenAnyPartDiffers) {
  std::set<std::uint32_t> packed;
  std::size_t combinations = 0;
  for (const std::string_view method : kMethods) {
    for (const std::uint32_t status : {0u, 1u, 100u, 200u, 404u, 599u}) {
      for (std::size_t error = 0; error < static_cast<std::size_t>(Reason::kReasonCount); ++error) {
        for (std::size_t version = 0; version < kProtocolVersions.size(); ++version) {
          const RequestLabels labels{MethodIndex(method), status, static_cast<Reason>(error),
                                     version};
          const RequestLabels back = RequestLabels::Unpack(labels.Pack());
          ASSERT_EQ(back.method, labels.method);
          ASSERT_EQ(back.status, labels.status);
          ASSERT_EQ(back.error, labels.error);
          ASSERT_EQ(back.version, labels.version);
          packed.insert(labels.Pack());
          ++combinations;
        }
      }
    }
  }
  EXPECT_EQ(packed.size(), combinations);
}

// C-079: closed lists only.
TEST(RequestLabels, MapWhatIsNotKnownToACatchAll) {
  EXPECT_EQ(kMethods[RequestLabels::Of("get", 200, Reason::kNone, "HTTP/1.1").method], "_OTHER");
  EXPECT_EQ(kMethods[RequestLabels::Of("X-7f3a", 200, Reason::kNone, "").method], "_OTHER");
  EXPECT_EQ(RequestLabels::Of("GET", 99, Reason::kNone, "").status, RequestLabels::kOtherStatus);
  EXPECT_EQ(RequestLabels::Of("GET", 600, Reason::kNone, "").status, RequestLabels::kOtherStatus);
  EXPECT_EQ(RequestLabels::Of("GET", 0, Reason::kNone, "").status, 0u);
  EXPECT_EQ(RequestLabels::Of("GET", 200, Reason::kNone, "HTTP/9.9").version, 0u);
}

TEST(RequestTable, FindsTheSameHistogramForTheSameLabels) {
  LabelSetBudget budget(10);
  RequestTable table(budget);
  RequestHistogram* const ok = table.Find(StatusLabels(200));
  ASSERT_NE(ok, nullptr);
  EXPECT_EQ(table.Find(StatusLabels(200)), ok);
  EXPECT_NE(table.Find(StatusLabels(404)), ok);
  EXPECT_EQ(table.Entries().size(), 2u);
}

TEST(RequestTable, IsFullAtItsLimitAndStillFindsWhatItHas) {
  LabelSetBudget budget(1000);
  RequestTable table(budget);
  std::map<std::uint32_t, RequestHistogram*> found;
  for (std::uint32_t status = 100; status < 100 + RequestTable::kMaxEntries; ++status) {
    found[status] = table.Find(StatusLabels(status));
    ASSERT_NE(found[status], nullptr);
  }
  for (std::uint32_t status = 400; status < 500; ++status) {
    EXPECT_EQ(table.Find(StatusLabels(status)), nullptr);
  }
  for (const auto& [status, histogram] : found) {
    EXPECT_EQ(table.Find(StatusLabels(status)), histogram);
  }
  EXPECT_EQ(table.Entries().size(), RequestTable::kMaxEntries);
}

TEST(RequestTable, SharesTheBudgetAndGivesItBack) {
  LabelSetBudget budget(3);
  {
    RequestTable first(budget);
    ASSERT_NE(first.Find(StatusLabels(200)), nullptr);
    ASSERT_NE(first.Find(StatusLabels(201)), nullptr);
    RequestTable second(budget);
    ASSERT_NE(second.Find(StatusLabels(200)), nullptr);
    EXPECT_EQ(second.Find(StatusLabels(201)), nullptr);
    EXPECT_EQ(first.Find(StatusLabels(202)), nullptr);
  }
  RequestTable third(budget);
  for (std::uint32_t status = 200; status < 203; ++status) {
    EXPECT_NE(third.Find(StatusLabels(status)), nullptr);
  }
  EXPECT_EQ(third.Find(StatusLabels(203)), nullptr);
}

TEST(RequestTable, AgreesAboutNewLabelsBetweenThreads) {
  constexpr std::size_t kThreads = 8;
  constexpr std::uint32_t kStatuses = 100;
  constexpr std::uint64_t kRounds = 20;
  LabelSetBudget budget(kStatuses);
  RequestTable table(budget);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&table] {
      for (std::uint64_t round = 0; round < kRounds; ++round) {
        for (std::uint32_t i = 0; i < kStatuses; ++i) {
          RequestHistogram* const histogram = table.Find(StatusLabels(200 + i));
          if (histogram != nullptr) histogram->Observe(1);
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  // While two threads raced for one combination the budget may have looked empty to a third.
  const auto entries = table.Entries();
  std::set<std::uint32_t> keys;
  for (const auto* entry : entries) keys.insert(entry->key);
  EXPECT_EQ(keys.size(), entries.size());
  EXPECT_LE(entries.size(), kStatuses);
  for (std::uint32_t i = 0; i < kStatuses; ++i) {
    EXPECT_NE(table.Find(StatusLabels(200 + i)), nullptr);
  }
}

}  // namespace
}  // namespace spillway
