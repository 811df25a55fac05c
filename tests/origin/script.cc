#include "tests/origin/script.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "tests/origin/text.h"

namespace spillway {
namespace {

using Words = std::vector<std::string>;

struct Word {
  std::string_view name;
  StepKind kind;
};

constexpr Word kBareSteps[] = {
    {"expect_head", StepKind::kExpectHead},
    {"stall", StepKind::kStall},
    {"stop_reading", StepKind::kStopReading},
    {"half_close", StepKind::kHalfClose},
    {"shut_read", StepKind::kShutRead},
    {"fin", StepKind::kFin},
    {"close", StepKind::kClose},
    {"rst", StepKind::kRst},
    {"hold", StepKind::kHold},
    {"release", StepKind::kRelease},
    {"serve", StepKind::kServe},
    {"plain", StepKind::kPlain},
    {"close_notify", StepKind::kCloseNotify},
    {"expect_end", StepKind::kExpectEnd},
    {"renegotiate", StepKind::kRenegotiate},
    {"h2_preface", StepKind::kH2Preface},
    {"h2_run", StepKind::kH2Run},
};

constexpr Word kNamedSteps[] = {
    {"signal", StepKind::kSignal},
    {"wait_for", StepKind::kWaitFor},
    {"stop_reading_until", StepKind::kWaitFor},
};

constexpr Word kCountedSteps[] = {
    {"expect_body", StepKind::kExpectBody},
    {"expect_bytes", StepKind::kExpectBytes},
    {"serve", StepKind::kServe},
    {"repeat", StepKind::kRepeat},
    {"key_update", StepKind::kKeyUpdate},
    {"tickets", StepKind::kTickets},
};

// With KEY=VALUE words; `first` of them is a word of its own.
struct KeyedStep {
  std::string_view name;
  StepKind kind;
  bool has_word;
};
constexpr KeyedStep kKeyedSteps[] = {
    {"tls", StepKind::kTls, false},
    {"h2_start", StepKind::kH2Start, false},
    {"h2", StepKind::kH2Frame, true},
    {"h2_expect", StepKind::kH2Expect, true},
};

std::optional<Step> ReadKeyed(const Words& words, const KeyedStep& keyed) {
  Step step{keyed.kind};
  std::size_t next = 1;
  if (keyed.has_word) {
    if (words.size() < 2) return std::nullopt;
    step.text = words[next++];
  }
  for (; next < words.size(); ++next) {
    auto fact = ReadKeyValue(words[next]);
    if (!fact.has_value()) return std::nullopt;
    step.arguments.push_back(std::move(*fact));
  }
  return step;
}

std::optional<Step> ReadSend(const Words& words) {
  Step step{StepKind::kSend};
  std::size_t next = 1;
  auto bytes = ReadBytes(words, next);
  if (!bytes.has_value()) return std::nullopt;
  step.text = std::move(*bytes);
  if (next == words.size()) return step;
  if (words[next] == "each" && next + 1 == words.size()) {
    step.each = true;
    return step;
  }
  if (words[next] != "at" || next + 2 != words.size()) return std::nullopt;
  const auto at = ReadNumber(words[next + 1]);
  if (!at.has_value()) return std::nullopt;
  step.split_at = *at;
  return step;
}

std::optional<Step> ReadDrip(const Words& words) {
  Step step{StepKind::kDrip};
  std::size_t next = 1;
  auto bytes = ReadBytes(words, next);
  if (!bytes.has_value() || bytes->empty()) return std::nullopt;
  step.text = std::move(*bytes);
  if (next + 2 > words.size() || words[next] != "every") return std::nullopt;
  const auto every = ReadMicros(words[next + 1]);
  if (!every.has_value()) return std::nullopt;
  step.every_us = *every;
  next += 2;
  if (next == words.size()) return step;
  step.forever = words[next] == "forever" && next + 1 == words.size();
  return step.forever ? std::optional<Step>(step) : std::nullopt;
}

std::optional<Step> ReadAnswer(const Words& words) {
  if (words.size() < 3) return std::nullopt;
  const auto status = ReadNumber(words[1]);
  std::size_t next = 2;
  const auto body = ReadBytes(words, next);
  if (!status.has_value() || !body.has_value() || next != words.size()) return std::nullopt;
  Step step{StepKind::kSend};
  step.text = Answer(static_cast<std::uint32_t>(*status), *body);
  return step;
}

std::optional<Step> ReadUrgent(const Words& words, StepKind kind) {
  Step step{kind};
  std::size_t next = 1;
  auto bytes = ReadBytes(words, next);
  if (!bytes.has_value() || next != words.size()) return std::nullopt;
  step.text = std::move(*bytes);
  return step;
}

std::optional<Step> ReadStep(const Words& words) {
  const std::string& name = words[0];
  if (name == "send") return ReadSend(words);
  if (name == "drip") return ReadDrip(words);
  if (name == "answer") return ReadAnswer(words);
  if (name == "urgent") return ReadUrgent(words, StepKind::kUrgent);
  if (name == "raw") return ReadUrgent(words, StepKind::kRaw);
  for (const KeyedStep& keyed : kKeyedSteps) {
    if (keyed.name == name) return ReadKeyed(words, keyed);
  }
  if (words.size() == 1) {
    for (const Word& word : kBareSteps) {
      if (word.name == name) return Step{word.kind};
    }
  }
  if (words.size() != 2) return std::nullopt;
  for (const Word& word : kNamedSteps) {
    if (word.name == name) return Step{word.kind, words[1]};
  }
  for (const Word& word : kCountedSteps) {
    if (word.name != name) continue;
    const auto number =
        words[1] == "all" ? std::optional<std::uint64_t>(kUnlimited) : ReadNumber(words[1]);
    if (!number.has_value()) return std::nullopt;
    return Step{word.kind, "", *number};
  }
  return std::nullopt;
}

std::string AtLine(std::size_t line, std::string_view what) {
  return "line " + std::to_string(line) + ": " + std::string(what);
}

}  // namespace

ParsedScript ParseScript(std::string_view text) {
  ParsedScript parsed;
  std::vector<Script> open(1);  // innermost last; below the first: bodies of repeats
  std::vector<Step> repeats;
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t end = text.find('\n');
    const auto words = SplitWords(text.substr(0, end));
    text = end == std::string_view::npos ? "" : text.substr(end + 1);
    if (!words.has_value()) return {{}, AtLine(number, "quote not closed")};
    if (words->empty()) continue;
    if (words->front() == "end" && words->size() == 1) {
      if (repeats.empty()) return {{}, AtLine(number, "end without repeat")};
      Step step = std::move(repeats.back());
      repeats.pop_back();
      step.steps = std::move(open.back());
      open.pop_back();
      open.back().push_back(std::move(step));
      continue;
    }
    auto step = ReadStep(*words);
    if (!step.has_value()) return {{}, AtLine(number, "not a step: " + words->front())};
    if (step->kind == StepKind::kRepeat) {
      repeats.push_back(std::move(*step));
      open.emplace_back();
    } else {
      open.back().push_back(std::move(*step));
    }
  }
  if (!repeats.empty()) return {{}, AtLine(number, "repeat without end")};
  parsed.script = std::move(open.front());
  return parsed;
}

bool Step::Has(std::string_view key) const {
  return std::any_of(arguments.begin(), arguments.end(),
                     [&](const auto& pair) { return pair.first == key; });
}

std::string Step::Argument(std::string_view key) const {
  for (const auto& [name, value] : arguments) {
    if (name == key) return value;
  }
  return "";
}

bool HasStep(const std::vector<Step>& script, StepKind kind) {
  return std::any_of(script.begin(), script.end(), [kind](const Step& step) {
    return step.kind == kind || HasStep(step.steps, kind);
  });
}

std::string Answer(std::uint32_t status, std::string_view body, std::string_view headers) {
  std::string out = "HTTP/1.1 " + std::to_string(status) + " As Asked\r\n";
  out += headers;
  out += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  out += body;
  return out;
}

}  // namespace spillway
