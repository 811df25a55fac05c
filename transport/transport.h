// The transport: takes a request, delivers a response over a pooled connection.
//
// What it is: the facade of everything below server/. It owns the event loops, the pool, the
// resolver and the connections. No gRPC, no metrics library.
// Thread safety: every function may be called from any thread.
// Invariants: each Start leads to exactly one OnEnd; after Shutdown returned no sink is called.

#pragma once

#include <sys/socket.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "transport/base/body_source.h"
#include "transport/base/instant.h"
#include "transport/base/message.h"
#include "transport/base/options.h"
#include "transport/base/policy.h"
#include "transport/connect/route.h"
#include "transport/io/tls_contexts.h"
#include "transport/observer.h"
#include "transport/response_sink.h"

namespace spillway {

enum class Idempotency : std::uint8_t { kByMethod, kIdempotent, kNotIdempotent };

// One request as its caller wants it done. `url`, headers and body are not yet checked.
struct Request {
  std::string method;  // empty: GET
  std::string url;
  std::string request_target;
  HeaderList headers;
  std::shared_ptr<BodySource> body;  // null: none
  // Its caller can stream: upgrades, CONNECT, Expect and Trailer are for such requests only.
  bool streamed = false;
  std::string tenant;  // who asks, as the front knows it; empty: nobody in particular

  // The caller's deadline; kNever when there is none.
  Instant deadline = kNever;
  // Like policy's timeouts.total, and unlike a deadline, it leaves the timers of single phases on:
  // what is left of that time for a request that follows another's redirect.
  Instant not_after = kNever;
  Duration response_header_timeout = Duration::zero();  // zero: policy
  Idempotency idempotency = Idempotency::kByMethod;
  std::uint32_t max_attempts = 0;  // zero: policy; can only narrow it
  bool fresh_connection = false;
  std::uint64_t max_response_bytes = 0;  // zero: unlimited
  bool want_timeline = false;
};

// A running round trip. Holding or dropping the handle changes nothing.
class RoundTripHandle {
 public:
  virtual ~RoundTripHandle() = default;
  // Ends it; OnEnd follows with kCancelled unless another outcome was already on its way (A1, R11).
  virtual void Cancel() = 0;
  // After OnData answered kPause.
  virtual void Resume() = 0;
};

// What would become of a request, found out without sending anything.
struct Explanation {
  std::shared_ptr<const Policy> policy;
  std::optional<Failure> refusal;  // why it would not even be dialled; `route` is then empty
  Route route;
  // Of the first hop: the proxy, or the origin.
  std::vector<IpAddress> addresses;
  std::vector<bool> allowed;              // by the address policy, one for each address
  std::optional<Failure> lookup_failure;  // instead of addresses
};

struct TransportOptions {
  ProcessLimits limits;
  std::shared_ptr<const Policy> policy;
  std::shared_ptr<TransportObserver> observer;  // null: none
  // Refuses addresses before connect() (SSRF, our own listeners). Null: all allowed. Called on
  // loop threads with the address to be dialled, in binary form.
  std::function<bool(const ::sockaddr* address, unsigned length)> address_allowed;
  // Replaces c-ares, for tests: blocking, called on resolver threads; returns addresses or a
  // getaddrinfo error code. Null: the system's.
  std::function<int(const std::string& host, std::vector<std::string>& numeric_addresses)> lookup;
};

class Transport {
 public:
  virtual ~Transport() = default;
  static std::unique_ptr<Transport> Create(TransportOptions options);

  // Starts a round trip. When the request is malformed, nothing is dialled and OnEnd is called
  // before this returns.
  virtual std::shared_ptr<RoundTripHandle> Start(Request request,
                                                 std::shared_ptr<ResponseSink> sink) = 0;

  // `explained` is called once, perhaps before this returns, on this or on a resolver's thread; it
  // must not block.
  virtual void Explain(const std::string& url, const std::string& tenant,
                       std::function<void(Explanation)> explained) = 0;

  virtual Instant Now() const = 0;
  // Calls `function` once, when `delay` is over or Shutdown comes before: on a loop's thread, or,
  // once that has ended, on Shutdown's or on this one, before this returns.
  virtual void RunAfter(Duration delay, std::function<void()> function) = 0;
  // Calls `function` once, soon, on a loop's thread (this one, if it is one) and not within this
  // call, so that whoever holds a lock can leave work for when it does not. After Shutdown: never.
  virtual void Post(std::function<void()> function) {
    RunAfter(Duration::zero(), std::move(function));
  }
  // Calls `function` once: on a loop's thread, when the loop has gone through what it finds ready
  // now, so that whoever collects what comes together need not wait for it; on any other thread at
  // once.
  virtual void AtEndOfTurn(const std::function<void()>& function) { function(); }
  virtual std::shared_ptr<const Policy> policy() const = 0;
  // As policy()->may_decompress(), which every request asks, at the price of a load.
  virtual bool may_decompress() const { return policy()->may_decompress(); }
  // For requests that come from now on. Connections whose route it changes serve what runs on them
  // and close; new ones are made by it.
  virtual void SetPolicy(std::shared_ptr<const Policy> policy) = 0;
  virtual TlsContextCounts tls_contexts() = 0;

  virtual std::vector<PoolSnapshot> Snapshot() const = 0;
  // Closes idle connections of all keys, or of those whose destination name or host equals
  // `filter`; returns how many.
  virtual std::uint32_t CloseIdleConnections(const std::string& filter) = 0;
  // Origin connections open or dialling, and the cap.
  virtual std::uint32_t connection_count() const = 0;
  virtual std::uint32_t connection_limit() const = 0;
  virtual std::uint32_t active_round_trips() const = 0;

  // No new round trips (they fail with kDraining); idle connections close; running ones go on.
  // `drained` is called once, when the last round trip has ended.
  virtual void Drain(std::function<void()> drained) = 0;
  // Cancels what still runs and stops all threads. Idempotent.
  virtual void Shutdown() = 0;
};

}  // namespace spillway
