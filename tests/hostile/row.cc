#include "tests/hostile/row.h"

#include <array>
#include <cctype>

#include "tests/origin/text.h"

namespace spillway {
namespace {

using Words = std::vector<std::string>;

struct OutcomeWord {
  std::string_view word;
  Outcome outcome;
};

constexpr std::array<OutcomeWord, 9> kOutcomes = {{
    {"REUSE", Outcome::kReuse},
    {"CLOSE", Outcome::kClose},
    {"REJECT", Outcome::kReject},
    {"TRUNC", Outcome::kTrunc},
    {"AMBIGUOUS", Outcome::kAmbiguous},
    {"NOT-SENT", Outcome::kNotSent},
    {"RETRIED", Outcome::kRetried},
    {"REFUSED", Outcome::kRefused},
    {"CANCELLED", Outcome::kCancelled},
}};

// Reads one file.
class Reader {
 public:
  explicit Reader(const std::string& file) : file_(file) {}

  RowFile Read(std::string_view text) {
    while (!text.empty()) {
      ++line_;
      const std::size_t end = text.find('\n');
      const std::string_view line = text.substr(0, end);
      text = end == std::string_view::npos ? "" : text.substr(end + 1);
      if (line.starts_with("  ")) {
        script_ += std::string(line) + "\n";
        continue;
      }
      FinishScript();
      const auto words = SplitWords(line);
      if (!words.has_value()) {
        Complain("quote not closed");
      } else if (!words->empty() && !ReadLine(*words)) {
        Complain("not understood: " + words->front());
      }
    }
    FinishScript();
    for (const Row& row : result_.rows) {
      if (!row.expectation.facts.contains("given")) {
        result_.errors.push_back(row.where + ": row without expect");
      }
    }
    return std::move(result_);
  }

 private:
  void Complain(const std::string& what) {
    result_.errors.push_back(file_ + ":" + std::to_string(line_) + ": " + what);
  }

  void FinishScript() {
    if (script_of_ == 0) {
      if (!script_.empty()) Complain("steps outside an origin block");
    } else {
      ParsedScript parsed = ParseScript(script_);
      if (!parsed.error.empty()) Complain("origin block, " + parsed.error);
      result_.rows.back().scripts[script_of_] = std::move(parsed.script);
    }
    script_.clear();
    script_of_ = 0;
  }

  bool ReadLine(const Words& words) {
    if (words[0] == "row") return StartRow(words);
    if (result_.rows.empty()) return false;
    Row& row = result_.rows.back();
    if (words[0] == "request") return ReadRequest(words, row);
    if (words[0] == "header") return ReadHeader(words, row);
    if (words[0] == "url") return ReadOne(words, row.url);
    if (words[0] == "target") return ReadOne(words, row.target);
    if (words[0] == "option") return ReadPairs(words, row.options);
    if (words[0] == "policy") return ReadPairs(words, row.policy);
    if (words[0] == "before") return ReadAction(words, row.before);
    if (words[0] == "during") return ReadAction(words, row.during);
    if (words[0] == "after") return ReadAction(words, row.after);
    if (words[0] == "expect") return ReadExpect(words, row);
    if (words[0] == "warm" && words.size() == 2) {
      row.warm = ReadNumber(words[1]).value_or(0);
      return row.warm > 0;
    }
    if (words[0] == "origin" && words.size() <= 2) {
      script_of_ = words.size() == 1 ? 1 : ReadNumber(words[1]).value_or(0);
      return script_of_ > 0;
    }
    return false;
  }

  bool StartRow(const Words& words) {
    if (words.size() < 3) return false;
    Row row;
    row.id = words[1];
    for (std::size_t i = 2; i < words.size(); ++i) row.words += (i == 2 ? "" : " ") + words[i];
    row.where = file_ + ":" + std::to_string(line_);
    result_.rows.push_back(std::move(row));
    return true;
  }

  static bool ReadRequest(const Words& words, Row& row) {
    if (words.size() < 2) return false;
    std::size_t next = 1;
    if (words[1].front() == '"') {
      const auto method = ReadBytes(words, next);
      if (!method.has_value()) return false;
      row.method = *method;
    } else {
      row.method = words[next++];
    }
    if (next < words.size() && words[next] != "body") row.path = words[next++];
    if (next == words.size()) return true;
    if (words[next] != "body") return false;
    ++next;
    row.body = ReadBytes(words, next);
    return row.body.has_value() && next == words.size();
  }

  static bool ReadHeader(const Words& words, Row& row) {
    std::size_t next = 1;
    const auto name = ReadBytes(words, next);
    const auto value = ReadBytes(words, next);
    if (!name.has_value() || !value.has_value() || next != words.size()) return false;
    row.headers.emplace_back(*name, *value);
    return true;
  }

  template <typename Into>
  static bool ReadOne(const Words& words, Into& into) {
    std::size_t next = 1;
    const auto bytes = ReadBytes(words, next);
    if (!bytes.has_value() || next != words.size()) return false;
    into = *bytes;
    return true;
  }

  static bool ReadPairs(const Words& words,
                        std::vector<std::pair<std::string, std::string>>& into) {
    for (std::size_t i = 1; i < words.size(); ++i) {
      const auto fact = ReadKeyValue(words[i]);
      if (!fact.has_value()) return false;
      into.push_back(*fact);
    }
    return words.size() > 1;
  }

  static bool ReadAction(const Words& words, std::vector<RowAction>& into) {
    if (words.size() < 2 || words.size() > 3) return false;
    into.push_back({words[1], words.size() == 3 ? words[2] : ""});
    return true;
  }

  static bool ReadExpect(const Words& words, Row& row) {
    if (words.size() < 2) return false;
    bool known = false;
    for (const OutcomeWord& outcome : kOutcomes) {
      if (outcome.word != words[1]) continue;
      row.expectation.outcome = outcome.outcome;
      known = true;
    }
    row.expectation.facts.emplace("given", "");
    for (std::size_t i = 2; i < words.size(); ++i) {
      const auto fact = ReadKeyValue(words[i]);
      if (!fact.has_value()) return false;
      row.expectation.facts.insert(*fact);
    }
    return known;
  }

  const std::string file_;
  std::size_t line_ = 0;
  std::string script_;
  std::uint64_t script_of_ = 0;  // 0: no origin block is open
  RowFile result_;
};

}  // namespace

std::string Row::TestName() const {
  std::string name;
  for (const char c : id + " " + words) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0;
    if (plain) {
      name += c;
    } else if (!name.empty() && name.back() != '_') {
      name += '_';
    }
  }
  return name;
}

RowFile ParseRows(std::string_view text, const std::string& file) {
  return Reader(file).Read(text);
}

}  // namespace spillway
