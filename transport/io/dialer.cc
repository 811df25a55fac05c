#include "transport/io/dialer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "transport/io/clock.h"
#include "transport/io/plain_stream.h"
#include "transport/io/tls_profile_check.h"

namespace spillway {
namespace {

constexpr std::size_t kTunnelReadBytes = 1024;

}  // namespace

Dial::Dial(EventLoop& loop, DialServices& services, std::vector<ConnectPlan> plans,
           Callback callback)
    : loop_(loop),
      services_(services),
      callback_(std::move(callback)),
      machine_(std::move(plans), Now()),
      timer_(loop.context()) {
  loop_.AddConnection();
}

Dial::~Dial() { loop_.RemoveConnection(); }

void Dial::Start() {
  loop_.Post([self = shared_from_this()] {
    if (self->callback_) self->Take(self->machine_.Begin(Now()));
  });
}

void Dial::Cancel() {
  loop_.Post([self = shared_from_this()] {
    self->callback_ = nullptr;
    self->Drop();
  });
}

// --- Steps ---

void Dial::Take(ConnectStep step) {
  ArmTimer();
  switch (step) {
    case ConnectStep::kTcp:
      return StartTcp();
    case ConnectStep::kProxyTls:
      return StartTls(*machine_.plan().proxy_tls);
    case ConnectStep::kTunnel:
      return StartTunnel();
    case ConnectStep::kOriginTls:
      outcome_.proxied = machine_.plan().proxy != nullptr;
      return StartTls(*machine_.plan().origin_tls);
    case ConnectStep::kDone: {
      outcome_.proxied = machine_.plan().proxy != nullptr;
      const Result<Spoken> spoken = SpokenProtocol(machine_.plan(), outcome_.alpn);
      if (spoken.has_error()) return FinishFailed(spoken.error());
      outcome_.spoken = *spoken;
      return Finish();
    }
    case ConnectStep::kFailed:
      return FinishFailed(machine_.failure());
  }
}

void Dial::Fail(Failure failure) {
  Drop();
  Take(machine_.OnStepFailed(std::move(failure), Now()));
}

void Dial::StartTcp() {
  const ConnectPlan& plan = machine_.plan();
  TcpTarget target{plan.host,      plan.host_kind,      plan.port,
                   plan.addresses, machine_.deadline(), plan.attempt_gap};
  tcp_ = std::make_shared<TcpDial>(
      loop_, services_.resolver, services_.address_allowed, std::move(target),
      [self = shared_from_this()](TcpOutcome tcp) { self->OnTcp(std::move(tcp)); });
  tcp_->Start();
}

void Dial::OnTcp(TcpOutcome tcp) {
  tcp_ = nullptr;
  machine_.NoteLookup(tcp.dns);
  outcome_.dns += tcp.dns;
  outcome_.resolved = tcp.resolved;
  outcome_.connected = tcp.socket.has_value();
  outcome_.dialled = std::move(tcp.dialled);
  if (!tcp.socket.has_value()) return Fail(*tcp.failure);
  socket_ = std::move(tcp.socket);
  boost::system::error_code error;
  socket_->non_blocking(true, error);
  stream_ = std::make_unique<PlainStream>(socket_->native_handle());
  Take(machine_.OnStepDone(Now()));
}

void Dial::StartTls(const TlsStep& step) {
  const TlsProfilePtr& profile = step.profile->digest.empty() ? DefaultTlsProfile() : step.profile;
  Result<std::shared_ptr<const TlsContext>> context = services_.tls_contexts.Get(profile);
  if (context.has_error()) return Fail(context.error());
  auto tls = std::make_unique<TlsStream>(std::move(stream_), *std::move(context), step,
                                         &services_.tls_sessions);
  tls_ = tls.get();
  stream_ = std::move(tls);
  ContinueTls();
}

void Dial::ContinueTls() {
  const ByteStream::Status status = tls_->Handshake();
  switch (status) {
    case ByteStream::Status::kWantRead:
    case ByteStream::Status::kWantWrite:
      return Await(status);
    case ByteStream::Status::kOk:
      return OnTlsDone();
    default:
      return Fail(tls_->failure());
  }
}

void Dial::OnTlsDone() {
  const bool to_proxy = machine_.step() == ConnectStep::kProxyTls;
  (to_proxy ? outcome_.proxy_tls : outcome_.tls) = tls_->facts();
  if (!to_proxy) outcome_.alpn = tls_->alpn();
  tls_ = nullptr;
  Take(machine_.OnStepDone(Now()));
}

void Dial::StartTunnel() {
  const ConnectPlan& plan = machine_.plan();
  if (!plan.resolve_target) return OpenTunnel({});
  const AddressChoice& choice = plan.target_addresses;
  if (!choice.static_addresses.empty()) return OpenTunnelTo(choice.static_addresses);
  if (plan.target_kind != HostKind::kName) {
    return OpenTunnelTo({IpAddress::Parse(plan.target_host).value()});
  }
  const std::string& name = choice.host_alias.empty() ? plan.target_host : choice.host_alias;
  services_.resolver.Resolve(name, choice.family,
                             [self = shared_from_this(), wait = ++waits_](auto answer) {
                               self->loop_.Post([self, wait, answer] {
                                 // A late answer must not speak to the proxy of another plan.
                                 if (!self->callback_ || wait != self->waits_) return;
                                 if (answer->failure.has_value())
                                   return self->Fail(*answer->failure);
                                 self->OpenTunnelTo(answer->addresses);
                               });
                             });
}

// The proxy is asked for an address, which policy looks at as if we dialled it ourselves (O-303).
void Dial::OpenTunnelTo(const std::vector<IpAddress>& addresses) {
  for (const IpAddress& address : addresses) {
    if (TcpDial::Allowed(services_.address_allowed, address, machine_.plan().target_port)) {
      return OpenTunnel(address);
    }
  }
  Fail(Failure{Reason::kDestinationIpProhibited, Source::kPolicy, Phase::kProxy, Delivery::kNotSent,
               "every address of the destination is refused by policy"});
}

void Dial::OpenTunnel(const std::optional<IpAddress>& target) {
  tunnel_sent_ = 0;
  tunnel_ = MakeTunnelHandshake(machine_.plan(), target);
  ContinueTunnel();
}

// Sends what is to be sent, reads what has come, until the proxy has decided. A proxy may answer
// before it was asked (O-302): the way is open once all of it was sent.
void Dial::ContinueTunnel() {
  for (;;) {
    const bool waiting = tunnel_->state() == TunnelHandshake::State::kWaiting;
    const bool unsent = tunnel_sent_ < tunnel_->output().size();
    if (tunnel_->state() == TunnelHandshake::State::kFailed || (!waiting && !unsent)) break;
    ByteStream::Status status = WriteTunnel();
    if (status == ByteStream::Status::kOk && waiting) status = ReadTunnel();
    switch (status) {
      case ByteStream::Status::kOk:
        continue;
      case ByteStream::Status::kWantRead:
      case ByteStream::Status::kWantWrite:
        return Await(status);
      default:
        if (tunnel_->End() == TunnelHandshake::State::kFailed) continue;
        return Fail(Failure{Reason::kConnectionTerminated, Source::kProxy, Phase::kProxy,
                            Delivery::kNotSent, "the proxy closed the connection"});
    }
  }
  if (tunnel_->state() == TunnelHandshake::State::kFailed) return Fail(tunnel_->failure());
  tunnel_ = nullptr;
  Take(machine_.OnStepDone(Now()));
}

ByteStream::Status Dial::WriteTunnel() {
  while (tunnel_sent_ < tunnel_->output().size()) {
    const std::string_view rest = tunnel_->output().substr(tunnel_sent_);
    // Writing does not go through the pointer.
    const iovec part{const_cast<char*>(rest.data()), rest.size()};
    const ByteStream::Io io = stream_->Write({&part, 1});
    if (io.status != ByteStream::Status::kOk) return io.status;
    tunnel_sent_ += io.bytes;
  }
  return ByteStream::Status::kOk;
}

ByteStream::Status Dial::ReadTunnel() {
  std::array<char, kTunnelReadBytes> buffer;
  // An HTTP/2 origin may speak first: its bytes must stay where they are.
  const std::size_t limit = machine_.plan().protocol == Protocol::kH2c ? 1 : buffer.size();
  const ByteStream::Io io = stream_->Read({buffer.data(), limit});
  if (io.status == ByteStream::Status::kOk) tunnel_->Feed({buffer.data(), io.bytes});
  return io.status;
}

// --- Waiting ---

void Dial::Await(ByteStream::Status wanted) {
  const auto direction =
      wanted == ByteStream::Status::kWantRead ? tcp::socket::wait_read : tcp::socket::wait_write;
  socket_->async_wait(direction, [self = shared_from_this(),
                                  wait = ++waits_](const boost::system::error_code& error) {
    if (!error && self->callback_ && wait == self->waits_) self->Continue();
  });
}

void Dial::Continue() {
  if (tls_ != nullptr) return ContinueTls();
  if (tunnel_ != nullptr) ContinueTunnel();
}

void Dial::ArmTimer() {
  timer_.cancel();
  // TCP keeps its own time: it has more to say about what it tried.
  if (machine_.step() == ConnectStep::kTcp || machine_.deadline() == kNever) return;
  timer_.expires_after(Until(machine_.deadline(), Now()));
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error) self->OnTimer();
  });
}

void Dial::OnTimer() {
  if (!callback_ || Now() < machine_.deadline()) return;
  Drop();
  Take(machine_.OnDeadline("", Now()));
}

// --- Ending ---

// Lets go of everything of the plan under way.
void Dial::Drop() {
  timer_.cancel();
  ++waits_;
  if (tcp_ != nullptr) tcp_->Cancel();
  tcp_ = nullptr;
  tunnel_ = nullptr;
  tls_ = nullptr;
  stream_ = nullptr;
  if (socket_.has_value()) {
    boost::system::error_code ignored;
    socket_->close(ignored);
    socket_.reset();
  }
}

void Dial::FinishFailed(Failure failure) {
  failure.dial = std::make_shared<const DialSteps>(machine_.TakeSteps());
  outcome_.failure = std::make_shared<const Failure>(std::move(failure));
  Finish();
}

void Dial::Finish() {
  outcome_.steps = machine_.TakeSteps();
  outcome_.connect = std::max(Duration::zero(), machine_.tcp() - outcome_.dns);
  outcome_.proxying = machine_.proxying();
  outcome_.securing = machine_.securing();
  outcome_.proxy = machine_.plan().proxy;
  outcome_.forward = outcome_.proxy != nullptr && machine_.plan().tunnel == Tunnel::kNone;
  if (outcome_.failure != nullptr) {
    Drop();
  } else {
    timer_.cancel();
    outcome_.socket = std::move(socket_);
    outcome_.stream = std::move(stream_);
  }
  if (const Callback callback = std::exchange(callback_, nullptr)) callback(std::move(outcome_));
}

}  // namespace spillway
