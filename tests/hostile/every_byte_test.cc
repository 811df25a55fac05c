// Rows made by counting: a response cut, ended or reset at every byte (O-001, O-030, O-031).

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "tests/harness/test_client.h"
#include "tests/hostile/cut_samples.h"
#include "tests/origin/origin.h"
#include "tests/origin/text.h"

namespace spillway {
namespace {

// The number at the end of "/NUMBER".
std::size_t NumberIn(const SeenRequest& request) {
  return static_cast<std::size_t>(ReadNumber(request.target.substr(1)).value_or(0));
}

Step Send(std::string_view bytes, std::size_t split_at = 0) {
  Step step{StepKind::kSend};
  step.text = bytes;
  step.split_at = split_at;
  return step;
}

class EveryByte : public testing::TestWithParam<CutSample> {};

TEST_P(EveryByte, O001SplitAnywhereGivesTheSameResponseOnOneConnection) {
  const CutSample& sample = GetParam();
  if (sample.ends_with_connection) return;  // cannot be asked twice on one connection
  OriginOptions options;
  options.handler = [&](const SeenRequest& request, std::uint64_t) {
    return Script{Send(sample.bytes, NumberIn(request))};
  };
  Origin origin(std::move(options));
  TestClient client;
  for (std::size_t at = 1; at < sample.bytes.size(); ++at) {
    const Story story = client.Get(origin.url("/" + std::to_string(at))).Finish();
    ASSERT_TRUE(story.ok()) << "split at " << at << ": " << story.Text();
    ASSERT_EQ(story.body, sample.body) << "split at " << at;
  }
  EXPECT_EQ(origin.log().connection_count(), 1U);
}

// What must come of a response of which only `count` bytes arrived.
void CheckCut(const CutSample& sample, std::size_t count, bool reset, const Story& story) {
  const std::size_t head_end = HeadEnd(sample);
  SCOPED_TRACE(std::string(reset ? "RST" : "FIN") + " after " + std::to_string(count) + ": " +
               story.Text());
  EXPECT_EQ(story.ends, 1U);
  EXPECT_TRUE(story.violations.empty());
  EXPECT_EQ(story.record.attempts, 1U);
  EXPECT_TRUE(sample.body.starts_with(story.body));
  if (sample.ends_with_connection ? count >= head_end && !reset : count == sample.bytes.size()) {
    EXPECT_TRUE(story.ok());
    const std::size_t arrived = sample.ends_with_connection ? count - head_end : sample.body.size();
    EXPECT_EQ(story.body, sample.body.substr(0, arrived));
    return;
  }
  EXPECT_FALSE(story.ok()) << "an incomplete response must never look complete";
  EXPECT_EQ(story.delivery(), count >= head_end ? Delivery::kAnswered : Delivery::kUnknown);
  EXPECT_EQ(story.head.has_value(), count >= head_end);
  EXPECT_FALSE(story.trailers.has_value());
  EXPECT_EQ(story.reason(),
            count == 0 ? Reason::kConnectionTerminated : Reason::kHttpResponseIncomplete);
}

void CutEverywhere(const CutSample& sample, bool reset) {
  OriginOptions options;
  options.handler = [&](const SeenRequest& request, std::uint64_t) {
    return Script{Send(sample.bytes.substr(0, NumberIn(request))),
                  Step{reset ? StepKind::kRst : StepKind::kFin}};
  };
  Origin origin(std::move(options));
  TestClient client;
  for (std::size_t count = 0; count <= sample.bytes.size(); ++count) {
    Request request;
    request.url = origin.url("/" + std::to_string(count));
    request.fresh_connection = true;
    CheckCut(sample, count, reset, client.Start(std::move(request)).Finish());
  }
  EXPECT_TRUE(client.AwaitIdle(0));
  EXPECT_EQ(origin.log().request_count(), sample.bytes.size() + 1) << "nothing was sent twice";
}

TEST_P(EveryByte, O030EofNeverMakesAPartLookWhole) { CutEverywhere(GetParam(), false); }

TEST_P(EveryByte, O031ResetNeverMakesAPartLookWhole) { CutEverywhere(GetParam(), true); }

INSTANTIATE_TEST_SUITE_P(Samples, EveryByte, testing::ValuesIn(kCutSamples),
                         [](const auto& sample) {
                           std::string name = sample.param.name;
                           std::replace(name.begin(), name.end(), ' ', '_');
                           return name;
                         });

}  // namespace
}  // namespace spillway
