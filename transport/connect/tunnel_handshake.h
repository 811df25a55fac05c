// The words with which a proxy is asked for a way to an origin, without any I/O.
//
// What it is: what HTTP CONNECT and SOCKS5 have in common for whoever moves the bytes.
// Thread safety: none; one dial, one thread.
// Invariants: Feed is called only while the state is kWaiting, with at least one byte; after kDone
// or kFailed nothing changes any more.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "transport/base/failure.h"
#include "transport/base/ip_address.h"
#include "transport/connect/connect_plan.h"

namespace spillway {

class TunnelHandshake {
 public:
  enum class State : std::uint8_t {
    kWaiting,  // for the proxy's answer, once output() is sent
    kDone,     // the way is open; the next byte is the origin's
    kFailed,   // failure() says why
  };

  virtual ~TunnelHandshake() = default;

  // Everything to be sent so far, from the very first byte; grows when the proxy's answers ask for
  // more, never shrinks. May be a secret.
  virtual std::string_view output() const = 0;
  // The proxy's next bytes. Bytes beyond its last answer are a failure: nobody asked the origin
  // for anything yet (O-276, O-302).
  virtual State Feed(std::string_view bytes) = 0;
  // The proxy ended the connection.
  virtual State End() = 0;
  virtual State state() const = 0;
  // Source::kProxy, Phase::kProxy, Delivery::kNotSent.
  virtual const Failure& failure() const = 0;
};

// What `plan`, which has a tunnel, says. `address` is the origin's when it was looked up here.
std::unique_ptr<TunnelHandshake> MakeTunnelHandshake(const ConnectPlan& plan,
                                                     const std::optional<IpAddress>& address);

}  // namespace spillway
