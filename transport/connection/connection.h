// One transport to one origin, pinned to a loop, whatever HTTP version it speaks.
//
// What it is: what the pool and the round trips know of a connection. HTTP/1 carries one exchange
// at a time, HTTP/2 as many as its capacity says; the pool never grants more.
// Thread safety: Start, Abort, Resume and Close from any thread; Open and all events on the loop.
// Invariants: `closed` runs exactly once; `capacity` and `going_away` never after it. HTTP/2 tells
// of it when the last exchange has heard OnExchangeDone; HTTP/1 just before the exchange that ends
// with it hears that, so that a retry does not find the connection in its pool. A pool takes both:
// `closed` ends the leases, and a release that follows does nothing. An exchange that ends with the
// connection alive is reusable.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "transport/connection/exchange.h"
#include "transport/pool/action.h"

namespace spillway {

enum class StartResult : std::uint8_t {
  kStarted,
  kStale,  // the connection had died or had unread bytes; nothing was sent, the handler is not used
};

// How a connection ended.
struct ConnectionEnd {
  CloseReason reason = CloseReason::kError;
  std::uint64_t uses = 0;
};

struct ConnectionEvents {
  std::function<void(const ConnectionEnd&)> closed;
  std::function<void(std::uint32_t)> capacity;  // HTTP/2: how many exchanges it may carry now
  std::function<void()> going_away;             // HTTP/2: no new exchanges (GOAWAY)
};

class Connection {
 public:
  virtual ~Connection() = default;

  // On the loop, once, before the first Start: begins watching the socket.
  virtual void Open(ConnectionEvents events) = 0;
  // Exchanges it may carry at once, as far as known when it opened.
  virtual std::uint32_t initial_capacity() const = 0;

  // Begins an exchange. `token` names it for Abort and Resume.
  virtual StartResult Start(ExchangeSpec spec, std::shared_ptr<ExchangeHandler> handler,
                            std::uint64_t token) = 0;
  // After kStale, on the same thread: what the peer had said on a connection that was never used,
  // when it said why it does not want it.
  virtual std::optional<Failure> stale_failure() const { return std::nullopt; }
  // Ends the exchange called `token` with `failure` (its phase and delivery are filled in here).
  // HTTP/1 closes the connection (A2); HTTP/2 resets the stream. Nothing happens when that exchange
  // is already over (A3, R11).
  virtual void Abort(std::uint64_t token, Failure failure) = 0;
  // Reads on after the handler answered kPause.
  virtual void Resume(std::uint64_t token) = 0;
  // Closes; running exchanges fail.
  virtual void Close(CloseReason reason) = 0;
};

}  // namespace spillway
