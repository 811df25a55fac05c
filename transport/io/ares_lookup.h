// Lookups by c-ares: no thread waits for a nameserver (docs/adr/0011-...).
//
// What it is: /etc/hosts and /etc/resolv.conf as c-ares reads them, with the TTL of what was found.
// A changed resolv.conf is noticed within kConfigCheck and used by the lookups that follow (O-268);
// one that cannot be read leaves the old one in use. Each lookup ends within its deadline, whatever
// the nameservers do (O-250).
// What it owns: the c-ares channels, their timers and the watch over their sockets; the sockets
// themselves are c-ares'.
// Thread safety: none; everything on the thread of `context`, which outlives it.
// Invariants: `done` is called exactly once, never inside Start, never after Stop().

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "transport/base/instant.h"
#include "transport/io/name_lookup.h"

namespace spillway {

namespace asio = boost::asio;

struct AresOptions {
  std::string nameservers;  // "192.0.2.1:53,[2001:db8::1]:53"; "" for those of resolv.conf
  Duration deadline = std::chrono::seconds(5);  // of one lookup
  std::size_t max_addresses = 64;
};

class AresLookup : public NameLookup {
 public:
  static constexpr Duration kConfigCheck = std::chrono::seconds(1);
  // A channel keeps its UDP port, which a forger of answers has to guess. So it is renewed.
  static constexpr std::uint32_t kLookupsPerChannel = 100;

  AresLookup(asio::io_context& context, AresOptions options);
  ~AresLookup() override;

  void Start(const std::string& name, AddressFamily family, LookupDone done) override;
  void Stop() override;

 private:
  class Channel;
  struct Query;

  // The channel for a new lookup; nullptr when c-ares cannot be had at all.
  std::shared_ptr<Channel> CurrentChannel();

  asio::io_context& context_;
  const AresOptions options_;
  std::shared_ptr<Channel> channel_;
  std::vector<std::weak_ptr<Channel>> retired_;  // lookups may still run on them
  std::uint32_t lookups_on_channel_ = 0;
  std::string config_stamp_;
  Instant next_config_check_{};
  bool stopped_ = false;
};

}  // namespace spillway
