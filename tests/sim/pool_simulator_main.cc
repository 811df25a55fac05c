// Runs the pool through many seeds, or replays one.
//
//   pool_simulator [--seeds=N] [--first=SEED]   N histories from SEED on
//   pool_simulator --seed=SEED                  one history, its last events printed
//
// On a violation it prints the oracle, the seed and the last 200 events, and exits with 1.

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "tests/sim/pool_simulator.h"

namespace spillway {
namespace {

struct Options {
  std::uint64_t first = 1;
  std::uint64_t seeds = 20'000;
  bool replay = false;
};

// Runs too short for every rarity are not held to have seen each.
constexpr std::uint64_t kEnoughSeeds = 2000;

std::uint64_t running_seed = 0;
const PoolSimulator* running = nullptr;

[[noreturn]] void Report(std::string_view oracle) {
  if (running != nullptr) running->PrintTail(stderr);
  std::fprintf(stderr, "VIOLATION seed %llu: %.*s\n", static_cast<unsigned long long>(running_seed),
               static_cast<int>(oracle.size()), oracle.data());
  std::fprintf(stderr, "replay with --seed=%llu\n", static_cast<unsigned long long>(running_seed));
  std::_Exit(1);
}

// A broken SPILLWAY_CHECK or a crash inside the machine; nothing is left to save but the story.
void OnSignal(int signal) {
  std::signal(signal, SIG_DFL);
  Report(signal == SIGABRT ? "the machine's own invariants" : "the machine crashed");
}

void Add(PoolCoverage& sum, const PoolCoverage& one) {
  for (std::size_t i = 0; i < sum.events.size(); ++i) sum.events[i] += one.events[i];
  for (std::size_t i = 0; i < sum.closes.size(); ++i) sum.closes[i] += one.closes[i];
  for (std::size_t i = 0; i < sum.fails.size(); ++i) sum.fails[i] += one.fails[i];
  sum.dials += one.dials;
  sum.grants += one.grants;
  sum.grants_idle += one.grants_idle;
  sum.grants_new += one.grants_new;
  sum.grants_coalesced += one.grants_coalesced;
  sum.grants_stream += one.grants_stream;
  sum.grants_to_fresh += one.grants_to_fresh;
  sum.stale_events += one.stale_events;
  sum.late_cancels += one.late_cancels;
  sum.stranded += one.stranded;
  sum.gave_way_to_fresh += one.gave_way_to_fresh;
  sum.probes += one.probes;
  sum.forgotten += one.forgotten;
  sum.dead_origin_waits += one.dead_origin_waits;
  sum.ahead_of_need += one.ahead_of_need;
  sum.spread += one.spread;
  sum.passed_over += one.passed_over;
  sum.woken += one.woken;
  sum.barred += one.barred;
  sum.fruitless += one.fruitless;
  sum.idle_past_limit += one.idle_past_limit;
}

// Prints a line; 1 when it never happened.
int Line(const std::string& what, std::uint64_t count) {
  std::printf("  %-28s %llu%s\n", what.c_str(), static_cast<unsigned long long>(count),
              count == 0 ? "  NEVER" : "");
  return count == 0 ? 1 : 0;
}

// How many things that must happen never did.
int PrintCoverage(const PoolCoverage& c) {
  int never = 0;
  for (std::size_t i = 0; i < c.events.size(); ++i) {
    never += Line(std::string("event ") + Name(static_cast<PoolEventKind>(i)), c.events[i]);
  }
  for (const CloseReason why :
       {CloseReason::kIdleTimeout, CloseReason::kLearnedIdle, CloseReason::kMaxAge,
        CloseReason::kMaxUses, CloseReason::kGoAway, CloseReason::kLru, CloseReason::kOriginClose,
        CloseReason::kFlushed, CloseReason::kDrain, CloseReason::kSurplus,
        CloseReason::kPolicyChanged, CloseReason::kCertRotated, CloseReason::kAddressGone}) {
    never += Line("close " + std::string(Label(why)), c.closes[static_cast<std::size_t>(why)]);
  }
  for (const Reason why :
       {Reason::kDeadlineExceeded, Reason::kPoolQueueFull, Reason::kPoolQueueTimeout,
        Reason::kDraining, Reason::kConnectionRefused, Reason::kConnectionTerminated}) {
    never += Line("fail " + std::string(Label(why)), c.fails[static_cast<std::size_t>(why)]);
  }
  never += Line("dials", c.dials) + Line("grants", c.grants);
  never += Line("grants from idle", c.grants_idle) + Line("grants, first use", c.grants_new);
  never += Line("grants after a release", c.grants_coalesced);
  never += Line("grants of a stream", c.grants_stream);
  never += Line("grants to fresh waiters", c.grants_to_fresh);
  never += Line("events with stale handles", c.stale_events);
  never += Line("cancels that came too late", c.late_cancels);
  never += Line("waiters stranded by a dial", c.stranded);
  never += Line("idle gave way to fresh", c.gave_way_to_fresh);
  never += Line("probes", c.probes) + Line("failures outlived", c.forgotten);
  never += Line("waits on a dead origin", c.dead_origin_waits);
  never += Line("dials ahead of need", c.ahead_of_need);
  never += Line("grants to the least loaded", c.spread);
  never += Line("grants beside one to drain", c.passed_over);
  never += Line("idle ones woken by a crowd", c.woken);
  never += Line("waits beside a barred one", c.barred);
  never += Line("back-offs for fruitless ones", c.fruitless);
  never += Line("idle ones past max_idle", c.idle_past_limit);
  return never;
}

bool ReadNumber(std::string_view argument, std::string_view flag, std::uint64_t& value) {
  if (!argument.starts_with(flag)) return false;
  value = std::strtoull(std::string(argument.substr(flag.size())).c_str(), nullptr, 10);
  return true;
}

bool ReadOptions(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    if (ReadNumber(argv[i], "--seeds=", options.seeds)) continue;
    if (ReadNumber(argv[i], "--first=", options.first)) continue;
    if (!ReadNumber(argv[i], "--seed=", options.first)) return false;
    options.seeds = 1;
    options.replay = true;
  }
  return true;
}

int Main(int argc, char** argv) {
  Options options;
  if (!ReadOptions(argc, argv, options)) {
    std::fprintf(stderr, "usage: %s [--seeds=N] [--first=SEED] | --seed=SEED\n", argv[0]);
    return 2;
  }
  for (const int signal : {SIGABRT, SIGSEGV, SIGFPE, SIGBUS}) std::signal(signal, OnSignal);
  PoolCoverage coverage;
  std::uint64_t events = 0;
  for (std::uint64_t seed = options.first; seed < options.first + options.seeds; ++seed) {
    PoolSimulator simulator(seed, Report);
    running_seed = seed;
    running = &simulator;
    simulator.Run();
    running = nullptr;
    events += simulator.event_count();
    Add(coverage, simulator.coverage());
    if (options.replay) simulator.PrintTail(stdout);
  }
  std::printf("%llu seeds, %llu events, no violation\n",
              static_cast<unsigned long long>(options.seeds),
              static_cast<unsigned long long>(events));
  const int never = PrintCoverage(coverage);
  if (options.seeds >= kEnoughSeeds && never > 0) {
    std::fprintf(stderr, "VIOLATION: %d things never happened, so nothing was learnt of them\n",
                 never);
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace spillway

int main(int argc, char** argv) { return spillway::Main(argc, argv); }
