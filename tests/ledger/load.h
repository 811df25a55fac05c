// The load of the two-ledger tests: many callers, a seeded mix of requests.
//
// Thread safety: RunLoad runs its callers on threads of its own; a LoadClient is called by all of
// them.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/ledger/entry.h"

namespace spillway {

struct LoadRequest {
  std::string id;  // 128 bits, in hexadecimal
  std::string method;
  bool idempotency_key = false;
  bool idempotent = false;  // by method or key
  std::string body;
  std::optional<std::uint32_t> cancel_after_yields;
  std::optional<std::uint32_t> deadline_us;
  bool denied = false;  // to an address that policy refuses
};

LoadRequest MakeLoadRequest(std::uint64_t seed, std::uint64_t index);

// An entry with what is known before sending.
CallerEntry EntryOf(const LoadRequest& request);

class LoadClient {
 public:
  virtual ~LoadClient() = default;
  // Sends, waits for the end, tells what came of it.
  virtual CallerEntry Send(const LoadRequest& request) = 0;
};

// `at` is called before request `index` is sent, on the thread that sends it.
std::vector<CallerEntry> RunLoad(LoadClient& client, std::uint64_t seed, std::uint64_t requests,
                                 std::uint32_t callers,
                                 const std::function<void(std::uint64_t index)>& at);

}  // namespace spillway
