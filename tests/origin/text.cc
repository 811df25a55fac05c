#include "tests/origin/text.h"

#include <charconv>

namespace spillway {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// One quoted word, with an optional repetition behind the closing quote.
std::optional<std::string> ReadPart(std::string_view word) {
  if (word.size() < 2 || word.front() != '"') return std::nullopt;
  const std::size_t close = word.rfind('"');
  if (close == 0) return std::nullopt;
  const auto text = Unescape(word.substr(1, close - 1));
  if (!text.has_value()) return std::nullopt;
  const std::string_view tail = word.substr(close + 1);
  if (tail.empty()) return text;
  if (tail.front() != '*') return std::nullopt;
  const auto times = ReadNumber(tail.substr(1));
  if (!times.has_value() || (text->size() > 0 && *times > kMaxScriptText / text->size())) {
    return std::nullopt;
  }
  std::string out;
  out.reserve(text->size() * *times);
  for (std::uint64_t i = 0; i < *times; ++i) out += *text;
  return out;
}

}  // namespace

std::optional<std::string> Unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    if (++i == text.size()) return std::nullopt;
    switch (text[i]) {
      case 'r':
        out += '\r';
        break;
      case 'n':
        out += '\n';
        break;
      case 't':
        out += '\t';
        break;
      case '0':
        out += '\0';
        break;
      case '"':
        out += '"';
        break;
      case '\\':
        out += '\\';
        break;
      case 'x': {
        if (i + 2 >= text.size()) return std::nullopt;
        const int high = HexDigit(text[i + 1]);
        const int low = HexDigit(text[i + 2]);
        if (high < 0 || low < 0) return std::nullopt;
        out += static_cast<char>(high * 16 + low);
        i += 2;
        break;
      }
      default:
        return std::nullopt;
    }
  }
  return out;
}

std::string Escape(std::string_view bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\r') {
      out += "\\r";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte >= 0x20 && byte < 0x7f) {
      out += c;
    } else {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

std::optional<std::vector<std::string>> SplitWords(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted) {
      word += c;
      if (c == '\\' && i + 1 < line.size()) {
        word += line[++i];
      } else if (c == '"') {
        quoted = false;
      }
    } else if (c == ' ' || c == '\t') {
      if (!word.empty()) words.push_back(std::move(word));
      word.clear();
    } else if (c == '#' && word.empty()) {
      break;
    } else {
      quoted = c == '"';
      word += c;
    }
  }
  if (quoted) return std::nullopt;
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

std::optional<std::string> ReadBytes(const std::vector<std::string>& words, std::size_t& next) {
  std::string out;
  while (next < words.size()) {
    const auto part = ReadPart(words[next]);
    if (!part.has_value()) return std::nullopt;
    ++next;
    out += *part;
    if (out.size() > kMaxScriptText) return std::nullopt;
    if (next >= words.size() || words[next] != "+") return out;
    ++next;
  }
  return std::nullopt;
}

std::optional<std::pair<std::string, std::string>> ReadKeyValue(const std::string& word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string::npos) return std::pair(word, std::string());
  const std::string value = word.substr(equals + 1);
  if (value.empty() || value.front() != '"') return std::pair(word.substr(0, equals), value);
  std::size_t next = 0;
  const auto bytes = ReadBytes({value}, next);
  if (!bytes.has_value()) return std::nullopt;
  return std::pair(word.substr(0, equals), *bytes);
}

std::optional<std::uint64_t> ReadNumber(std::string_view word) {
  std::uint64_t value = 0;
  const char* end = word.data() + word.size();
  const auto [stop, code] = std::from_chars(word.data(), end, value);
  if (word.empty() || code != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> ReadMicros(std::string_view word) {
  std::uint64_t unit = 0;
  std::size_t suffix = 0;
  if (word.ends_with("us")) {
    unit = 1;
    suffix = 2;
  } else if (word.ends_with("ms")) {
    unit = 1000;
    suffix = 2;
  } else if (word.ends_with("s")) {
    unit = 1000000;
    suffix = 1;
  } else {
    return std::nullopt;
  }
  const auto count = ReadNumber(word.substr(0, word.size() - suffix));
  if (!count.has_value() || *count > 1000000000) return std::nullopt;
  return *count * unit;
}

}  // namespace spillway
