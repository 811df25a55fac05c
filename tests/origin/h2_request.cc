#include "tests/origin/h2_request.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace spillway {
namespace {

constexpr std::array<std::string_view, 6> kConnectionFields = {
    "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "host"};

bool GoodName(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return std::isdigit(byte) != 0 || (byte >= 'a' && byte <= 'z') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

bool GoodValue(std::string_view value) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  if (!value.empty() && (blank(value.front()) || blank(value.back()))) return false;
  return std::none_of(value.begin(), value.end(),
                      [](char c) { return c == '\0' || c == '\r' || c == '\n'; });
}

bool GoodField(const std::string& name, const std::string& value) {
  if (std::find(kConnectionFields.begin(), kConnectionFields.end(), name) !=
      kConnectionFields.end()) {
    return false;
  }
  return GoodName(name) && GoodValue(value) && (name != "te" || value == "trailers");
}

std::string Lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

}  // namespace

SeenRequest RequestOf(std::uint32_t stream, const H2Fields& fields) {
  SeenRequest request;
  request.stream = stream;
  request.version = "HTTP/2";
  std::string authority;
  std::string scheme;
  bool good = true;
  bool regular = false;
  const auto once = [&](std::string& into, const std::string& value) {
    good = good && into.empty() && !value.empty() && !regular && GoodValue(value);
    into = value;
  };
  for (const auto& [name, value] : fields) {
    if (name == ":method") {
      once(request.method, value);
    } else if (name == ":path") {
      once(request.target, value);
    } else if (name == ":authority") {
      once(authority, value);
    } else if (name == ":scheme") {
      once(scheme, value);
    } else {
      regular = true;
      good = good && GoodField(name, value);
      request.headers.emplace_back(name, value);
    }
  }
  const bool connect = request.method == "CONNECT";
  const bool addressed = connect
                             ? request.target.empty() && scheme.empty()
                             : !request.target.empty() && (scheme == "https" || scheme == "http");
  good = good && !request.method.empty() && !authority.empty() && addressed;
  if (connect) request.target = authority;
  request.well_formed = good;
  request.head = request.method + " " + request.target + " HTTP/2\r\nhost: " + authority + "\r\n";
  for (const auto& [name, value] : request.headers) request.head += name + ": " + value + "\r\n";
  request.head += "\r\n";
  return request;
}

H2Answer ReadAnswer(std::string_view text) {
  H2Answer answer;
  const std::size_t end = text.find("\r\n\r\n");
  std::string_view head = text.substr(0, end);
  answer.rest = end == std::string_view::npos ? "" : text.substr(end + 4);
  answer.fields.emplace_back(":status", head.size() < 12 ? "200" : head.substr(9, 3));
  answer.informational = answer.fields[0].second[0] == '1';
  for (std::size_t line = head.find("\r\n"); line != std::string_view::npos;
       line = head.find("\r\n")) {
    head.remove_prefix(line + 2);
    const std::string_view field = head.substr(0, head.find("\r\n"));
    const std::size_t colon = field.find(": ");
    if (colon == std::string_view::npos) continue;
    const std::string name = Lower(field.substr(0, colon));
    if (name != "connection" && name != "transfer-encoding") {
      answer.fields.emplace_back(name, field.substr(colon + 2));
    }
  }
  return answer;
}

}  // namespace spillway
