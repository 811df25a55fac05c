// Names to addresses, off the event loops.
//
// What it is: one lookup per name and family however many wait (O-251); answers remembered for as
// long as they are good (transport/connect/dns_cache.h); names in use looked up again when their
// answer has run out; what is known of addresses that failed (transport/connect/address_memory.h).
// Lookups are c-ares' (docs/adr/0011-names-by-c-ares.md), each of which ends within
// kLookupDeadline, or a blocking function's. One that hangs delays nobody else (O-250), with a
// function as long as it has a thread left.
// What it owns: its thread, the lookups (at most max_pending_lookups), cache, watches, memory.
// Thread safety: any thread. Callbacks run on a thread of the resolver's, or inline when the answer
// is in the cache; they must not block, and may call back into it (O-252).
// Invariants: each callback is called exactly once, or never after Stop().

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "transport/base/ip_address.h"
#include "transport/base/options.h"
#include "transport/base/policy.h"
#include "transport/connect/dns_cache.h"
#include "transport/io/function_lookup.h"

namespace spillway {

class Resolver {
 public:
  using Callback = std::function<void(std::shared_ptr<const DnsAnswer>)>;
  // Hears the answers of a name that is watched, failures too: a name that is gone would be asked
  // for till the end of days. False ends the watch.
  using OnAddresses = std::function<bool(const DnsAnswer&)>;

  static constexpr Duration kLookupDeadline = std::chrono::seconds(5);
  // A watched name is looked up no more often, and so many of them at a time.
  static constexpr Duration kLeastWatchGap = std::chrono::seconds(5);
  static constexpr std::uint32_t kWatchLookups = 16;

  // `lookup` null: c-ares, with `nameservers` ("192.0.2.1:53,..."), or those of resolv.conf when it
  // is "". `on_lookup` hears of each real lookup: its error (kNone when ok) and how long it took.
  Resolver(const ProcessLimits& limits, LookupFunction lookup,
           std::function<void(Reason, Duration)> on_lookup, std::string nameservers = "");
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  void Resolve(const std::string& name, AddressFamily family, Callback callback);
  void Resolve(const std::string& name, Callback callback) {
    Resolve(name, AddressFamily::kAny, std::move(callback));
  }

  // Looks `name` up again whenever its answer has run out, and tells, until told to stop. For names
  // to which there are connections. At most max_dns_entries names; more are not watched (false).
  bool Watch(const std::string& name, AddressFamily family, OnAddresses on_addresses);

  // In which order to try addresses, and what came of it.
  std::vector<IpAddress> Order(const std::string& name, std::uint16_t port,
                               const std::vector<IpAddress>& addresses);
  void OnFailed(const IpAddress& address, std::uint16_t port);
  void OnConnected(const std::string& name, const IpAddress& address, std::uint16_t port);

  // Drops waiting callbacks and watches. A thread inside a lookup that hangs is left behind.
  void Stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace spillway
