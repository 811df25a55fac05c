// docs/errors.md says what the daemon does.

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "server/status_map.h"
#include "transport/base/failure.h"

namespace spillway {
namespace {

std::string Page() {
  std::ifstream file("docs/errors.md");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string Name(grpc::StatusCode code) {
  const std::map<grpc::StatusCode, std::string> names = {
      {grpc::StatusCode::CANCELLED, "CANCELLED"},
      {grpc::StatusCode::INVALID_ARGUMENT, "INVALID_ARGUMENT"},
      {grpc::StatusCode::DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"},
      {grpc::StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED"},
      {grpc::StatusCode::RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED"},
      {grpc::StatusCode::ABORTED, "ABORTED"},
      {grpc::StatusCode::UNIMPLEMENTED, "UNIMPLEMENTED"},
      {grpc::StatusCode::INTERNAL, "INTERNAL"},
      {grpc::StatusCode::UNAVAILABLE, "UNAVAILABLE"}};
  return names.at(code);
}

TEST(ErrorsPage, ListsEveryReasonWithItsCodes) {
  const std::string page = Page();
  for (int i = 1; i < static_cast<int>(Reason::kReasonCount); ++i) {
    const auto reason = static_cast<Reason>(i);
    const std::string harmless = Name(CodeFor(reason, Delivery::kNotSent));
    const std::string acted = Name(CodeFor(reason, Delivery::kUnknown));
    EXPECT_EQ(CodeFor(reason, Delivery::kUnprocessed), CodeFor(reason, Delivery::kNotSent));
    EXPECT_EQ(CodeFor(reason, Delivery::kAnswered), CodeFor(reason, Delivery::kUnknown));
    const std::string row = "\n| `" + std::string(Label(reason)) + "` | " + harmless +
                            (harmless == acted ? "" : ", " + acted) + " | ";
    EXPECT_NE(page.find(row), std::string::npos) << row;
  }
}

TEST(ErrorsPage, ListsEverySourcePhaseAndDelivery) {
  const std::string page = Page();
  const auto expect = [&page](std::string_view word) {
    EXPECT_NE(page.find("`" + std::string(word) + "`"), std::string::npos) << word;
  };
  for (int i = 1; i <= static_cast<int>(Source::kService); ++i) {
    expect(Label(static_cast<Source>(i)));
  }
  for (int i = 1; i <= static_cast<int>(Phase::kBody); ++i) expect(Label(static_cast<Phase>(i)));
  for (int i = 1; i <= static_cast<int>(Delivery::kAnswered); ++i) {
    expect(Label(static_cast<Delivery>(i)));
  }
}

}  // namespace
}  // namespace spillway
