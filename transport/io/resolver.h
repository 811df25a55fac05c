// Names to addresses, off the event loops.
//
// What it is: getaddrinfo on a small bounded set of threads; one lookup per name however many wait
// (O-251); answers remembered briefly (transport/connect/dns_cache.h). A name that hangs occupies
// one thread and delays nobody else while another thread is free (O-250); the wait of each caller
// is bounded by its own dial's budget, not here.
// What it owns: its threads, the queue of lookups (at most max_pending_lookups), the cache.
// Thread safety: any thread. Callbacks run on a resolver thread, or inline when the answer is in
// the cache; they must not block.
// Invariants: each callback is called exactly once, or never after Stop().

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "transport/base/options.h"
#include "transport/connect/dns_cache.h"

namespace spillway {

// Blocking lookup: fills numeric addresses; returns 0 or a getaddrinfo error code.
using LookupFunction = std::function<int(const std::string& host, std::vector<std::string>& out)>;

class Resolver {
 public:
  using Callback = std::function<void(std::shared_ptr<const DnsAnswer>)>;

  // `on_lookup` hears of each real lookup: its error (kNone when ok) and how long it took.
  Resolver(const ProcessLimits& limits, LookupFunction lookup,
           std::function<void(Reason, Duration)> on_lookup);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  void Resolve(const std::string& name, Callback callback);
  // Drops waiting callbacks. A thread inside a lookup that hangs is left behind.
  void Stop();

 private:
  void StartThread();

  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace spillway
