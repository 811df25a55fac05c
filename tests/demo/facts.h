// What the demonstration found out, and whether it is right.
//
// Thread safety: plain values and pure functions.

#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "spillway/v1/admin.pb.h"
#include "tests/demo/callers.h"
#include "tests/demo/metric_page.h"

namespace spillway::demo {

struct Facts {
  std::string url;
  std::string body;  // that every response must have
  int callers = 0;
  int each = 0;
  CallersResult result;
  std::uint64_t origin_requests = 0;
  std::uint64_t origin_connections = 0;
  spillway::v1::PoolInfo pool;  // the origin's; empty key: the daemon lists none
  spillway::v1::ProcessInfo process;
  MetricPage metrics{""};

  std::uint64_t requests() const { return static_cast<std::uint64_t>(callers) * each; }
};

// Responses as asked for, and what their summaries say of connections.
struct Tally {
  std::uint64_t good = 0;    // 200 with the right body
  std::uint64_t reused = 0;  // of the good ones
  std::set<std::uint64_t> connection_ids;
  std::string first_error;
};
Tally TallyOf(const Facts& facts);

struct Check {
  bool ok = false;
  std::string what;   // the claim
  std::string found;  // what was found instead, when it is wrong
};
std::vector<Check> ChecksOf(const Facts& facts);

}  // namespace spillway::demo
