#include <algorithm>
#include <chrono>
#include <functional>
#include <iterator>
#include <map>
#include <set>

#include "tests/harness/test_tls.h"
#include "tests/hostile/run_row.h"
#include "tests/origin/text.h"
#include "transport/io/tls_profile_check.h"

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
      {"caller_stall",
       [](Destination& d, std::uint64_t v) { d.timeouts.caller_stall = Micros(v); }},
      {"expect_continue",
       [](Destination& d, std::uint64_t v) { d.timeouts.expect_continue = Micros(v); }},
      {"tunnel_idle", [](Destination& d, std::uint64_t v) { d.timeouts.tunnel_idle = Micros(v); }},
      {"queue_timeout", [](Destination& d, std::uint64_t v) { d.pool.queue_timeout = Micros(v); }},
      {"idle_timeout", [](Destination& d, std::uint64_t v) { d.pool.idle_timeout = Micros(v); }},
      {"keep_alive_margin",
       [](Destination& d, std::uint64_t v) { d.pool.keep_alive_margin = Micros(v); }},
      {"max_age", [](Destination& d, std::uint64_t v) { d.pool.max_age = Micros(v); }},
      {"tls_timeout",
       [](Destination& d, std::uint64_t v) { d.timeouts.tls_handshake = Micros(v); }},
      {"settings_timeout",
       [](Destination& d, std::uint64_t v) { d.http2.settings_timeout = Micros(v); }},
      {"ping_interval", [](Destination& d, std::uint64_t v) { d.http2.ping_interval = Micros(v); }},
      {"ping_timeout", [](Destination& d, std::uint64_t v) { d.http2.ping_timeout = Micros(v); }},
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
      {"allow_connect", [](Destination& d, std::uint64_t v) { d.stream.allow_connect = v != 0; }},
      {"max_idle", [](Destination& d, std::uint64_t v) { d.pool.max_idle = Small(v); }},
      {"max_waiters", [](Destination& d, std::uint64_t v) { d.pool.max_waiters = Small(v); }},
      {"max_uses", [](Destination& d, std::uint64_t v) { d.pool.max_uses = Small(v); }},
      {"max_streams", [](Destination& d, std::uint64_t v) { d.pool.max_streams = Small(v); }},
      {"target_streams", [](Destination& d, std::uint64_t v) { d.pool.target_streams = Small(v); }},
      {"control_burst", [](Destination& d, std::uint64_t v) { d.http2.control_burst = Small(v); }},
      {"control_per_second",
       [](Destination& d, std::uint64_t v) { d.http2.control_per_second = Small(v); }},
      {"reset_burst", [](Destination& d, std::uint64_t v) { d.http2.reset_burst = Small(v); }},
      {"reset_per_second",
       [](Destination& d, std::uint64_t v) { d.http2.reset_per_second = Small(v); }},
      {"stream_window", [](Destination& d, std::uint64_t v) { d.http2.stream_window = Small(v); }},
      {"connection_window",
       [](Destination& d, std::uint64_t v) { d.http2.connection_window = Small(v); }},
      {"max_informational",
       [](Destination& d, std::uint64_t v) { d.response.max_informational = Small(v); }},
      {"max_header_bytes",
       [](Destination& d, std::uint64_t v) { d.response.max_header_bytes = v; }},
      {"max_header_fields",
       [](Destination& d, std::uint64_t v) { d.response.max_header_fields = v; }},
      {"keep_alive_http10",
       [](Destination& d, std::uint64_t v) { d.response.keep_alive_http10 = v != 0; }},
  };
  return kNumbers;
}

void UseClient(const TlsIdentity& client, TlsProfile& tls) {
  tls.certificate_pem = client.certificate_pem;
  tls.key_pem = client.key_pem;
}

// Settings of the destination's TLS profile and protocol, by words.
bool SetWord(const std::string& key, const std::string& value, Destination& destination,
             TlsProfile& tls) {
  const std::map<std::string, Protocol> protocols = {{"auto", Protocol::kAuto},
                                                     {"http1", Protocol::kHttp1},
                                                     {"h2", Protocol::kHttp2},
                                                     {"h2c", Protocol::kH2c}};
  if (key == "protocol" && protocols.contains(value)) {
    destination.protocol = protocols.at(value);
  } else if (key == "roots" && value == "other") {
    tls.roots_pem = TestTls().other_roots_pem;
  } else if (key == "roots" && value == "system") {
    tls.roots_pem.clear();
    tls.system_roots = true;
  } else if (key == "client" && value == "caller") {
    UseClient(TestTls().client, tls);
  } else if (key == "client" && value == "stranger") {
    UseClient(TestTls().stranger, tls);
  } else if (key == "sni") {
    tls.sni = value;
  } else if (key == "verify_name") {
    tls.verify_name = value;
  } else if (key == "min_tls" && value == "1.3") {
    tls.min_version = TlsVersion::kTls13;
  } else if (key == "max_tls" && value == "1.2") {
    tls.max_version = TlsVersion::kTls12;
  } else if (key == "insecure") {
    tls.insecure = true;
    tls.roots_pem.clear();
  } else if (key == "no_resumption") {
    tls.resumption = false;
  } else {
    return false;
  }
  return true;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> WithoutTimeouts(
    const std::vector<std::pair<std::string, std::string>>& settings) {
  const std::set<std::string> timeouts = {
      "total", "connect", "gap", "write_stall", "response_header", "body_stall", "tls_timeout"};
  std::vector<std::pair<std::string, std::string>> rest;
  std::copy_if(settings.begin(), settings.end(), std::back_inserter(rest),
               [&](const auto& setting) { return !timeouts.contains(setting.first); });
  return rest;
}

std::shared_ptr<const Policy> PolicyOf(
    const std::vector<std::pair<std::string, std::string>>& settings,
    std::vector<std::string>& errors) {
  Destination fallback;
  TlsProfile tls;
  tls.system_roots = false;
  tls.roots_pem = TestTls().roots_pem;
  for (const auto& [key, text] : settings) {
    if (SetWord(key, text, fallback, tls)) continue;
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
  auto sealed = SealTlsProfile(std::move(tls));
  if (!sealed.has_value()) {
    errors.push_back("TLS profile refused: " + sealed.error().message);
    return nullptr;
  }
  fallback.tls = *sealed;
  auto policy = Policy::Build(1, {}, std::move(fallback), RequestFieldLimits());
  if (!policy.has_value()) {
    errors.push_back("policy refused: " + policy.error().message);
    return nullptr;
  }
  return *policy;
}

}  // namespace spillway
