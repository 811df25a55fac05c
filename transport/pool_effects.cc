#include "transport/pool_effects.h"

#include <utility>

#include "transport/base/check.h"

namespace spillway {
namespace {

template <typename... Cases>
struct Overload : Cases... {
  using Cases::operator()...;
};
template <typename... Cases>
Overload(Cases...) -> Overload<Cases...>;

}  // namespace

std::shared_ptr<PoolWaiter> Pool::Effects::TakeWaiter(PoolEntry& entry, WaiterId id) {
  if (self_owner != nullptr && self_id == id) return *std::exchange(self_owner, nullptr);
  const auto found = entry.waiters.find(id);
  SPILLWAY_CHECK_NOTE(found != entry.waiters.end(), "an outcome has its waiter");
  std::shared_ptr<PoolWaiter> waiter = std::move(found->second);
  entry.waiters.erase(found);
  return waiter;
}

void Pool::ResolveDial(const std::shared_ptr<PoolEntry>& entry, ConnId conn, Instant now,
                       Actions& actions, Effects& effects) {
  if (entry->prepaid > 0) {
    --entry->prepaid;
  } else if (!budget_.TryTake(entry)) {
    effects.denied = true;
    return entry->machine.OnDialDenied(conn, now, actions);
  }
  if (entry->slots.size() <= conn.slot) entry->slots.resize(conn.slot + 1);
  PoolEntry::Slot& slot = entry->slots[conn.slot];
  EventLoop& loop = loops_.PickForConnection();
  slot.generation = conn.generation;
  slot.connection = nullptr;
  slot.info = nullptr;
  slot.dial = std::make_shared<Dial>(loop, services_, entry->plans,
                                     [this, entry, conn, &loop](DialOutcome outcome) {
                                       OnDialDone(entry, conn, loop, std::move(outcome));
                                     });
  effects.list.emplace_back(Effects::StartDial{slot.dial});
}

void Pool::Resolve(PoolShard& shard, const std::shared_ptr<PoolEntry>& entry, Actions& actions,
                   Instant now, Effects& effects) {
  // By index: a refused dial makes the machine append to the list.
  for (std::size_t i = 0; i < actions.size(); ++i) {
    const Action action = std::move(actions[i]);
    std::visit(
        Overload{
            [&](const DialAction& dial) { ResolveDial(entry, dial.conn, now, actions, effects); },
            [&](const GrantAction& grant) {
              const PoolEntry::Slot& slot = entry->slots[grant.conn.slot];
              const bool waited = effects.self_id != grant.waiter;
              Lease lease(this, entry, grant.conn, slot.connection, slot.info);
              lease.reused = grant.reused;
              lease.idle_time = grant.idle_time;
              lease.source = !waited ? grant.shared ? AcquireSource::kStream : AcquireSource::kIdle
                             : grant.reused ? AcquireSource::kCoalesced
                                            : AcquireSource::kNew;
              effects.list.emplace_back(
                  Effects::Grant{effects.TakeWaiter(*entry, grant.waiter), std::move(lease)});
            },
            [&](const FailAction& fail) {
              effects.list.emplace_back(
                  Effects::Fail{effects.TakeWaiter(*entry, fail.waiter), fail.why});
            },
            [&](const CloseAction& close) {
              PoolEntry::Slot& slot = entry->slots[close.conn.slot];
              if (slot.generation != close.conn.generation) return;
              if (slot.dial != nullptr) {
                effects.list.emplace_back(Effects::CancelDial{std::move(slot.dial)});
              } else if (slot.connection != nullptr) {
                effects.list.emplace_back(Effects::Close{std::move(slot.connection), close.why});
              }
              slot = PoolEntry::Slot{};
            }},
        action);
  }
  if (NoteDeadline(shard, *entry)) effects.arm = &shard;
}

void Pool::Run(Effects& effects) {
  for (Effects::Effect& effect : effects.list) {
    std::visit(
        Overload{[](Effects::Grant& grant) { grant.waiter->OnGrant(std::move(grant.lease)); },
                 [](Effects::Fail& fail) { fail.waiter->OnNoGrant(std::move(fail.why)); },
                 [](Effects::Close& close) { close.connection->Close(close.reason); },
                 [this](Effects::CancelDial& cancel) {
                   cancel.dial->Cancel();
                   ReturnPlace();
                 },
                 [](Effects::StartDial& start) { start.dial->Start(); }},
        effect);
  }
  if (effects.arm != nullptr) ArmTimer(*effects.arm);
  if (effects.denied) GiveUpAnIdleConnection();
}

}  // namespace spillway
