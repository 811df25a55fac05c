// X-027 and C-067: no text, however damaged, crashes the loader or is half applied.

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>

#include "server/config.h"

namespace spillway {
namespace {

constexpr std::string_view kWhole = R"(# A file that uses every kind of value.
listen:
  grpc: [127.0.0.1:50051, "unix:/run/a.sock"]
  http: 127.0.0.1:9464
front: {max_request_message_bytes: 1MiB, max_connection_age: forever}
drain:
  grace: 1m30s
defaults:
  pool: {max_connections: 10, max_age_jitter: 0.5}
  response:
    keep_alive_http10: false
destinations:
- name: payments
  matches:
    - {scheme: https, host: "*.example.com", ports: [443, 8443]}
    - host: b\u00fccher.example
  retry: {max_attempts: 2}
  protocol: h2
  tls_profile: pinned
  addresses: {family: ipv4, static: [10.0.0.1]}
  proxy: {servers: [corp], no_proxy: [.internal, "10.0.0.0/8"]}
- name: lab
  matches: [{host: 10.0.0.0/8}]
tls_profiles:
- name: pinned
  verify_name: a.example
  min_version: 1.3
  pins: [sha256/AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=]
proxies:
- {name: corp, url: "http://proxy.example:3128", connect_headers: [{name: X-A, value: b c}]}
unmatched: refuse
)";

// Either a whole configuration that prints and loads again, or problems; never both or neither.
void ExpectWhole(std::string_view text) {
  const ConfigResult config = ParseConfig(text, "t", 1);
  if (!config.has_value()) {
    EXPECT_FALSE(config.error().problems.empty());
    EXPECT_LE(config.error().problems.size(), kMaxConfigProblems);
    return;
  }
  ASSERT_NE(config->policy, nullptr);
  const std::string printed = PrintEffectiveConfig(*config);
  const ConfigResult again = ParseConfig(printed, "printed", 1);
  ASSERT_TRUE(again.has_value()) << again.error().Text() << "from:\n" << text;
  EXPECT_EQ(PrintEffectiveConfig(*again), printed);
}

std::string WholeText() {
  std::string text(kWhole);
  const std::size_t at = text.find("\\u00fc");
  return text.replace(at, 6, "\xc3\xbc");
}

TEST(HostileConfig, TheWholeFileIsAccepted) {
  const ConfigResult config = ParseConfig(WholeText(), "t", 1);
  ASSERT_TRUE(config.has_value()) << config.error().Text();
  EXPECT_EQ(config->policy->destinations()[0].matches[1].host, "xn--bcher-kva.example");
}

TEST(HostileConfig, CutAtEveryByteItIsRefusedUnlessALineJustEnded) {
  const std::string text = WholeText();
  for (std::size_t length = 0; length < text.size(); ++length) {
    const std::string_view cut = std::string_view(text).substr(0, length);
    ExpectWhole(cut);
    if (!cut.ends_with('\n')) {
      EXPECT_FALSE(ParseConfig(cut, "t", 1).has_value()) << length;
    }
    // And with the cut hidden behind a line end.
    ExpectWhole(std::string(cut) + "\n");
  }
}

TEST(HostileConfig, EveryByteReplacedOrInserted) {
  const std::string text = WholeText();
  const std::string bytes("\0\n\t \xff{]:-?*!|\"#,9", 17);
  // Four of them at each place, others at the next: every byte meets every kind of place.
  constexpr std::size_t kAtEach = 4;
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (std::size_t i = 0; i < kAtEach; ++i) {
      std::string changed = text;
      changed[at] = bytes[(at * kAtEach + i) % bytes.size()];
      ExpectWhole(changed);
      ExpectWhole(changed.insert(at, 1, text[at]));
    }
  }
}

TEST(HostileConfig, SplicedFromItsOwnPieces) {
  const std::string text = WholeText();
  std::mt19937 random(20240917);  // NOLINT: a fixed seed keeps a failure repeatable
  for (int round = 0; round < 3000; ++round) {
    std::string spliced;
    const int pieces = 1 + static_cast<int>(random() % 6);
    for (int i = 0; i < pieces; ++i) {
      const std::size_t begin = random() % text.size();
      spliced += text.substr(begin, random() % 80);
    }
    ExpectWhole(spliced + "\n");
  }
}

// Envoy's CVE-2026-48042: deep nesting that only hurts when the tree is taken apart.
TEST(HostileConfig, OneMebibyteOfAnyOpenerEndsSoon) {
  for (const std::string_view unit :
       {"[",    "{",       "{a: ", "- ",        "? ",    ": ",  "a: ",  "&a ", "!x ",  "|",   "'",
        "\"",   "\\",      "%",    "---\n",     "...\n", "*a ", "[[],", "{[",  "a: [", "\n ", "#\n",
        "- - ", "k: {k: ", "[a, ", "\"\\u0041", "? - ",  "!<",  "<<: ", "@",   ">\n"}) {
    std::string text;
    text.reserve(kMaxConfigBytes);
    while (text.size() + unit.size() < kMaxConfigBytes) text += unit;
    text += "\n";
    ExpectWhole(text);  // the time limit of the test is the oracle
    // Each level one column further in.
    std::string stairs;
    for (std::size_t depth = 0; depth < 1000; ++depth) {
      stairs += std::string(depth, ' ') + std::string(unit) + "\n";
    }
    ExpectWhole(stairs);
  }
}

TEST(HostileConfig, ManyDestinationsLoadSoon) {
  std::string text = "destinations:\n";
  for (int i = 0; i < 1000; ++i) {
    text += "- {name: d" + std::to_string(i) + ", matches: [";
    for (int j = 0; j < 40; ++j) {
      text += "{host: a.t, ports: [" + std::to_string(1 + i * 40 + j) + "]},";
    }
    text += "]}\n";
    if (text.size() > kMaxConfigBytes - 4096) break;
  }
  ExpectWhole(text);
}

}  // namespace
}  // namespace spillway
