// What a HostPool asks its shell to do. Each action is executed exactly once, after the lock that
// guards the machine is gone; no two actions of different calls depend on each other's order.
//
// Thread safety: plain values.

#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <variant>

#include <boost/container/small_vector.hpp>

#include "transport/base/failure.h"
#include "transport/base/instant.h"

namespace spillway {

// A connection or dial inside one HostPool. Slots are reused; the generation tells a reused slot
// from the old one, so a stale handle can reach nothing (case O-121).
struct ConnId {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  bool operator==(const ConnId&) const = default;
};

// A round trip that wants a connection; unique within the process, chosen by the caller.
using WaiterId = std::uint64_t;

// Why the pool, or its user, ends a connection. Label(): metric label of
// spillway_connections_closed_total.
enum class CloseReason : std::uint8_t {
  kIdleTimeout,  // our idle limit
  kLearnedIdle,  // the origin's Keep-Alive hint
  kMaxAge,
  kMaxUses,
  kPeerFin,
  kPeerReset,
  kGoAway,
  kLru,          // over an idle limit or given up for another key
  kSurplus,      // HTTP/2: opened when others already had room for everything
  kOriginClose,  // the response said close, or its framing ends with the connection
  kUnsolicited,  // bytes that nobody asked for
  kCancelled,    // the exchange on it was cancelled
  kError,
  kFlushed,
  kDrain,
  kPolicyChanged,
  kAddressGone,  // the name no longer has its address
  kCertRotated,  // a certificate, key or root of its TLS changed
  kPingTimeout,  // HTTP/2: the origin stopped answering pings
  kFlood,        // HTTP/2: more control frames or resets than any honest peer sends
};
std::string_view Label(CloseReason reason);

// Start a dial; report OnConnected or OnDialFailed with the same id.
struct DialAction {
  ConnId conn;
};
// `waiter` has the right to one exchange on `conn`; ends with Release or OnClosed.
struct GrantAction {
  WaiterId waiter = 0;
  ConnId conn;
  bool reused = false;   // the connection has carried an exchange before
  bool shared = false;   // other exchanges run on it (HTTP/2)
  Duration idle_time{};  // how long it lay idle, when it did
};
// `waiter` gets no connection.
struct FailAction {
  WaiterId waiter = 0;
  std::shared_ptr<const Failure> why;
};
// Close `conn`; it is already forgotten here, nothing needs to be reported back.
struct CloseAction {
  ConnId conn;
  CloseReason why = CloseReason::kError;
};

using Action = std::variant<DialAction, GrantAction, FailAction, CloseAction>;
using Actions = boost::container::small_vector<Action, 4>;

}  // namespace spillway
