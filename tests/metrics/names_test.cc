#include "metrics/names.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "transport/records.h"

namespace spillway {
namespace {

std::string TypeName(FamilyType type) {
  switch (type) {
    case FamilyType::kCounter:
      return "counter";
    case FamilyType::kGauge:
      return "gauge";
    case FamilyType::kHistogram:
      return "histogram";
  }
  return "";
}

std::string BucketName(BucketSet set) {
  switch (set) {
    case BucketSet::kNone:
      return "";
    case BucketSet::kWait:
      return "W";
    case BucketSet::kDial:
      return "D";
    case BucketSet::kRequest:
      return "R";
    case BucketSet::kLife:
      return "L";
    case BucketSet::kUses:
      return "U";
    case BucketSet::kCall:
      return "C";
    case BucketSet::kBatch:
      return "B";
  }
  return "";
}

// Rows of docs/metrics.md's tables, cells trimmed and without backquotes.
std::vector<std::vector<std::string>> TableRows() {
  std::ifstream file("docs/metrics.md");
  EXPECT_TRUE(file.good());
  std::vector<std::vector<std::string>> rows;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("| `")) continue;
    std::vector<std::string> cells;
    std::istringstream in(line.substr(1));
    for (std::string cell; std::getline(in, cell, '|');) {
      std::erase(cell, '`');
      const auto first = cell.find_first_not_of(' ');
      const auto last = cell.find_last_not_of(' ');
      cells.push_back(first == std::string::npos ? "" : cell.substr(first, last - first + 1));
    }
    rows.push_back(cells);
  }
  return rows;
}

TEST(Families, FollowTheRulesForNames) {
  std::set<std::string_view> names;
  for (const FamilyInfo& info : AllFamilies()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_FALSE(info.help.empty()) << info.name;
    EXPECT_EQ(info.name.ends_with("_total"), info.type == FamilyType::kCounter) << info.name;
    EXPECT_EQ(info.buckets == BucketSet::kNone, info.type != FamilyType::kHistogram) << info.name;
    for (const char* unit : {"_millis", "_nanos", "_ms", "_micros"}) {
      EXPECT_EQ(info.name.find(unit), std::string::npos) << info.name;
    }
  }
}

// C-079: what a label may be is decided here and in review, not by traffic.
TEST(Families, CarryOnlyLabelsOfTheClosedList) {
  const std::set<std::string_view> allowed = {"destination",
                                              "server_address",
                                              "server_port",
                                              "http_request_method",
                                              "http_response_status_code",
                                              "error_type",
                                              "network_protocol_version",
                                              "http_connection_state",
                                              "grpc_method",
                                              "grpc_status",
                                              "source",
                                              "outcome",
                                              "reason",
                                              "purpose",
                                              "phase",
                                              "result",
                                              "kind",
                                              "direction",
                                              "loop",
                                              "tls_protocol_version",
                                              "resumed",
                                              "tenant",
                                              "cause",
                                              "name",
                                              "version",
                                              "commit",
                                              "family"};
  for (const FamilyInfo& info : AllFamilies()) {
    for (const std::string_view label : info.labels) {
      EXPECT_TRUE(label.empty() || allowed.contains(label)) << info.name << " " << label;
    }
  }
}

TEST(Buckets, Ascend) {
  for (const FamilyInfo& info : AllFamilies()) {
    const auto bounds = Bounds(info.buckets);
    EXPECT_EQ(std::adjacent_find(bounds.begin(), bounds.end(), std::greater_equal<>()),
              bounds.end())
        << info.name;
  }
}

TEST(Labels, MapWhatIsNotOnTheirListToItsCatchAll) {
  EXPECT_EQ(kMethods[MethodIndex("DELETE")], "DELETE");
  EXPECT_EQ(kMethods[MethodIndex("BREW")], "_OTHER");
  EXPECT_EQ(kMethods[MethodIndex("")], "_OTHER");
  EXPECT_EQ(kMethods[MethodIndex("_OTHER")], "_OTHER");
  EXPECT_EQ(kCallMethods[CallMethodIndex("/spillway.v1.Egress/RoundTrip")],
            "spillway.v1.Egress/RoundTrip");
  EXPECT_EQ(kCallMethods[CallMethodIndex("/evil.v1.Probe/x")], "other");
  EXPECT_EQ(kCallMethods[CallMethodIndex("")], "other");
  EXPECT_EQ(kCallCodes[CallCodeIndex("UNAVAILABLE")], "UNAVAILABLE");
  EXPECT_EQ(kCallCodes[CallCodeIndex("TEAPOT")], "UNKNOWN");
  EXPECT_EQ(kProtocolVersions[ProtocolIndex("HTTP/1.1")], "1.1");
  EXPECT_EQ(kProtocolVersions[ProtocolIndex("HTTP/1.0")], "1.0");
  EXPECT_EQ(kProtocolVersions[ProtocolIndex("HTTP/2")], "2");
  EXPECT_EQ(kProtocolVersions[ProtocolIndex("SPDY")], "");
}

// Values of enumerations as the metrics' documentation lists them.
TEST(Labels, AreThoseOfTheContract) {
  const auto join = [](auto last) {
    std::string joined;
    for (std::size_t i = 0; i <= static_cast<std::size_t>(last); ++i) {
      joined += (i == 0 ? "" : "|") + std::string(Label(static_cast<decltype(last)>(i)));
    }
    return joined;
  };
  EXPECT_EQ(join(AcquireSource::kCoalesced), "idle|stream|new|coalesced");
  EXPECT_EQ(join(AcquireOutcome::kFailed), "ok|timeout|cancelled|rejected|failed");
  EXPECT_EQ(join(Rejection::kDraining),
            "queue_full|wait_timeout|deadline|tenant_quota|fd_limit|breaker_open|draining");
  EXPECT_EQ(join(DialPurpose::kProbe), "demand|warm|probe");
  EXPECT_EQ(join(DialThrottle::kBackoff), "concurrency|backoff");
  EXPECT_EQ(join(StaleResult::kSurfaced), "caught_before_write|replayed|surfaced");
  EXPECT_EQ(join(AttemptKind::kRetry), "first|replay|retry");
  EXPECT_EQ(join(RetrySuppressed::kMaxAttempts),
            "budget|not_idempotent|body_not_replayable|deadline|max_attempts");
  EXPECT_EQ(join(TimelineEvent::Kind::kRedirect),
            "started|queued|granted|written|informational|first_byte|head|retry|ended|not_granted|"
            "dns_start|dns_done|connect_start|connect_done|proxy_start|proxy_done|tls_start|"
            "tls_done|headers_written|wait_100|got_100|first_data|body_done|put_idle|backoff|"
            "redirect");
}

TEST(Documentation, HasOneRowForEachFamilyWithItsTypeLabelsAndBuckets) {
  std::set<std::string> documented;
  for (const auto& row : TableRows()) {
    ASSERT_GE(row.size(), 4u) << row.front();
    const auto families = AllFamilies();
    const auto family = std::find_if(families.begin(), families.end(),
                                     [&](const FamilyInfo& info) { return info.name == row[0]; });
    ASSERT_NE(family, families.end()) << row[0] << " is documented and does not exist";
    EXPECT_TRUE(documented.insert(row[0]).second) << row[0];
    EXPECT_EQ(row[1], TypeName(family->type)) << row[0];
    std::string labels;
    for (const std::string_view label : family->labels) {
      if (!label.empty()) labels += (labels.empty() ? "" : ", ") + std::string(label);
    }
    EXPECT_EQ(row[2], labels) << row[0];
    EXPECT_EQ(row[3], BucketName(family->buckets)) << row[0];
  }
  for (const FamilyInfo& info : AllFamilies()) {
    EXPECT_TRUE(documented.contains(std::string(info.name))) << info.name << " is not documented";
  }
}

TEST(Documentation, ListsTheBoundsOfEachBucketSet) {
  std::ifstream file("docs/metrics.md");
  std::stringstream text;
  text << file.rdbuf();
  for (const BucketSet set :
       {BucketSet::kWait, BucketSet::kDial, BucketSet::kRequest, BucketSet::kLife, BucketSet::kUses,
        BucketSet::kCall, BucketSet::kBatch}) {
    std::ostringstream line;
    line << "- **" << BucketName(set) << "**:";
    for (const std::int64_t bound : Bounds(set)) {
      std::ostringstream number;
      number.precision(9);
      number << std::defaultfloat << static_cast<double>(bound) / Divisor(set);
      line << " " << number.str();
    }
    EXPECT_NE(text.str().find(line.str() + "\n"), std::string::npos) << line.str();
  }
}

}  // namespace
}  // namespace spillway
