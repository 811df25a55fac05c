// Waiting for a condition that has no event to wait on, such as a level in a snapshot.
//
// Thread safety: none of its own.

#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace spillway {

// Looks again and again until `condition` holds; false when it does not within 20 s, which happens
// only when a test fails.
inline bool AwaitThat(const std::function<bool()>& condition) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace spillway
