#include "transport/connect/connect_machine.h"

#include <algorithm>
#include <utility>

#include "transport/base/check.h"

namespace spillway {
namespace {

ConnectStep StepAfter(ConnectStep step, const ConnectPlan& plan) {
  switch (step) {
    case ConnectStep::kTcp:
      if (plan.proxy_tls.has_value()) return ConnectStep::kProxyTls;
      [[fallthrough]];
    case ConnectStep::kProxyTls:
      if (plan.tunnel != Tunnel::kNone) return ConnectStep::kTunnel;
      [[fallthrough]];
    case ConnectStep::kTunnel:
      if (plan.origin_tls.has_value()) return ConnectStep::kOriginTls;
      [[fallthrough]];
    default:
      return ConnectStep::kDone;
  }
}

// A proxy's word that it will not, or the origin's bad certificate, is an answer: asking somebody
// else would be a way round it.
bool IsAnswer(const Failure& failure) {
  switch (failure.reason) {
    case Reason::kProxyDenied:
      // It could not reach the origin, or is not able to serve just now.
      return failure.proxy_status < 500;
    case Reason::kProxyAuthenticationRequired:
    case Reason::kTlsCertificateError:
    case Reason::kDestinationIpProhibited:
      return true;
    default:
      return false;
  }
}

}  // namespace

ConnectMachine::ConnectMachine(std::vector<ConnectPlan> plans, Instant now)
    : plans_(std::move(plans)), end_(After(now, plans_.front().budget)) {}

ConnectStep ConnectMachine::Begin(Instant now) {
  // Those that may still have to be tried keep their share of the budget.
  const auto left = static_cast<std::int64_t>(plans_.size() - current_);
  plan_end_ = end_ == kNever ? kNever : now + (end_ - now) / left;
  return Enter(ConnectStep::kTcp, now);
}

ConnectStep ConnectMachine::Enter(ConnectStep step, Instant now) {
  step_ = step;
  entered_ = now;
  Duration limit = kForever;
  if (step == ConnectStep::kProxyTls || step == ConnectStep::kOriginTls) limit = plan().tls_timeout;
  if (step == ConnectStep::kTunnel) limit = plan().proxy_timeout;
  deadline_ = std::min(plan_end_, After(now, limit));
  return step;
}

void ConnectMachine::Account(Instant now, Reason error) {
  const auto index = static_cast<std::size_t>(step_);
  SPILLWAY_CHECK(index < std::size(took_));
  took_[index] += now - entered_;
  switch (step_) {
    case ConnectStep::kTcp: {
      const Instant found = std::min(now, entered_ + std::exchange(lookup_, {}));
      const bool looked_up = found > entered_;
      const bool lookup_failed = error == Reason::kDnsTimeout || error == Reason::kDnsError ||
                                 error == Reason::kDestinationNotFound;
      if (looked_up || lookup_failed) {
        AddStep({DialStep::Kind::kDns, false, entered_, lookup_failed ? now : found,
                 lookup_failed ? error : Reason::kNone});
      }
      if (!lookup_failed) AddStep({DialStep::Kind::kConnect, false, found, now, error});
      return;
    }
    case ConnectStep::kTunnel:
      return AddStep({DialStep::Kind::kProxy, false, entered_, now, error});
    default:
      return AddStep({DialStep::Kind::kTls, step_ == ConnectStep::kProxyTls, entered_, now, error});
  }
}

void ConnectMachine::AddStep(DialStep step) {
  if (steps_.size() < kMaxDialSteps) steps_.push_back(step);
}

ConnectStep ConnectMachine::OnStepDone(Instant now) {
  Account(now, Reason::kNone);
  return Enter(StepAfter(step_, plan()), now);
}

ConnectStep ConnectMachine::OnStepFailed(Failure failure, Instant now) {
  const bool proxied = plan().proxy != nullptr;
  failure.delivery = Delivery::kNotSent;
  switch (step_) {
    case ConnectStep::kTcp:
      if (proxied && failure.source == Source::kOrigin) failure.source = Source::kProxy;
      break;
    case ConnectStep::kProxyTls:
      failure.source = Source::kProxy;
      failure.phase = Phase::kProxy;
      break;
    case ConnectStep::kTunnel:
      failure.phase = Phase::kProxy;
      break;
    default:
      failure.phase = Phase::kTls;
      break;
  }
  if (proxied) failure.message = "by proxy " + plan().proxy->Text() + ": " + failure.message;
  Account(now, failure.reason);
  return NextPlan(std::move(failure), now);
}

ConnectStep ConnectMachine::OnDeadline(std::string_view detail, Instant now) {
  return OnStepFailed(TimedOut(detail), now);
}

ConnectStep ConnectMachine::NextPlan(Failure failure, Instant now) {
  const bool more = current_ + 1 < plans_.size() && !IsAnswer(failure) && now < end_;
  failure_ = std::move(failure);
  if (!more) return step_ = ConnectStep::kFailed;
  ++current_;
  return Begin(now);
}

Failure ConnectMachine::TimedOut(std::string_view detail) const {
  Failure failure;
  failure.source = Source::kTls;
  switch (step_) {
    case ConnectStep::kTcp:
      failure.reason = Reason::kConnectionTimeout;
      failure.source = Source::kOrigin;
      failure.phase = Phase::kConnect;
      failure.message = "no address answered within the connect budget";
      break;
    case ConnectStep::kTunnel:
      failure.reason = Reason::kProxyTimeout;
      failure.source = Source::kProxy;
      failure.message = "the proxy did not open a way to the origin in time";
      break;
    default:
      failure.reason = Reason::kTlsTimeout;
      failure.message = "the TLS handshake did not end in time";
      break;
  }
  if (!detail.empty()) failure.message += "; " + std::string(detail);
  return failure;
}

Result<Spoken> SpokenProtocol(const ConnectPlan& plan, std::string_view alpn) {
  if (!plan.origin_tls.has_value()) {
    return plan.protocol == Protocol::kH2c ? Spoken::kHttp2 : Spoken::kHttp1;
  }
  const AlpnOffer offer = plan.origin_tls->alpn;
  const bool h1_offered = offer == AlpnOffer::kHttp1 || offer == AlpnOffer::kBoth;
  const bool h2_offered = offer == AlpnOffer::kHttp2 || offer == AlpnOffer::kBoth;
  if (alpn == "h2" && h2_offered) return Spoken::kHttp2;
  if ((alpn.empty() || alpn == "http/1.1") && h1_offered) return Spoken::kHttp1;
  Failure failure{Reason::kTlsProtocolError, Source::kTls, Phase::kTls, Delivery::kNotSent, ""};
  failure.message = alpn.empty() ? "policy demands h2, and the origin agreed on no protocol"
                                 : "the origin chose a protocol that was not offered: " +
                                       EscapeForError(alpn, 40);
  return failure;
}

}  // namespace spillway
