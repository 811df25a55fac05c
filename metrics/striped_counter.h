// Counters that many threads raise at once without meeting on a cache line.
//
// What it is: StripedCells<N> is N totals, each kept in kStripes copies. A thread always raises its
// own stripe's copy (one relaxed atomic add); reading adds the copies up.
// What it owns: its stripes, each allocated the first time a thread of that stripe raises
// anything, so that a destination that is configured but never used costs kStripes pointers.
// Thread safety: every function may be called from any thread. Add never blocks.
// Invariants: totals never decrease. Sum may miss what is being added while it reads, and reads
// each cell at its own moment.

#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace spillway {

// Enough for the handful of loops and gRPC threads that a daemon runs; threads beyond it share.
inline constexpr std::size_t kStripes = 4;
inline constexpr std::size_t kCacheLine = 64;

// The calling thread's stripe: dealt in turn, once for each thread.
inline std::size_t ThisStripe() {
  static std::atomic<std::size_t> next{0};
  thread_local const std::size_t stripe = next.fetch_add(1, std::memory_order_relaxed) % kStripes;
  return stripe;
}

template <std::size_t N>
class StripedCells {
 public:
  StripedCells() = default;
  ~StripedCells() {
    for (auto& stripe : stripes_) delete stripe.load(std::memory_order_acquire);
  }
  StripedCells(const StripedCells&) = delete;
  StripedCells& operator=(const StripedCells&) = delete;

  static constexpr std::size_t size() { return N; }

  void Add(std::size_t cell, std::uint64_t amount = 1) {
    Mine().cells[cell].fetch_add(amount, std::memory_order_relaxed);
  }

  std::uint64_t Sum(std::size_t cell) const {
    std::uint64_t sum = 0;
    for (const auto& slot : stripes_) {
      const Stripe* stripe = slot.load(std::memory_order_acquire);
      if (stripe != nullptr) sum += stripe->cells[cell].load(std::memory_order_relaxed);
    }
    return sum;
  }

 private:
  struct alignas(kCacheLine) Stripe {
    std::array<std::atomic<std::uint64_t>, N> cells{};
  };

  Stripe& Mine() {
    std::atomic<Stripe*>& slot = stripes_[ThisStripe()];
    Stripe* stripe = slot.load(std::memory_order_acquire);
    if (stripe != nullptr) return *stripe;
    auto* fresh = new Stripe();
    if (slot.compare_exchange_strong(stripe, fresh, std::memory_order_acq_rel)) return *fresh;
    delete fresh;  // another thread of this stripe was first
    return *stripe;
  }

  std::array<std::atomic<Stripe*>, kStripes> stripes_{};
};

}  // namespace spillway
