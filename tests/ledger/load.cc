#include "tests/ledger/load.h"

#include <array>
#include <atomic>
#include <cstdio>
#include <thread>

#include "tests/ledger/faults.h"

namespace spillway {
namespace {

constexpr std::array<const char*, 6> kMethods = {"GET", "GET", "POST", "POST", "PUT", "DELETE"};

}  // namespace

LoadRequest MakeLoadRequest(std::uint64_t seed, std::uint64_t index) {
  LoadRequest request;
  const std::string name = std::to_string(index);
  std::array<char, 40> id{};
  std::snprintf(id.data(), id.size(), "%016llx%016llx",
                static_cast<unsigned long long>(Draw(seed, name, 1)),
                static_cast<unsigned long long>(index));
  request.id = id.data();
  const std::uint64_t draw = Draw(seed, name, 2);
  request.method = kMethods[draw % kMethods.size()];
  const bool has_body = request.method == "POST" || request.method == "PUT";
  request.idempotency_key = has_body && (draw >> 8U) % 4 == 0;
  request.idempotent = request.method == "GET" || request.idempotency_key;
  if (has_body) {
    request.body.assign((draw >> 16U) % 2000, static_cast<char>('a' + (draw >> 40U) % 26));
    request.body += request.id;
  }
  if ((draw >> 24U) % 100 == 0) request.cancel_after_yields = (draw >> 32U) % 200;
  if ((draw >> 24U) % 100 == 1) request.deadline_us = 200 + (draw >> 32U) % 5000;
  request.denied = (draw >> 24U) % 500 == 2;
  return request;
}

CallerEntry EntryOf(const LoadRequest& request) {
  CallerEntry entry;
  entry.id = request.id;
  entry.method = request.method;
  entry.idempotent = request.idempotent;
  entry.denied = request.denied;
  entry.body_digest = Digest(request.body);
  return entry;
}

std::vector<CallerEntry> RunLoad(LoadClient& client, std::uint64_t seed, std::uint64_t requests,
                                 std::uint32_t callers,
                                 const std::function<void(std::uint64_t index)>& at) {
  std::vector<CallerEntry> entries(requests);
  std::atomic<std::uint64_t> next = 0;
  std::vector<std::thread> threads;
  for (std::uint32_t i = 0; i < callers; ++i) {
    threads.emplace_back([&] {
      for (;;) {
        const std::uint64_t index = next.fetch_add(1);
        if (index >= requests) return;
        at(index);
        entries[index] = client.Send(MakeLoadRequest(seed, index));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return entries;
}

}  // namespace spillway
