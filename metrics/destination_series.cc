#include "metrics/destination_series.h"

namespace spillway {
namespace {

constexpr std::array<std::string_view, 2> kDirections = {"sent", "received"};

VariantLabels One(std::string_view value) { return {{value, {}}, 1}; }

}  // namespace

DestinationLabel DestinationLabel::Host(const std::string& host, std::uint16_t port) {
  const std::string port_text = std::to_string(port);
  return {host + ":" + port_text, host, port_text};
}

VariantLabels LabelsOf(Family family, std::size_t variant) {
  const auto error = [variant] { return Label(static_cast<Reason>(variant % kReasons)); };
  switch (family) {
    case Family::kAcquisitions:
      return One(Label(static_cast<AcquireSource>(variant)));
    case Family::kRejections:
      return One(Label(static_cast<Rejection>(variant)));
    case Family::kDials:
      return {{Label(static_cast<DialPurpose>(variant / kReasons)), error()}, 2};
    case Family::kDialsThrottled:
      return One(Label(static_cast<DialThrottle>(variant)));
    case Family::kTlsHandshakes:
      return {{kTlsVersions.at(variant / 2), variant % 2 == 1 ? "true" : "false"}, 2};
    case Family::kClosed:
      return One(Label(static_cast<CloseReason>(variant)));
    case Family::kStaleReuse:
      return One(Label(static_cast<StaleResult>(variant)));
    case Family::kAttempts:
      return {{Label(static_cast<AttemptKind>(variant / kReasons)), error()}, 2};
    case Family::kRetries:
      // What failed then was no attempt: the origin answered.
      return One(variant == Index(Reason::kNone) ? "response_status" : error());
    case Family::kRetriesSuppressed:
      return One(Label(static_cast<RetrySuppressed>(variant)));
    case Family::kIoBytes:
      return One(kDirections.at(variant));
    case Family::kAcquisitionWait:
      return One(Label(static_cast<AcquireOutcome>(variant)));
    case Family::kDialPhase:
      return One(kDialPhases.at(variant));
    case Family::kConnectionDuration:
    case Family::kConnectionUses:
      return One(kProtocolVersions.at(variant));
    default:
      return {};
  }
}

bool ShownAtZero(Family family, std::size_t variant) {
  switch (family) {
    case Family::kDials:
      return variant == Index(DialPurpose::kDemand) * kReasons;
    case Family::kAttempts:
      return variant % kReasons == 0;
    case Family::kRetries:
    case Family::kTlsHandshakes:
    case Family::kConnectionDuration:
    case Family::kConnectionUses:
    case Family::kDialPhase:
      return false;
    case Family::kAcquisitionWait:
      return variant == Index(AcquireOutcome::kOk);
    default:
      return true;
  }
}

}  // namespace spillway
