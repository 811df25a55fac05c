// A tunnel through a SOCKS5 proxy, as a conversation of bytes (RFC 1928, RFC 1929; P10; cases O-297
// to O-302).
//
// What it is: says what to send, is fed what arrives in any pieces, ends open or failed.
// What it owns: the bytes not yet sent and one incomplete reply, at most 262 bytes.
// Thread safety: none; one caller at a time.
// Invariants: no byte is made before all lengths are known to fit (O-298, O-301). A name is sent as
// a name and an address as an address; whether to resolve first is the plan's choice. What it says
// depends on the bytes alone, not on how they were cut. Failures have Source::kProxy,
// Phase::kProxy, Delivery::kNotSent, and never a credential.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "transport/base/failure.h"
#include "transport/base/ip_address.h"
#include "transport/base/proxy.h"
#include "transport/base/url.h"

namespace spillway {

class Socks5Handshake {
 public:
  enum class State : std::uint8_t {
    kMore,    // send output(), feed what arrives
    kOpen,    // the tunnel is open and starts with the next byte
    kFailed,  // failure() says why; the connection is of no further use
  };

  // Asks `proxy` for the origin `host`: a name, or the text of an address. Fails at once, before
  // anything is sent, when a length does not fit.
  Socks5Handshake(const ProxyServer& proxy, std::string_view host, HostKind host_kind,
                  std::uint16_t port);
  // The same with an address that was looked up here.
  Socks5Handshake(const ProxyServer& proxy, const IpAddress& address, std::uint16_t port);

  // What is to be sent now; may be a secret. OnSent says how much of it was.
  std::string_view output() const { return output_; }
  void OnSent(std::size_t bytes);

  // Takes all of `bytes`. Bytes after the last reply are a failure: the origin cannot have spoken
  // before we did (O-302).
  State Feed(std::string_view bytes);
  // The proxy ended the connection; kFailed unless the tunnel is open.
  State End();

  State state() const { return state_; }
  const Failure& failure() const { return failure_; }

 private:
  enum class Step : std::uint8_t { kMethod, kLogin, kReply, kDone };

  void Start(const ProxyServer& proxy, std::string_view target, std::uint16_t port);
  // Each looks at input_ and says whether it took a whole message off it.
  bool TakeMethod();
  bool TakeLogin();
  bool TakeReply();
  void SettleWhenDone();
  void Fail(Reason reason, std::string_view what, std::uint32_t reply = 0);

  std::string proxy_text_;
  State state_ = State::kMore;
  Step step_ = Step::kMethod;
  Failure failure_;
  std::string login_;    // the RFC 1929 message; "" without credentials
  std::string request_;  // the CONNECT request
  std::string output_;
  std::string input_;
};

}  // namespace spillway
