// A warm pool allocates nothing: neither for a grant at once, nor for a wait.

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "transport/base/check.h"
#include "transport/pool/host_pool.h"

namespace {

std::uint64_t allocations = 0;

void* Allocate(std::size_t size) {
  ++allocations;
  void* memory = std::malloc(size == 0 ? 1 : size);
  SPILLWAY_CHECK(memory != nullptr);
  return memory;
}

}  // namespace

void* operator new(std::size_t size) { return Allocate(size); }
void* operator new[](std::size_t size) { return Allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace spillway {
namespace {

// A pool of one connection, open and idle.
class HostPoolAllocation : public testing::Test {
 protected:
  static PoolLimits OneConnection() {
    PoolLimits limits;
    limits.max_connections = 1;
    return limits;
  }
  void SetUp() override {
    Acquire(1);
    conn_ = std::get<DialAction>(actions_.at(0)).conn;
    Next();
    pool_.OnConnected(conn_, 1, now_, actions_);
    Release();
  }
  void Acquire(WaiterId waiter) {
    Next();
    pool_.Acquire({.waiter = waiter, .deadline = now_ + seconds(5)}, now_, actions_);
  }
  void Release() {
    Next();
    pool_.Release(conn_, {.reusable = true}, now_, actions_);
  }

  HostPool pool_{OneConnection(), 1};

 private:
  void Next() {
    actions_.clear();
    now_ += Duration(1000);
  }
  Instant now_{seconds(1)};
  Actions actions_;
  ConnId conn_;
};

TEST_F(HostPoolAllocation, GrantsAndTakesBackWithout) {
  const std::uint64_t before = allocations;
  for (WaiterId waiter = 2; waiter < 2000; ++waiter) {
    Acquire(waiter);
    Release();
  }
  EXPECT_EQ(allocations, before);
}

TEST_F(HostPoolAllocation, QueuesAndServesWaitersWithoutOnceTheQueueHasBeenAsLong) {
  constexpr WaiterId kQueue = 8;
  std::uint64_t before = 0;
  for (WaiterId round = 1; round <= 200; ++round) {
    if (round == 100) before = allocations;
    for (WaiterId i = 0; i < kQueue; ++i) Acquire(round * 100 + i);
    for (WaiterId i = 0; i < kQueue; ++i) Release();
  }
  EXPECT_EQ(allocations, before);
}

}  // namespace
}  // namespace spillway
