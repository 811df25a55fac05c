// PoolModel: what follows from the books.

#include <utility>

#include "tests/sim/pool_model.h"

namespace spillway {
namespace {

using State = ModelConnection::State;

template <typename Things, typename Predicate>
std::uint32_t Count(const Things& things, Predicate predicate) {
  return static_cast<std::uint32_t>(std::count_if(things.begin(), things.end(), predicate));
}

}  // namespace

std::pair<Duration, CloseReason> PoolModel::IdleLimit(const ModelConnection& c) const {
  if (c.hint) {
    const Duration left = *c.hint - limits.keep_alive_margin;
    if (left < limits.idle_timeout) return {left, CloseReason::kLearnedIdle};
  }
  return {limits.idle_timeout, CloseReason::kIdleTimeout};
}

Instant PoolModel::IdleEnd(const ModelConnection& c) const {
  return After(c.last_used_at, std::max(IdleLimit(c).first, Duration::zero()));
}

Instant PoolModel::EarliestAgeEnd(const ModelConnection& c) const {
  if (limits.max_age == kForever) return kNever;
  const double least = static_cast<double>(limits.max_age.count()) * (1 - limits.max_age_jitter);
  return After(c.opened_at, Duration(static_cast<Duration::rep>(least)));
}

std::uint32_t PoolModel::Idle() const {
  return Count(connections, [](const auto& c) { return c.idle(); });
}
std::uint32_t PoolModel::Open() const {
  return Count(connections, [](const auto& c) { return c.open(); });
}
std::uint32_t PoolModel::Dials() const {
  return Count(connections, [](const auto& c) { return c.state == State::kDialling; });
}
std::uint32_t PoolModel::ExpectedDials() const {
  return Count(connections, [](const auto& c) { return c.state == State::kDialling && c.current; });
}
std::uint32_t PoolModel::Draining() const {
  return Count(connections, [](const auto& c) { return c.state == State::kDraining; });
}
std::uint32_t PoolModel::Streams() const {
  std::uint32_t streams = 0;
  for (const ModelConnection& c : connections) streams += c.in_use;
  return streams;
}
std::uint32_t PoolModel::Fresh() const {
  return Count(waiters, [](const auto& w) { return w.fresh; });
}

std::uint32_t PoolModel::SingleIdle() const {
  return Count(connections, [](const auto& c) { return c.idle() && !c.multiplexed; });
}

std::uint32_t PoolModel::ShareOfDial() const {
  return std::max(1U, std::min(known_capacity, limits.max_streams));
}

std::uint64_t PoolModel::DialsWanted() const {
  const std::uint64_t sharing = waiters.size() - Fresh();
  return Fresh() + (sharing + ShareOfDial() - 1) / ShareOfDial() + (Crowded() ? 1 : 0);
}

ModelConnection* PoolModel::NextShared() {
  std::vector<ModelConnection*> busy;
  std::uint64_t streams = 0;
  for (ModelConnection& c : connections) {
    if (c.open()) streams += c.in_use;
    if (c.in_use > 0 && HasRoom(c)) busy.push_back(&c);
  }
  if (busy.empty()) return nullptr;
  std::sort(busy.begin(), busy.end(), [](const auto* a, const auto* b) {
    return a->in_use != b->in_use ? a->in_use < b->in_use : a->last_used_order > b->last_used_order;
  });
  const bool one_too_many = streams + 1 <= (busy.size() - 1) * std::uint64_t{target_streams()};
  return busy[one_too_many ? 1 : 0];
}

bool PoolModel::Crowded() const {
  bool any = false;
  for (const ModelConnection& c : connections) {
    if (!HasRoom(c)) continue;
    if (c.in_use < target_streams()) return false;
    any = true;
  }
  return any;
}

bool PoolModel::Barred() const {
  return Count(connections, [this](const auto& c) { return c.idle() && Capacity(c) == 0; }) > 0;
}

bool PoolModel::Superfluous(const ModelConnection& opened) const {
  if (!opened.multiplexed || SomebodyWaits()) return false;
  bool room = false;
  std::uint64_t others = 0;
  std::uint64_t streams = 0;
  for (const ModelConnection& c : connections) {
    if (c.id == opened.id || !c.open()) continue;
    room = room || HasRoom(c);
    others += c.multiplexed ? 1 : 0;
    streams += c.in_use;
  }
  return room && streams * 2 < others * target_streams();
}

std::vector<WaiterId> PoolModel::ShareOfOneDial() const {
  std::vector<WaiterId> share;
  bool alone = false;
  for (const ModelWaiter& w : waiters) {
    if (w.expires() <= now) continue;
    if (share.empty()) alone = w.fresh;
    if (share.empty() || (!alone && !w.fresh && share.size() < ShareOfDial())) {
      share.push_back(w.id);
    }
  }
  return share;
}

const ModelConnection* PoolModel::OldestIdle() const {
  const ModelConnection* oldest = nullptr;
  for (const ModelConnection& c : connections) {
    if (!c.idle()) continue;
    if (oldest == nullptr || c.last_used_order < oldest->last_used_order) oldest = &c;
  }
  return oldest;
}

const ModelConnection* PoolModel::OldestSingleIdle() const {
  const ModelConnection* oldest = nullptr;
  for (const ModelConnection& c : connections) {
    if (!c.idle() || c.multiplexed) continue;
    if (oldest == nullptr || c.last_used_order < oldest->last_used_order) oldest = &c;
  }
  return oldest;
}

const ModelConnection* PoolModel::OldestUsedIdle() const {
  const ModelConnection* oldest = nullptr;
  for (const ModelConnection& c : connections) {
    if (!c.idle() || c.uses == 0 || !HasRoom(c)) continue;
    if (oldest == nullptr || c.last_used_order < oldest->last_used_order) oldest = &c;
  }
  return oldest;
}

}  // namespace spillway
