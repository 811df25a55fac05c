#include "transport/connect/tunnel_handshake.h"

#include <string>

#include "transport/connect/http_connect.h"
#include "transport/connect/socks5.h"

namespace spillway {
namespace {

template <typename Theirs>
TunnelHandshake::State StateOf(Theirs state) {
  switch (state) {
    case Theirs::kMore:
      return TunnelHandshake::State::kWaiting;
    case Theirs::kOpen:
      return TunnelHandshake::State::kDone;
    case Theirs::kFailed:
      break;
  }
  return TunnelHandshake::State::kFailed;
}

class ConnectTunnel final : public TunnelHandshake {
 public:
  explicit ConnectTunnel(const ConnectPlan& plan) : answer_(plan.proxy->Text()) {
    AppendConnectRequest(*plan.proxy, plan.target_host, plan.target_kind, plan.target_port,
                         output_);
  }
  std::string_view output() const override { return output_; }
  State Feed(std::string_view bytes) override { return StateOf(answer_.Feed(bytes)); }
  State End() override { return StateOf(answer_.End()); }
  State state() const override { return StateOf(answer_.state()); }
  const Failure& failure() const override { return answer_.failure(); }

 private:
  std::string output_;
  ConnectAnswer answer_;
};

class SocksTunnel final : public TunnelHandshake {
 public:
  SocksTunnel(const ConnectPlan& plan, const std::optional<IpAddress>& address)
      : handshake_(address.has_value() ? Socks5Handshake(*plan.proxy, *address, plan.target_port)
                                       : Socks5Handshake(*plan.proxy, plan.target_host,
                                                         plan.target_kind, plan.target_port)) {
    Collect();
  }
  std::string_view output() const override { return output_; }
  State Feed(std::string_view bytes) override {
    handshake_.Feed(bytes);
    Collect();
    return state();
  }
  State End() override { return StateOf(handshake_.End()); }
  State state() const override { return StateOf(handshake_.state()); }
  const Failure& failure() const override { return handshake_.failure(); }

 private:
  void Collect() {
    output_ += handshake_.output();
    handshake_.OnSent(handshake_.output().size());
  }

  Socks5Handshake handshake_;
  std::string output_;
};

}  // namespace

std::unique_ptr<TunnelHandshake> MakeTunnelHandshake(const ConnectPlan& plan,
                                                     const std::optional<IpAddress>& address) {
  if (plan.tunnel == Tunnel::kConnect) return std::make_unique<ConnectTunnel>(plan);
  return std::make_unique<SocksTunnel>(plan, address);
}

}  // namespace spillway
