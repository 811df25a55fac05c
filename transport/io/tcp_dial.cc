#include "transport/io/tcp_dial.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <utility>

#include "transport/io/clock.h"

namespace spillway {
namespace {

constexpr std::size_t kMaxCauseBytes = 240;
// Sockets of one dial at a time: when more addresses hang, the one tried longest is given up.
constexpr std::size_t kMaxRacing = 4;

asio::ip::address ToAsio(const IpAddress& address) {
  if (address.family == IpAddress::Family::kIpv4) {
    asio::ip::address_v4::bytes_type bytes{};
    std::copy_n(address.bytes.begin(), bytes.size(), bytes.begin());
    return asio::ip::address_v4(bytes);
  }
  asio::ip::address_v6::bytes_type bytes{};
  std::copy_n(address.bytes.begin(), bytes.size(), bytes.begin());
  return asio::ip::address_v6(bytes);
}

Reason ReasonOf(const boost::system::error_code& error) {
  if (error == boost::system::errc::connection_refused) return Reason::kConnectionRefused;
  if (error == boost::system::errc::timed_out) return Reason::kConnectionTimeout;
  if (error == boost::system::errc::host_unreachable ||
      error == boost::system::errc::network_unreachable) {
    return Reason::kDestinationIpUnroutable;
  }
  return Reason::kConnectionError;
}

Failure DialFailure(Reason reason, Source source, Phase phase, std::string message) {
  return Failure{reason, source, phase, Delivery::kNotSent, std::move(message)};
}

}  // namespace

struct TcpDial::Attempt {
  Attempt(EventLoop& loop, IpAddress to) : socket(loop.context()), address(to) {}
  tcp::socket socket;
  IpAddress address;
};

TcpDial::TcpDial(EventLoop& loop, Resolver& resolver, AddressPolicy address_allowed,
                 TcpTarget target, Callback callback)
    : loop_(loop),
      resolver_(resolver),
      address_allowed_(std::move(address_allowed)),
      target_(std::move(target)),
      callback_(std::move(callback)),
      timer_(loop.context()) {}

TcpDial::~TcpDial() = default;

void TcpDial::Cancel() {
  callback_ = nullptr;
  Finish({});
}

void TcpDial::Start() {
  started_ = Now();
  const AddressChoice& choice = target_.addresses;
  if (!choice.static_addresses.empty() || target_.host_kind != HostKind::kName) {
    auto answer = std::make_shared<DnsAnswer>();
    answer->addresses = choice.static_addresses;
    if (answer->addresses.empty()) {
      if (const auto address = IpAddress::Parse(target_.host)) answer->addresses = {*address};
    }
    return OnResolved(answer);
  }
  ArmTimer();
  name_ = choice.host_alias.empty() ? target_.host : choice.host_alias;
  resolver_.Resolve(name_, choice.family, [self = shared_from_this()](auto answer) {
    // Always through the loop: the callback may come from a resolver thread.
    self->loop_.Post([self, answer] { self->OnResolved(answer); });
  });
}

void TcpDial::OnResolved(const std::shared_ptr<const DnsAnswer>& answer) {
  if (!callback_) return;
  resolved_at_ = Now();
  if (answer->failure.has_value()) {
    TcpOutcome outcome;
    outcome.failure = std::make_shared<const Failure>(*answer->failure);
    return Finish(std::move(outcome));
  }
  resolved_ = true;
  addresses_ =
      name_.empty() ? answer->addresses : resolver_.Order(name_, target_.port, answer->addresses);
  race_.emplace(addresses_, target_.attempt_gap);
  Race();
}

void TcpDial::Race() {
  const Instant now = Now();
  while (callback_) {
    const auto next = race_->Next(now);
    if (!next.has_value()) break;
    TryAddress(*next);
  }
  if (!callback_) return;
  if (race_->Exhausted()) {
    TcpOutcome outcome;
    outcome.failure = std::make_shared<const Failure>(AllFailed());
    return Finish(std::move(outcome));
  }
  ArmTimer();
}

bool TcpDial::Allowed(const AddressPolicy& policy, const IpAddress& address, std::uint16_t port) {
  const tcp::endpoint endpoint(ToAsio(address), port);
  return !policy || policy(endpoint.data(), static_cast<unsigned>(endpoint.size()));
}

void TcpDial::TryAddress(std::size_t index) {
  const IpAddress& address = addresses_[index];
  const tcp::endpoint endpoint(ToAsio(address), target_.port);
  if (!Allowed(address_allowed_, address, target_.port)) {
    ++denied_;
    return race_->OnFailed(Now());
  }
  auto attempt = std::make_shared<Attempt>(loop_, address);
  boost::system::error_code error;
  attempt->socket.open(endpoint.protocol(), error);
  if (!error && target_.addresses.source.has_value()) {
    attempt->socket.bind(tcp::endpoint(ToAsio(*target_.addresses.source), 0), error);
  }
  if (error) {
    NoteFailure(address, error);
    return race_->OnFailed(Now());
  }
  if (attempts_.size() == kMaxRacing) GiveUpOldest();
  attempts_.push_back(attempt);
  attempt->socket.async_connect(
      endpoint, [self = shared_from_this(), attempt](const boost::system::error_code& result) {
        self->OnAttempt(attempt, result);
      });
}

void TcpDial::OnAttempt(const std::shared_ptr<Attempt>& attempt,
                        const boost::system::error_code& error) {
  if (std::erase(attempts_, attempt) == 0 || !callback_) return;
  boost::system::error_code failed = error;
  if (!failed) {
    const auto local = attempt->socket.local_endpoint(failed);
    const auto remote = failed ? local : attempt->socket.remote_endpoint(failed);
    // A TCP simultaneous open can connect an ephemeral port to itself.
    if (!failed && local == remote) {
      failed = boost::system::errc::make_error_code(boost::system::errc::connection_refused);
    }
  }
  if (failed) {
    boost::system::error_code ignored;
    attempt->socket.close(ignored);
    NoteFailure(attempt->address, failed);
    race_->OnFailed(Now());
    return Race();
  }
  TcpOutcome outcome;
  outcome.socket.emplace(std::move(attempt->socket));
  if (!name_.empty()) {
    resolver_.OnConnected(name_, attempt->address, target_.port);
    outcome.dialled = DialledName{name_, target_.addresses.family, attempt->address};
  }
  Finish(std::move(outcome));
}

void TcpDial::GiveUpOldest() {
  const std::shared_ptr<Attempt> oldest = attempts_.front();
  attempts_.erase(attempts_.begin());
  boost::system::error_code ignored;
  oldest->socket.close(ignored);
  NoteFailure(oldest->address,
              boost::system::errc::make_error_code(boost::system::errc::timed_out));
  race_->OnGivenUp();
}

void TcpDial::NoteFailure(const IpAddress& address, const boost::system::error_code& error) {
  resolver_.OnFailed(address, target_.port);
  last_failure_ = DialFailure(ReasonOf(error), Source::kOrigin, Phase::kConnect, "");
  if (error == boost::system::errc::too_many_files_open ||
      error == boost::system::errc::too_many_files_open_in_system ||
      error == boost::system::errc::address_not_available) {
    last_failure_.source = Source::kService;
  }
  if (causes_.size() < kMaxCauseBytes) {
    causes_ += (causes_.empty() ? "" : "; ") + address.Text() + ": " + error.message();
  }
}

Failure TcpDial::AllFailed() const {
  if (denied_ == addresses_.size()) {
    return DialFailure(Reason::kDestinationIpProhibited, Source::kPolicy, Phase::kConnect,
                       "every address of the destination is refused by policy");
  }
  Failure failure = last_failure_;
  failure.message = "connect failed: " + causes_;
  return failure;
}

Failure TcpDial::TimedOut() const {
  if (!resolved_) {
    return DialFailure(Reason::kDnsTimeout, Source::kDns, Phase::kDns,
                       "name lookup did not end within the connect budget");
  }
  std::string message = "no address answered within the connect budget";
  if (!causes_.empty()) message += "; " + causes_;
  return DialFailure(Reason::kConnectionTimeout, Source::kOrigin, Phase::kConnect,
                     std::move(message));
}

void TcpDial::ArmTimer() {
  const Instant due = std::min(target_.deadline, race_.has_value() ? race_->NextDue() : kNever);
  if (due == kNever) return;
  timer_.expires_after(Until(due, Now()));
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error) self->OnTimer();
  });
}

void TcpDial::OnTimer() {
  if (!callback_) return;
  if (Now() < target_.deadline) return race_.has_value() ? Race() : ArmTimer();
  TcpOutcome outcome;
  outcome.failure = std::make_shared<const Failure>(TimedOut());
  Finish(std::move(outcome));
}

void TcpDial::Finish(TcpOutcome outcome) {
  timer_.cancel();
  for (const auto& attempt : attempts_) {
    // It was begun before the one that won, or had all the time there was.
    if (callback_) resolver_.OnFailed(attempt->address, target_.port);
    boost::system::error_code ignored;
    attempt->socket.close(ignored);
  }
  attempts_.clear();
  if (!callback_) return;
  const Instant now = Now();
  outcome.resolved = resolved_;
  outcome.dns = (resolved_at_ == Instant() ? now : resolved_at_) - started_;
  if (resolved_) outcome.connect = now - resolved_at_;
  if (name_.empty()) outcome.dns = Duration::zero();
  const Callback callback = std::exchange(callback_, nullptr);
  callback(std::move(outcome));
}

}  // namespace spillway
