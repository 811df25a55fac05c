// From a route to a stream that speaks HTTP with its origin.
//
// What it is: one Dial does what transport/connect/connect_machine.h decides: TCP, TLS with a
// proxy, the tunnel through it, TLS with the origin. It ends with a socket and a stream, or with
// one failure. Requests come and go meanwhile: a dial is the pool's, and runs to its end (X10, D5).
// What it owns: the socket and the stream until it hands them over.
// Thread safety: made, started and cancelled from any thread; everything else on the dial's loop.
// Invariants: the callback runs exactly once, on the loop, unless the dial was cancelled before.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "transport/base/dial_step.h"
#include "transport/base/tls_facts.h"
#include "transport/connect/connect_machine.h"
#include "transport/connect/tunnel_handshake.h"
#include "transport/io/byte_stream.h"
#include "transport/io/event_loop.h"
#include "transport/io/resolver.h"
#include "transport/io/tcp_dial.h"
#include "transport/io/tls_contexts.h"
#include "transport/io/tls_sessions.h"
#include "transport/io/tls_stream.h"

namespace spillway {

// What all dials share; outlives them.
struct DialServices {
  Resolver& resolver;
  AddressPolicy address_allowed;
  TlsContexts& tls_contexts;
  TlsSessionCache& tls_sessions;
};

struct DialOutcome {
  std::optional<tcp::socket> socket;  // with `stream`, when the dial succeeded
  std::unique_ptr<ByteStream> stream;
  Spoken spoken = Spoken::kHttp1;
  ProxyServerPtr proxy;  // the one used; null: direct
  std::optional<DialledName> dialled;
  bool forward = false;         // it gets absolute-form requests, there is no tunnel
  std::string alpn;             // agreed on with the origin
  std::optional<TlsFacts> tls;  // with the origin
  std::optional<TlsFacts> proxy_tls;

  std::shared_ptr<const Failure> failure;  // when there is no socket
  Duration dns{};
  Duration connect{};
  Duration proxying{};
  Duration securing{};
  bool resolved = false;   // the last name looked up had addresses
  bool connected = false;  // TCP succeeded
  bool proxied = false;    // the way through the proxy is open
  DialSteps steps;         // a failure has them itself
};

class Dial : public std::enable_shared_from_this<Dial> {
 public:
  using Callback = std::function<void(DialOutcome)>;

  Dial(EventLoop& loop, DialServices& services, std::vector<ConnectPlan> plans, Callback callback);
  ~Dial();

  // Posts the start to the loop.
  void Start();
  // From any thread: ends the dial without calling back, if it has not yet.
  void Cancel();

 private:
  void Take(ConnectStep step);
  void StartTcp();
  void OnTcp(TcpOutcome tcp);
  void StartTls(const TlsStep& step);
  void ContinueTls();
  void OnTlsDone();
  void StartTunnel();
  void OpenTunnelTo(const std::vector<IpAddress>& addresses);
  void OpenTunnel(const std::optional<IpAddress>& target);
  void ContinueTunnel();
  ByteStream::Status WriteTunnel();
  ByteStream::Status ReadTunnel();
  // Waits for what a stream wants, then goes on with the step under way.
  void Await(ByteStream::Status wanted);
  void Continue();
  void Fail(Failure failure);
  void ArmTimer();
  void OnTimer();
  void Drop();
  void FinishFailed(Failure failure);
  void Finish();

  EventLoop& loop_;
  DialServices& services_;
  Callback callback_;
  ConnectMachine machine_;
  asio::steady_timer timer_;
  std::shared_ptr<TcpDial> tcp_;
  std::optional<tcp::socket> socket_;
  std::unique_ptr<ByteStream> stream_;
  TlsStream* tls_ = nullptr;  // the outermost of stream_, while it shakes hands
  std::unique_ptr<TunnelHandshake> tunnel_;
  std::size_t tunnel_sent_ = 0;
  std::uint64_t waits_ = 0;  // tells a wait that was overtaken from the latest
  DialOutcome outcome_;
};

}  // namespace spillway
