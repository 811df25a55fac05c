// YAML text to a tree with places, and what is refused on the way.

#include "server/yaml_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/utf8.h"

namespace spillway {
namespace {

std::string ProblemText(const std::string& text) {
  std::vector<ConfigProblem> problems;
  ReadYaml(text, problems);
  std::string all;
  for (const ConfigProblem& problem : problems) {
    all += std::to_string(problem.line) + ":" + std::to_string(problem.column) + " " +
           problem.path + (problem.path.empty() ? "" : ": ") + problem.message + "\n";
  }
  return all;
}

TEST(ReadYaml, GivesATreeWithPlaces) {
  std::vector<ConfigProblem> problems;
  const auto root = ReadYaml("a: 1\nlist:\n  - \"x\"\n  - {k: v}\nempty:\n", problems);
  ASSERT_TRUE(root.has_value());
  EXPECT_TRUE(problems.empty());
  ASSERT_EQ(root->kind, YamlNode::Kind::kMap);
  ASSERT_EQ(root->entries.size(), 3U);
  EXPECT_EQ(root->entries[0].key, "a");
  EXPECT_EQ(root->entries[0].value.kind, YamlNode::Kind::kPlain);
  EXPECT_EQ(root->entries[0].value.text, "1");
  EXPECT_EQ(root->entries[1].mark.line, 2U);
  EXPECT_EQ(root->entries[1].mark.column, 1U);
  const YamlNode& list = root->entries[1].value;
  ASSERT_EQ(list.kind, YamlNode::Kind::kList);
  ASSERT_EQ(list.items.size(), 2U);
  EXPECT_EQ(list.items[0].kind, YamlNode::Kind::kQuoted);
  EXPECT_EQ(list.items[0].mark.line, 3U);
  EXPECT_EQ(list.items[0].mark.column, 5U);
  EXPECT_EQ(list.items[1].entries[0].value.mark.column, 9U);
  EXPECT_EQ(root->entries[2].value.kind, YamlNode::Kind::kNull);
}

TEST(ReadYaml, ReadsCarriageReturnsAsLineEnds) {
  std::vector<ConfigProblem> problems;
  const auto root = ReadYaml("a: 1\r\nb: 2\r\n", problems);
  ASSERT_TRUE(root.has_value());
  ASSERT_EQ(root->entries.size(), 2U);
  EXPECT_EQ(root->entries[0].value.text, "1");
  EXPECT_EQ(root->entries[1].mark.line, 2U);
}

TEST(ReadYaml, RefusesWhatAConfigurationDoesNotNeed) {
  const struct {
    const char* text;
    const char* problem;
  } rows[] = {
      {"", "0:0 the file is empty; {} stands for all defaults\n"},
      {" \n\t\n", "0:0 the file is empty; {} stands for all defaults\n"},
      {"# only a comment\n", "0:0 the file is empty; {} stands for all defaults\n"},
      {"---\n", "0:0 the file is empty; {} stands for all defaults\n"},
      {"~\n", "0:0 the file is empty; {} stands for all defaults\n"},
      {"a: 1", "0:0 the last line does not end; the file may be cut off\n"},
      {"\xef\xbb\xbf{}\n", "1:1 begins with a byte order mark; save it as UTF-8 without one\n"},
      {"a: 1\n  b\xff: 2\n", "2:4 not valid UTF-8\n"},
      {"\xff\xfe{\n", "1:1 not valid UTF-8\n"},
      {"a: \x01\n", "1:4 a control character\n"},
      {"a: 1\n---\nb: 2\n", "0:0 more than one document\n"},
      {"a: 1\n...\n---\n[]\n", "0:0 more than one document\n"},
      {"a: 1\nb: 2\na: 3\n", "3:1 a: this mapping has the key twice\n"},
      {"x: {a: 1, \"a\": 2}\n", "1:11 a: this mapping has the key twice\n"},
      {"a: &x 1\nb: *x\n",
       "1:4 anchors and aliases are not supported\n2:4 anchors and aliases are not supported\n"},
      {"a: !!str 1\n", "1:4 tags are not supported\n"},
      {"a: !mine {}\n", "1:4 tags are not supported\n"},
      {"? [a]\n: 1\n", "1:3 a key must be text\n"},
      {"~: 1\n", "1:1 a key must be text\n"},
      {"a: [1\n", "2:1 not valid YAML: end of sequence flow not found\n"},
  };
  for (const auto& row : rows) EXPECT_EQ(ProblemText(row.text), row.problem) << row.text;
}

TEST(ReadYaml, RefusesNulBytes) {
  EXPECT_EQ(ProblemText(std::string("a: \0\n", 5)), "1:4 a NUL byte\n");
}

TEST(ReadYaml, AKeyOfBytesIsEscaped) {
  EXPECT_EQ(ProblemText("\"\\e\": 1\n\"\\e\": 2\n"), "2:1 \\x1b: this mapping has the key twice\n");
}

TEST(ReadYaml, AllowsDepthUpToTheLimitAndNoDeeper) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']') + "\n";
  };
  EXPECT_EQ(ProblemText(nested(kMaxYamlDepth)), "");
  EXPECT_EQ(ProblemText(nested(kMaxYamlDepth + 1)), "1:33 nested more than 32 levels deep\n");
}

TEST(ReadYaml, RefusesMoreThanTheLargestFile) {
  const std::string fits = "#" + std::string(kMaxConfigBytes - 5, 'x') + "\n{}\n";
  ASSERT_EQ(fits.size(), kMaxConfigBytes);
  EXPECT_EQ(ProblemText(fits), "");
  EXPECT_EQ(ProblemText("#" + fits), "0:0 larger than 1048576 bytes\n");
}

TEST(ReadYaml, RefusesTooManyValues) {
  std::string text = "[";
  for (std::size_t i = 0; i < kMaxYamlNodes; ++i) text += "1,";
  EXPECT_NE(ProblemText(text + "]\n").find("too many values"), std::string::npos);
}

TEST(ReadYaml, StopsAfterTheMostProblems) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "a: 1\n";
  std::vector<ConfigProblem> problems;
  EXPECT_FALSE(ReadYaml(text, problems).has_value());
  EXPECT_EQ(problems.size(), kMaxConfigProblems);
}

TEST(FindTextFault, KnowsTheRangesOfUtf8) {
  for (const char* good : {"", "plain\t\r\n", "\xc3\xbc", "\xe2\x82\xac", "\xed\x9f\xbf",
                           "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_FALSE(FindTextFault(good).has_value()) << good;
  }
  for (const char* bad :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc3", "\xc3(", "\xe0\x80\x80", "\xe0\x9f\xbf",
        "\xed\xa0\x80", "\xe2\x82", "\xe2(\xa1", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\x7f", "\x1b"}) {
    EXPECT_TRUE(FindTextFault(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace spillway
