// The join itself: each broken rule must be found, or the ledgers prove nothing.

#include "tests/ledger/entry.h"

#include <gtest/gtest.h>

#include <functional>

namespace spillway {
namespace {

using Kind = OriginEvent::Kind;

CallerEntry Good() {
  CallerEntry entry;
  entry.id = "id1";
  entry.method = "POST";
  entry.ends = 1;
  entry.ok = true;
  entry.attempts = 1;
  entry.body_digest = 7;
  entry.echoed_id = "id1";
  entry.echoed_digest = 7;
  entry.response_body_right = true;
  return entry;
}

std::vector<OriginEvent> Trace() {
  return {{Kind::kHead, "id1", 1, "POST", 0},
          {Kind::kBody, "id1", 1, "POST", 7},
          {Kind::kAnswer, "id1", 1, "POST", 0}};
}

TEST(LedgerJoin, AcceptsAGoodPair) { EXPECT_TRUE(Join({Good()}, Trace(), 3).empty()); }

struct Broken {
  const char* rule;
  std::function<void(CallerEntry&, std::vector<OriginEvent>&)> breaks;
};

TEST(LedgerJoin, FindsEveryBrokenRule) {
  const Broken rows[] = {
      {"rule 1", [](auto& entry, auto&) { entry.ends = 0; }},
      {"rule 1", [](auto& entry, auto&) { entry.ends = 2; }},
      {"rule 2", [](auto&, auto& events) { events.pop_back(); }},
      {"rule 2", [](auto& entry, auto&) { entry.echoed_id = "id2"; }},
      {"rule 2", [](auto& entry, auto&) { entry.echoed_digest = 8; }},
      {"rule 2", [](auto& entry, auto&) { entry.response_body_right = false; }},
      {"rule 2", [](auto&, auto& events) { events[1].digest = 9; }},
      {"rule 3",
       [](auto& entry, auto&) {
         entry.ok = false;
         entry.reason = "connection_refused";
         entry.delivery = "not_sent";
       }},
      {"rule 4",
       [](auto& entry, auto& events) {
         entry.attempts = 2;
         entry.failed_attempts_logged = 1;
         events.push_back(events[0]);
       }},
      {"rule 5",
       [](auto& entry, auto& events) {
         entry.idempotent = true;
         events.push_back(events[0]);
       }},
      {"rule 5",
       [](auto& entry, auto& events) {
         entry.idempotent = true;
         entry.attempts = 2;
         events.push_back(events[0]);
       }},
      {"rule 5", [](auto& entry, auto&) { entry.attempts = 4; }},
      {"rule 6", [](auto&, auto& events) { events[0].method = "GET"; }},
      {"rule 3",
       [](auto& entry, auto&) {
         entry.ok = false;
         entry.reason = "http_stream_refused";
         entry.delivery = "unprocessed";
       }},
      {"rule 9", [](auto& entry, auto&) { entry.foreign_bytes = true; }},
      {"rule 8", [](auto& entry, auto&) { entry.denied = true; }},
      {"nobody sent", [](auto&, auto& events) { events[0].id = "id9"; }},
  };
  for (const Broken& row : rows) {
    CallerEntry entry = Good();
    std::vector<OriginEvent> events = Trace();
    row.breaks(entry, events);
    const auto complaints = Join({entry}, events, 3);
    ASSERT_FALSE(complaints.empty()) << row.rule;
    bool named = false;
    for (const std::string& complaint : complaints) {
      named = named || complaint.find(row.rule) != std::string::npos;
    }
    EXPECT_TRUE(named) << row.rule << ", got: " << complaints[0];
  }
}

TEST(LedgerLine, SurvivesTheFile) {
  const OriginEvent event{Kind::kBody, "00ff", 12, "PUT", 99};
  const std::string line = LineOf(event);
  EXPECT_EQ(line.back(), '\n');
  const auto read = ReadLine(line);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(LineOf(*read), line);
  EXPECT_FALSE(ReadLine("B 00ff 12").has_value()) << "a line cut by a sudden death";
}

}  // namespace
}  // namespace spillway
