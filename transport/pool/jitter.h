// Jitter without a random source: a number that looks random, from numbers that are not.
//
// Thread safety: pure functions.

#pragma once

#include <cstdint>

namespace spillway {

// Spreads `seed` and `serial` over [0, 1): the same pair always gives the same fraction.
constexpr double JitterFraction(std::uint64_t seed, std::uint64_t serial) {
  // The finalizer of a 64-bit multiplicative hash (Stafford's variant 13).
  std::uint64_t x = seed + serial * 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  x ^= x >> 31;
  return static_cast<double>(x >> 11) * 0x1.0p-53;
}

}  // namespace spillway
