// What the pool machine adds to a warm round trip: one Acquire and one Release on a key.
//
// The argument is how many connections lie idle beside the one in use; the cost must not depend on
// it. Depth is how many are out at a time, each released in the order of its grant.

#include <benchmark/benchmark.h>

#include <variant>
#include <vector>

#include "transport/base/check.h"
#include "transport/pool/host_pool.h"

namespace spillway {
namespace {

constexpr Duration kStep(100);  // far from any idle timeout, however long the bench runs

ConnId Granted(const Actions& actions) {
  SPILLWAY_CHECK(actions.size() == 1);
  return std::get<GrantAction>(actions[0]).conn;
}

// Opens `count` connections and lets them idle, a microsecond apart.
Instant Fill(HostPool& pool, std::uint32_t count) {
  Instant now{seconds(1)};
  Actions actions;
  for (std::uint32_t i = 0; i < count; ++i) pool.Acquire({.waiter = i}, now, actions);
  std::vector<ConnId> conns;
  for (const Action& action : actions) conns.push_back(std::get<DialAction>(action).conn);
  actions.clear();
  for (const ConnId conn : conns) pool.OnConnected(conn, 1, now, actions);
  for (const ConnId conn : conns) {
    now += std::chrono::microseconds(1);
    pool.Release(conn, {.reusable = true}, now, actions);
  }
  SPILLWAY_CHECK(pool.Snapshot(now).idle == count);
  return now;
}

PoolLimits Limits(std::uint32_t count) {
  PoolLimits limits;
  limits.max_connections = count;
  limits.max_idle = count;
  limits.max_waiters = count;
  limits.max_dials = count;
  return limits;
}

void BM_AcquireRelease(benchmark::State& state) {
  const auto count = static_cast<std::uint32_t>(state.range(0));
  HostPool pool(Limits(count), 1);
  Instant now = Fill(pool, count);
  WaiterId waiter = count;
  for (auto _ : state) {
    Actions actions;
    pool.Acquire({.waiter = ++waiter, .deadline = now + seconds(30)}, now, actions);
    const ConnId conn = Granted(actions);
    now += kStep;
    actions.clear();
    pool.Release(conn, {.reusable = true}, now, actions);
    benchmark::DoNotOptimize(pool.NextDeadline());
  }
}
BENCHMARK(BM_AcquireRelease)->Arg(1)->Arg(1000)->Arg(100'000);

// Sixteen exchanges at a time, as under load: the list is worked beyond its front.
void BM_AcquireReleaseSixteen(benchmark::State& state) {
  constexpr std::size_t kDepth = 16;
  const auto count = static_cast<std::uint32_t>(state.range(0));
  HostPool pool(Limits(count), 1);
  Instant now = Fill(pool, count);
  WaiterId waiter = count;
  std::vector<ConnId> out(kDepth);
  for (auto _ : state) {
    Actions actions;
    for (ConnId& conn : out) {
      actions.clear();
      pool.Acquire({.waiter = ++waiter}, now, actions);
      conn = Granted(actions);
      now += kStep;
    }
    actions.clear();
    for (const ConnId conn : out) pool.Release(conn, {.reusable = true}, now, actions);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kDepth));
}
BENCHMARK(BM_AcquireReleaseSixteen)->Arg(16)->Arg(1000)->Arg(100'000);

}  // namespace
}  // namespace spillway

BENCHMARK_MAIN();
