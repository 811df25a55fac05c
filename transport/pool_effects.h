// What is left to do after a pool event, once the mutex is gone.
//
// What it is: the machine's actions with their subjects looked up: who hears of a grant, which
// object is closed, which dial starts. Run() does each exactly once.
// Thread safety: one owner; filled under a shard's mutex, run without it.

#pragma once

#include <memory>
#include <variant>

#include <boost/container/small_vector.hpp>

#include "transport/connection/connection.h"
#include "transport/io/clock.h"
#include "transport/io/dialer.h"
#include "transport/lease.h"
#include "transport/pool.h"

namespace spillway {

class Pool::Effects {
 public:
  struct Grant {
    std::shared_ptr<PoolWaiter> waiter;
    Lease lease;
  };
  struct Fail {
    std::shared_ptr<PoolWaiter> waiter;
    std::shared_ptr<const Failure> why;
  };
  struct Close {
    std::shared_ptr<Connection> connection;
    CloseReason reason = CloseReason::kError;
  };
  struct CancelDial {
    std::shared_ptr<Dial> dial;
  };
  struct StartDial {
    std::shared_ptr<Dial> dial;
  };
  using Effect = std::variant<Grant, Fail, Close, CancelDial, StartDial>;

  // The waiter of the Acquire under way, which is not in the entry's table, or from the table.
  std::shared_ptr<PoolWaiter> TakeWaiter(PoolEntry& entry, WaiterId id);

  const std::shared_ptr<PoolWaiter>* self_owner = nullptr;
  WaiterId self_id = 0;
  boost::container::small_vector<Effect, 2> list;
  PoolShard* arm = nullptr;  // this shard's timer must be armed anew
  bool denied = false;       // the connection budget refused a dial
};

template <typename Event>
void Pool::Apply(const std::shared_ptr<PoolEntry>& entry, Event&& event) {
  const Instant now = Now();
  PoolShard& shard = entry->shard;
  Effects effects;
  {
    MutexLock lock(shard.mu);
    Actions actions;
    event(entry->machine, now, actions);
    Resolve(shard, entry, actions, now, effects);
  }
  Run(effects);
}

}  // namespace spillway
