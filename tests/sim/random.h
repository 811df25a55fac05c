// Numbers for simulations: the same seed gives the same sequence on every machine and library.
//
// Thread safety: none.

#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "transport/base/instant.h"

namespace spillway {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t Next() {
    // A Weyl sequence through a 64-bit finalizer.
    std::uint64_t x = (state_ += 0x9e3779b97f4a7c15ULL);
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
  }
  // 0 ... n - 1. `n` is small beside 2^64, so the bias does not matter.
  std::uint64_t Below(std::uint64_t n) { return Next() % n; }
  std::uint64_t Between(std::uint64_t least, std::uint64_t most) {
    return least + Below(most - least + 1);
  }
  bool Percent(unsigned percent) { return Below(100) < percent; }
  // Whole milliseconds, so that unrelated events often meet at the same instant.
  Duration Millis(std::uint64_t least, std::uint64_t most) {
    return std::chrono::milliseconds(Between(least, most));
  }
  template <typename T>
  T Pick(std::initializer_list<T> choices) {
    return choices.begin()[Below(choices.size())];
  }

 private:
  std::uint64_t state_;
};

}  // namespace spillway
