// Any sequence of calls into the pool machine keeps its invariants and its policy.
//
// The input is limits, then operations of two bytes: what, and about whom or how much. Whatever a
// user of the pool may do in any order is reachable; what only a broken user does (release a lease
// twice) is not. Every operation is judged by the oracles of the simulator; at the end everything
// is brought to rest.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <string_view>
#include <variant>
#include <vector>

#include "tests/sim/checked_pool.h"

namespace spillway {
namespace {

constexpr std::size_t kLimitBytes = 10;
constexpr std::size_t kMostOperations = 2000;
constexpr int kMostTicksToRest = 10'000;

[[noreturn]] void Violated(std::string_view oracle) {
  std::fprintf(stderr, "violated: %.*s\n", static_cast<int>(oracle.size()), oracle.data());
  std::abort();
}

// `choices` indexed by a byte of the input.
template <typename T>
T Choose(std::uint8_t byte, std::initializer_list<T> choices) {
  return choices.begin()[byte % choices.size()];
}

PoolLimits ReadLimits(const std::uint8_t* b) {
  const auto times = {milliseconds(0), milliseconds(10), milliseconds(100), milliseconds(1000)};
  PoolLimits limits;
  limits.max_connections = b[0] % 9U;
  limits.max_idle = b[1] % 5U;
  limits.max_waiters = b[2] % 20U;
  limits.max_dials = b[3] % 5U;
  limits.queue_timeout = b[4] % 2 == 0 ? kForever : Duration(Choose(b[4] / 2, times));
  limits.idle_timeout = Choose(b[5], times);
  limits.keep_alive_margin = Choose(b[6], times);
  limits.max_age = b[7] % 2 == 0 ? kForever : Duration(Choose(b[7] / 2, times));
  limits.max_age_jitter = 0;  // the model foretells ages
  limits.max_uses = b[8] % 4U;
  limits.backoff_initial = Choose(b[9], times);
  limits.backoff_max = seconds(1);
  return limits;
}

class Player {
 public:
  explicit Player(const PoolLimits& limits) : pool_(limits, 1, kForever, Violated) {}

  void Play(const std::uint8_t* operation) {
    PoolEvent event;
    event.kind = static_cast<PoolEventKind>(operation[0] % kPoolEventKinds);
    const std::uint8_t detail = operation[1];
    if (operation[0] >= 240) now_ += milliseconds(detail);  // and then the event
    if (Complete(event, detail)) Handle(event);
  }

  // Ends all that was begun, then lets time do its part.
  void Rest() {
    while (!pool_.model().waiters.empty()) {
      PoolEvent event;
      event.kind = PoolEventKind::kCancel;
      event.demand.waiter = pool_.model().waiters.front().id;
      Handle(event);
    }
    while (!pool_.model().connections.empty()) {
      PoolEvent event;
      event.kind = PoolEventKind::kClosed;
      event.conn = pool_.model().connections.front().id;
      Handle(event);
    }
    PoolEvent allowed;
    allowed.kind = PoolEventKind::kDialAllowed;
    Handle(allowed);
    for (int i = 0; i < kMostTicksToRest && pool_.pool().NextDeadline() != kNever; ++i) {
      now_ = std::max(now_, pool_.pool().NextDeadline());
      PoolEvent tick;
      Handle(tick);
    }
    pool_.oracles().AtRest();
  }

 private:
  void Handle(PoolEvent& event) {
    event.now = now_;
    for (const Action& action : pool_.Handle(event)) {
      if (const auto* close = std::get_if<CloseAction>(&action)) gone_.push_back(close->conn);
    }
    if (event.kind == PoolEventKind::kClosed || event.kind == PoolEventKind::kDialFailed ||
        event.kind == PoolEventKind::kDialDenied) {
      gone_.push_back(event.conn);
    }
  }

  // False when there is nothing that the event could be about.
  bool Complete(PoolEvent& event, std::uint8_t detail) {
    switch (event.kind) {
      case PoolEventKind::kAcquire:
        event.demand.waiter = ++last_waiter_;
        event.demand.fresh_connection = detail % 4 == 3;
        if (detail % 8 >= 4) event.demand.deadline = now_ + milliseconds(detail / 8);
        return true;
      case PoolEventKind::kCancel:
        event.demand.waiter = last_waiter_ - std::min<WaiterId>(detail % 16, last_waiter_);
        return true;
      case PoolEventKind::kTick:
        now_ += milliseconds(detail);
        return true;
      case PoolEventKind::kSetLimits:
        event.limits = pool_.model().limits;
        event.limits.max_connections = detail % 9U;
        event.limits.max_idle = detail / 16U % 5U;
        event.limits.max_uses = detail / 64U;
        return true;
      case PoolEventKind::kDialAllowed:
      case PoolEventKind::kFlush:
      case PoolEventKind::kCloseIdle:
      case PoolEventKind::kEvict:
        return true;
      case PoolEventKind::kDrain:
        return detail == 255;  // it ends most of what there is to see
      default:
        return CompleteConnection(event, detail);
    }
  }

  bool CompleteConnection(PoolEvent& event, std::uint8_t detail) {
    event.capacity = Choose(detail / 16, {1U, 1U, 2U, 5U, 0U});
    event.verdict.reusable = detail / 16 != 15;
    if (detail / 16 < 4) event.verdict.idle_hint = milliseconds(5 * (detail / 16));
    event.why = std::make_shared<const Failure>();
    if (detail % 16 == 15 && !gone_.empty()) {
      event.conn = gone_[detail / 16 % gone_.size()];
      return true;
    }
    std::vector<ConnId> fits;
    for (const ModelConnection& c : pool_.model().connections) {
      if (Fits(event.kind, c)) fits.push_back(c.id);
    }
    if (fits.empty()) return false;
    event.conn = fits[detail % 16 % fits.size()];
    return true;
  }

  static bool Fits(PoolEventKind kind, const ModelConnection& c) {
    const bool dialling = c.state == ModelConnection::State::kDialling;
    switch (kind) {
      case PoolEventKind::kConnected:
      case PoolEventKind::kDialFailed:
      case PoolEventKind::kDialDenied:
        return dialling;
      case PoolEventKind::kRelease:
      case PoolEventKind::kReleaseUnused:
        return c.in_use > 0;
      default:
        return true;
    }
  }

  CheckedPool pool_;
  Instant now_{seconds(1)};
  WaiterId last_waiter_ = 0;
  std::vector<ConnId> gone_;
};

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace spillway;
  if (size < kLimitBytes) return 0;
  Player player(ReadLimits(data));
  const std::size_t operations = std::min((size - kLimitBytes) / 2, kMostOperations);
  for (std::size_t i = 0; i < operations; ++i) player.Play(data + kLimitBytes + 2 * i);
  player.Rest();
  return 0;
}
