// From a name and a port to a connected TCP socket.
//
// What it is: one TcpDial resolves, races the addresses (transport/connect/address_race.h) and
// stops at the first that connects; one budget covers all of it (D10, K6). Each address is shown to
// the address policy before connect() (C-058), and a socket that connected to itself is refused
// (O-271). What it owns: the sockets of attempts still running. Thread safety: on the loop only.
// Invariants: the callback runs exactly once, on the loop, unless the dial was cancelled before.

#pragma once

#include <sys/socket.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "transport/base/failure.h"
#include "transport/base/instant.h"
#include "transport/base/policy.h"
#include "transport/base/url.h"
#include "transport/connect/address_race.h"
#include "transport/connect/dns_cache.h"
#include "transport/io/event_loop.h"
#include "transport/io/resolver.h"

namespace spillway {

using asio::ip::tcp;
using AddressPolicy = std::function<bool(const ::sockaddr* address, unsigned length)>;

struct TcpTarget {
  std::string host;  // Url::host
  HostKind host_kind = HostKind::kName;
  std::uint16_t port = 0;
  AddressChoice addresses;
  Instant deadline = kNever;
  Duration attempt_gap{};
};

// The name that TCP went to, when its address was looked up.
struct DialledName {
  std::string name;
  AddressFamily family = AddressFamily::kAny;
  IpAddress address;
};

struct TcpOutcome {
  std::optional<tcp::socket> socket;
  std::optional<DialledName> dialled;      // with a socket
  std::shared_ptr<const Failure> failure;  // when there is no socket
  Duration dns{};
  Duration connect{};
  bool resolved = false;
};

class TcpDial : public std::enable_shared_from_this<TcpDial> {
 public:
  using Callback = std::function<void(TcpOutcome)>;

  TcpDial(EventLoop& loop, Resolver& resolver, AddressPolicy address_allowed, TcpTarget target,
          Callback callback);
  ~TcpDial();

  // What the address policy says of `address`; no policy allows all.
  static bool Allowed(const AddressPolicy& policy, const IpAddress& address, std::uint16_t port);

  void Start();
  // Ends the dial without calling back, if it has not yet.
  void Cancel();

 private:
  struct Attempt;

  void OnResolved(const std::shared_ptr<const DnsAnswer>& answer);
  void Race();
  void TryAddress(std::size_t index);
  void OnAttempt(const std::shared_ptr<Attempt>& attempt, const boost::system::error_code& error);
  void GiveUpOldest();
  void NoteFailure(const IpAddress& address, const boost::system::error_code& error);
  void ArmTimer();
  void OnTimer();
  void Finish(TcpOutcome outcome);
  Failure AllFailed() const;
  Failure TimedOut() const;

  EventLoop& loop_;
  Resolver& resolver_;
  const AddressPolicy address_allowed_;
  const TcpTarget target_;
  Callback callback_;
  asio::steady_timer timer_;
  std::vector<IpAddress> addresses_;
  std::optional<AddressRace> race_;
  std::vector<std::shared_ptr<Attempt>> attempts_;
  Instant started_{};
  Instant resolved_at_{};
  std::string name_;  // looked up; "" when the addresses were given
  bool resolved_ = false;
  std::uint32_t denied_ = 0;
  Failure last_failure_;
  std::string causes_;
};

}  // namespace spillway
