#include "cli/request_text.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "cli/text.h"

namespace spillway::cli {
namespace {

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// For a POSIX shell.
std::string Quoted(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

}  // namespace

std::string ShownValue(std::string_view name, std::string_view value) {
  const std::string lower = LowerCase(name);
  if (lower == "cookie" || lower == "set-cookie") return kHidden;
  if (lower != "authorization" && lower != "proxy-authorization") return std::string(value);
  if (value.empty()) return "";
  constexpr std::array<std::string_view, 3> kSchemes = {"bearer", "basic", "negotiate"};
  const std::string_view scheme = value.substr(0, value.find(' '));
  const bool known =
      std::find(kSchemes.begin(), kSchemes.end(), LowerCase(scheme)) != kSchemes.end();
  if (!known) return kHidden;
  if (value.size() <= scheme.size() + 1) return std::string(scheme);
  return std::string(scheme) + " " + kHidden;
}

std::string CurlCommand(const spillway::v1::HttpRequest& request) {
  std::string command = "curl -v -X " + Quoted(request.method());
  for (const spillway::v1::Header& header : request.headers()) {
    command += " -H " + Quoted(header.name() + ": " + ShownValue(header.name(), header.value()));
  }
  if (!request.body().empty()) command += " --data-binary @-";
  return command + " " + Quoted(request.url());
}

std::string Times(const spillway::v1::Timings& timings) {
  const std::pair<const char*, const google::protobuf::Duration*> parts[] = {
      {"queue", &timings.queue()},
      {"dns", &timings.dns()},
      {"connect", &timings.connect()},
      {"proxy", &timings.proxy()},
      {"tls", &timings.tls()},
      {"write", &timings.write()},
      {"first byte", &timings.first_byte()},
      {"total", &timings.total()},
  };
  std::string text = "* times:";
  for (const auto& [name, time] : parts) {
    const Duration length = DurationOf(*time);
    text += std::string(text.back() == ':' ? " " : ", ") + name + " " +
            (length > Duration::zero() ? TimeText(length) : "0");
  }
  return text + "\n";
}

std::string MillisecondsText(Duration time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(time).count()) +
         " ms";
}

}  // namespace spillway::cli
