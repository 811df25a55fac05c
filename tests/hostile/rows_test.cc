// Every row of tests/hostile/rows, one test each.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/hostile/row.h"
#include "tests/hostile/run_row.h"

namespace spillway {

// How GoogleTest names a row in its messages.
void PrintTo(const Row& row, std::ostream* out);
void PrintTo(const Row& row, std::ostream* out) { *out << row.id << " " << row.words; }

namespace {

constexpr const char* kRowsFolder = "tests/hostile/rows";

RowFile ReadAllRows() {
  RowFile all;
  std::set<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(kRowsFolder, error)) {
    files.insert(entry.path());
  }
  for (const std::filesystem::path& path : files) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    RowFile one = ParseRows(text.str(), path.filename());
    all.rows.insert(all.rows.end(), one.rows.begin(), one.rows.end());
    all.errors.insert(all.errors.end(), one.errors.begin(), one.errors.end());
  }
  return all;
}

const RowFile& AllRows() {
  static const RowFile kRows = ReadAllRows();
  return kRows;
}

class HostileRow : public testing::TestWithParam<Row> {};

TEST_P(HostileRow, Holds) {
  const Row& row = GetParam();
  for (const std::string& complaint : RunRow(row)) ADD_FAILURE() << row.where << ": " << complaint;
}

INSTANTIATE_TEST_SUITE_P(Rows, HostileRow, testing::ValuesIn(AllRows().rows),
                         [](const auto& one) { return one.param.TestName(); });

TEST(HostileRows, AllParse) {
  for (const std::string& error : AllRows().errors) ADD_FAILURE() << error;
  EXPECT_GT(AllRows().rows.size(), 300U);
}

TEST(HostileRows, HaveEachTheirOwnId) {
  std::set<std::string> ids;
  for (const Row& row : AllRows().rows) EXPECT_TRUE(ids.insert(row.id).second) << row.id;
}

TEST(ParseRows, NamesFileAndLineOfAMistake) {
  EXPECT_EQ(ParseRows("row X-1 a b\nexpect REUSE\nbogus\n", "f").errors,
            std::vector<std::string>{"f:3: not understood: bogus"});
  EXPECT_EQ(ParseRows("row X-1 a b\nexpect SOMETHING\n", "f").errors.size(), 1U);
  EXPECT_EQ(ParseRows("row X-1 a b\n", "f").errors.size(), 1U);
  EXPECT_EQ(ParseRows("row X-1 a b\norigin\n  snd \"x\"\nexpect REUSE\n", "f").errors.size(), 1U);
}

// A harness that never complains proves nothing: rows that must fail.
TEST(RunRow, ComplainsWhenTheOutcomeDiffers) {
  const char* const kWrong[] = {
      "row W-1 a good answer is no failure\nexpect NOT-SENT\n",
      "row W-3 another body\nexpect REUSE body=\"other\"\n",
      "row W-4 a closed connection is not reused\norigin\n  expect_head\n"
      "  send \"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: 0\\r\\n\\r\\n\"\n"
      "expect REUSE\n",
      "row W-5 another line\nexpect REUSE line=\"GET /other HTTP/1.1\"\n",
  };
  for (const char* const text : kWrong) {
    const RowFile file = ParseRows(text, "wrong");
    ASSERT_EQ(file.rows.size(), 1U);
    ASSERT_TRUE(file.errors.empty()) << file.errors[0];
    EXPECT_FALSE(RunRow(file.rows[0]).empty()) << text;
  }
}

}  // namespace
}  // namespace spillway
