#include "cli/request_text.h"

#include <gtest/gtest.h>

namespace spillway::cli {
namespace {

struct Row {
  const char* name;
  const char* value;
  const char* shown;
};

TEST(ShownValue, KeepsTheSchemeOfCredentialsAndNothingElseOfThem) {  // KG8
  const Row rows[] = {
      {"Authorization", "Bearer sekret", "Bearer (hidden)"},
      {"authorization", "bearer sekret", "bearer (hidden)"},
      {"AUTHORIZATION", "Basic c2VrcmV0", "Basic (hidden)"},
      {"Authorization", "Negotiate sekret", "Negotiate (hidden)"},
      {"Authorization", "Bearer ", "Bearer"},
      {"Authorization", "Bearer", "Bearer"},
      {"Authorization", "Digest sekret", "(hidden)"},
      {"Authorization", "sekret", "(hidden)"},
      {"Authorization", "", ""},
      {"Proxy-Authorization", "Basic sekret", "Basic (hidden)"},
      {"Cookie", "id=sekret", "(hidden)"},
      {"Set-Cookie", "id=sekret", "(hidden)"},
      {"X-Authorization", "Bearer a", "Bearer a"},
      {"Accept", "*/*", "*/*"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(ShownValue(row.name, row.value), row.shown) << row.name << ": " << row.value;
  }
}

TEST(CurlCommand, CanBeGivenToAShell) {
  spillway::v1::HttpRequest request;
  request.set_method("GET");
  request.set_url("http://a.test/it's?x=1&y=$(z)");
  auto* header = request.add_headers();
  header->set_name("X-Note");
  header->set_value("it's; rm");
  EXPECT_EQ(CurlCommand(request),
            "curl -v -X 'GET' -H 'X-Note: it'\\''s; rm' 'http://a.test/it'\\''s?x=1&y=$(z)'");
}

}  // namespace
}  // namespace spillway::cli
