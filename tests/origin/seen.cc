#include "tests/origin/seen.h"

#include <algorithm>
#include <cctype>

#include "tests/origin/text.h"

namespace spillway {
namespace {

bool SameName(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  });
}

bool Token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           kMarks.find(c) != std::string_view::npos;
  });
}

bool Printable(std::string_view text, bool blanks) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte > 0x20 && byte != 0x7f) || (blanks && (c == ' ' || c == '\t'));
  });
}

bool ReadRequestLine(std::string_view line, SeenRequest& request) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return false;
  request.method = line.substr(0, first);
  request.target = line.substr(first + 1, last - first - 1);
  request.version = line.substr(last + 1);
  return Token(request.method) && !request.target.empty() && Printable(request.target, false) &&
         request.version == "HTTP/1.1";
}

bool ReadField(std::string_view line, SeenRequest& request) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return false;
  std::string_view value = line.substr(colon + 1);
  while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
  while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
  request.headers.emplace_back(line.substr(0, colon), value);
  return Token(line.substr(0, colon)) && Printable(value, true);
}

}  // namespace

std::optional<std::string> SeenRequest::Find(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (SameName(key, name)) return value;
  }
  return std::nullopt;
}

std::size_t SeenRequest::Count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::count_if(headers.begin(), headers.end(),
                    [&](const auto& field) { return SameName(field.first, name); }));
}

SeenRequest ParseHead(std::string_view head) {
  SeenRequest request;
  request.head = head;
  bool good = head.ends_with("\r\n\r\n");
  bool first = true;
  while (!head.empty()) {
    const std::size_t end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    head = end == std::string_view::npos ? "" : head.substr(end + 2);
    if (line.empty()) break;
    good = (first ? ReadRequestLine(line, request) : ReadField(line, request)) && good;
    first = false;
  }
  const std::size_t lengths = request.Count("Content-Length");
  const std::size_t codings = request.Count("Transfer-Encoding");
  good = good && head.empty() && request.Count("Host") == 1 && lengths + codings <= 1;
  if (lengths == 1) good = good && ReadNumber(*request.Find("Content-Length")).has_value();
  if (codings == 1) good = good && *request.Find("Transfer-Encoding") == "chunked";
  request.well_formed = good;
  return request;
}

SeenFraming FramingOf(const SeenRequest& request) {
  SeenFraming framing;
  framing.chunked = request.Count("Transfer-Encoding") > 0;
  if (const auto length = request.Find("Content-Length"); length.has_value()) {
    framing.length = ReadNumber(*length).value_or(0);
  }
  return framing;
}

}  // namespace spillway
