// A tunnel through an HTTP proxy: the CONNECT request and the reading of its answer
// (RFC 9110 9.3.6; P5 to P7, P12; cases O-273 to O-288).
//
// What it is: AppendConnectRequest makes the bytes; ConnectAnswer is fed what the proxy sends, in
// any pieces, and says when the tunnel is open.
// What it owns: ConnectAnswer holds one incomplete line, at most kMaxConnectAnswerBytes.
// Thread safety: pure functions; a ConnectAnswer has one caller at a time.
// Invariants: nothing of a request for the origin is in a CONNECT but host and port (O-288). What a
// ConnectAnswer says depends on the bytes alone, not on how they were cut. Failures have
// Source::kProxy, Phase::kProxy, Delivery::kNotSent, and never a credential.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "transport/base/failure.h"
#include "transport/base/proxy.h"
#include "transport/base/url.h"

namespace spillway {

// All heads of an answer together, 1xx ones included (O-280).
inline constexpr std::size_t kMaxConnectAnswerBytes = std::size_t{16} * 1024;
// 1xx answers before the final one (O-278).
inline constexpr int kMaxConnectInformational = 8;

// "Basic dXNlcjpwYXNzd29yZA==", the value of Proxy-Authorization; "" without credentials. A secret.
std::string ProxyAuthorization(const ProxyServer& proxy);

// Appends the whole CONNECT for the origin `host` and `port`: Host, the proxy's static headers, its
// credentials. Errors: none; ProblemOf (transport/base/proxy_url.h) saw the headers.
void AppendConnectRequest(const ProxyServer& proxy, std::string_view host, HostKind host_kind,
                          std::uint16_t port, std::string& out);

class ConnectAnswer {
 public:
  enum class State : std::uint8_t {
    kMore,    // feed it more
    kOpen,    // 200: the tunnel is open and starts with the next byte
    kFailed,  // failure() says why; the connection is of no further use
  };

  // `proxy_text` is ProxyServer::Text(), for messages.
  explicit ConnectAnswer(std::string proxy_text);

  // Takes all of `bytes`. Bytes after the answer are a failure: the peer behind the tunnel cannot
  // have spoken before we did (O-276). Only while state() is kMore, or kOpen to show surplus.
  State Feed(std::string_view bytes);
  // The proxy ended the connection; kFailed unless the answer was complete (O-282).
  State End();

  State state() const { return state_; }
  const Failure& failure() const { return failure_; }

 private:
  // Takes one line without its line end.
  void TakeLine(std::string_view line);
  void TakeStatusLine(std::string_view line);
  void FinishHead();
  void Fail(Reason reason, std::string_view what);

  const std::string proxy_text_;
  State state_ = State::kMore;
  Failure failure_;
  std::string line_;  // the start of a line that was cut
  std::size_t bytes_ = 0;
  int informational_ = 0;
  std::uint32_t status_ = 0;  // 0: the status line is next
  std::string reason_;        // escaped and short
};

}  // namespace spillway
