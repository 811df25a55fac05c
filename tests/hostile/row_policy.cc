#include <algorithm>
#include <chrono>
#include <functional>
#include <iterator>
#include <map>
#include <set>

#include "tests/hostile/run_row.h"
#include "tests/origin/text.h"

namespace spillway {
namespace {

using Setter = std::function<void(Destination&, std::uint64_t)>;

Duration Micros(std::uint64_t us) { return std::chrono::microseconds(us); }
std::uint32_t Small(std::uint64_t n) { return static_cast<std::uint32_t>(n); }

const std::map<std::string, Setter>& Times() {
  static const std::map<std::string, Setter> kTimes = {
      {"total", [](Destination& d, std::uint64_t v) { d.timeouts.total = Micros(v); }},
      {"connect", [](Destination& d, std::uint64_t v) { d.timeouts.connect = Micros(v); }},
      {"gap", [](Destination& d, std::uint64_t v) { d.timeouts.connect_attempt_gap = Micros(v); }},
      {"write_stall", [](Destination& d, std::uint64_t v) { d.timeouts.write_stall = Micros(v); }},
      {"response_header",
       [](Destination& d, std::uint64_t v) { d.timeouts.response_header = Micros(v); }},
      {"body_stall", [](Destination& d, std::uint64_t v) { d.timeouts.body_stall = Micros(v); }},
      {"queue_timeout", [](Destination& d, std::uint64_t v) { d.pool.queue_timeout = Micros(v); }},
      {"idle_timeout", [](Destination& d, std::uint64_t v) { d.pool.idle_timeout = Micros(v); }},
      {"keep_alive_margin",
       [](Destination& d, std::uint64_t v) { d.pool.keep_alive_margin = Micros(v); }},
      {"max_age", [](Destination& d, std::uint64_t v) { d.pool.max_age = Micros(v); }},
      {"backoff",
       [](Destination& d, std::uint64_t v) {
         d.pool.backoff_initial = Micros(v);
         d.pool.backoff_max = Micros(v);
       }},
  };
  return kTimes;
}

const std::map<std::string, Setter>& Numbers() {
  static const std::map<std::string, Setter> kNumbers = {
      {"max_attempts", [](Destination& d, std::uint64_t v) { d.retry.max_attempts = Small(v); }},
      {"max_connections",
       [](Destination& d, std::uint64_t v) { d.pool.max_connections = Small(v); }},
      {"max_idle", [](Destination& d, std::uint64_t v) { d.pool.max_idle = Small(v); }},
      {"max_waiters", [](Destination& d, std::uint64_t v) { d.pool.max_waiters = Small(v); }},
      {"max_uses", [](Destination& d, std::uint64_t v) { d.pool.max_uses = Small(v); }},
      {"max_header_bytes",
       [](Destination& d, std::uint64_t v) { d.response.max_header_bytes = v; }},
      {"max_header_fields",
       [](Destination& d, std::uint64_t v) { d.response.max_header_fields = v; }},
      {"keep_alive_http10",
       [](Destination& d, std::uint64_t v) { d.response.keep_alive_http10 = v != 0; }},
  };
  return kNumbers;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> WithoutTimeouts(
    const std::vector<std::pair<std::string, std::string>>& settings) {
  const std::set<std::string> timeouts = {"total",       "connect",         "gap",
                                          "write_stall", "response_header", "body_stall"};
  std::vector<std::pair<std::string, std::string>> rest;
  std::copy_if(settings.begin(), settings.end(), std::back_inserter(rest),
               [&](const auto& setting) { return !timeouts.contains(setting.first); });
  return rest;
}

std::shared_ptr<const Policy> PolicyOf(
    const std::vector<std::pair<std::string, std::string>>& settings,
    std::vector<std::string>& errors) {
  Destination fallback;
  for (const auto& [key, text] : settings) {
    if (const auto time = Times().find(key); time != Times().end()) {
      const auto value = ReadMicros(text);
      if (!value.has_value()) errors.push_back("policy " + key + ": not a time");
      time->second(fallback, value.value_or(0));
    } else if (const auto number = Numbers().find(key); number != Numbers().end()) {
      const auto value = ReadNumber(text);
      if (!value.has_value()) errors.push_back("policy " + key + ": not a number");
      number->second(fallback, value.value_or(0));
    } else {
      errors.push_back("policy " + key + ": unknown");
    }
  }
  auto policy = Policy::Build(1, {}, std::move(fallback), RequestFieldLimits());
  if (!policy.has_value()) {
    errors.push_back("policy refused: " + policy.error().message);
    return nullptr;
  }
  return *policy;
}

}  // namespace spillway
