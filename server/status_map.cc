#include "server/status_map.h"

#include <array>

#include "server/wire_exchange.h"
#include "server/wire_reader.h"

namespace spillway {
namespace {

using grpc::StatusCode;

struct Codes {
  StatusCode harmless;  // the origin cannot have acted: NOT_SENT, UNPROCESSED
  StatusCode acted;     // it may have: UNKNOWN, ANSWERED
};

constexpr Codes Always(StatusCode code) { return {code, code}; }

// What the connection did to us: a plain retry repeats it safely only while nothing was sent.
constexpr Codes kConnectionFault = {StatusCode::UNAVAILABLE, StatusCode::ABORTED};
// What the origin did wrong once it had the request.
constexpr Codes kProtocolFault = {StatusCode::UNAVAILABLE, StatusCode::INTERNAL};

constexpr std::array<Codes, static_cast<std::size_t>(Reason::kReasonCount)> kCodes = {
    Always(StatusCode::INTERNAL),                              // kNone: no failure at all
    Always(StatusCode::INVALID_ARGUMENT),                      // kHttpRequestError
    Always(StatusCode::UNIMPLEMENTED),                         // kUnimplemented
    Always(StatusCode::PERMISSION_DENIED),                     // kHttpRequestDenied
    Always(StatusCode::CANCELLED),                             // kCancelled
    Always(StatusCode::DEADLINE_EXCEEDED),                     // kDeadlineExceeded
    Always(StatusCode::RESOURCE_EXHAUSTED),                    // kPoolQueueFull
    Always(StatusCode::RESOURCE_EXHAUSTED),                    // kPoolQueueTimeout
    Always(StatusCode::RESOURCE_EXHAUSTED),                    // kConnectionLimitReached
    kConnectionFault,                                          // kDraining
    kConnectionFault,                                          // kDnsTimeout
    kConnectionFault,                                          // kDnsError
    kConnectionFault,                                          // kDestinationNotFound
    Always(StatusCode::PERMISSION_DENIED),                     // kDestinationIpProhibited
    kConnectionFault,                                          // kDestinationIpUnroutable
    kConnectionFault,                                          // kConnectionRefused
    kConnectionFault,                                          // kConnectionTimeout
    kConnectionFault,                                          // kConnectionError
    kConnectionFault,                                          // kConnectionTerminated
    {StatusCode::UNAVAILABLE, StatusCode::DEADLINE_EXCEEDED},  // kConnectionReadTimeout
    {StatusCode::UNAVAILABLE, StatusCode::DEADLINE_EXCEEDED},  // kConnectionWriteTimeout
    Always(StatusCode::DEADLINE_EXCEEDED),                     // kHttpResponseTimeout
    Always(StatusCode::DEADLINE_EXCEEDED),                     // kHttpResponseBodyTimeout
    kConnectionFault,                                          // kHttpResponseIncomplete
    Always(StatusCode::RESOURCE_EXHAUSTED),                    // kHttpResponseHeaderSectionSize
    Always(StatusCode::RESOURCE_EXHAUSTED),                    // kHttpResponseHeaderSize
    Always(StatusCode::RESOURCE_EXHAUSTED),                    // kHttpResponseBodySize
    Always(StatusCode::RESOURCE_EXHAUSTED),                    // kHttpResponseTrailerSectionSize
    kProtocolFault,                                            // kHttpResponseTransferCoding
    kProtocolFault,                                            // kHttpProtocolError
    kProtocolFault,                                            // kHttpUpgradeFailed
    Always(StatusCode::INTERNAL),                              // kInternalError
    kConnectionFault,                                          // kProxyTimeout
    kConnectionFault,                                          // kProxyAuthenticationRequired
    kConnectionFault,                                          // kProxyDenied
    kConnectionFault,                                          // kProxyProtocolError
    Always(StatusCode::PERMISSION_DENIED),                     // kProxyConfigurationError
    kConnectionFault,                                          // kTlsTimeout
    kConnectionFault,                                          // kTlsCertificateError
    kConnectionFault,                                          // kTlsAlertReceived
    kConnectionFault,                                          // kTlsProtocolError
    kConnectionFault,                                          // kHttpStreamRefused
    kConnectionFault,                                          // kHttpStreamReset
    kConnectionFault,                                          // kHttpDowngradeRequired
    kProtocolFault,                                            // kHttpResponseContentCoding
};

constexpr std::string_view kErrorType = "type.googleapis.com/spillway.v1.EgressError";

struct ErrorParts {
  bool exchange = false;
  ExchangeParts inside;
};

// Seen from the end of the round trip; zero when nothing is known.
Duration WaitAdvised(const Failure& failure, const RoundTripRecord* record) {
  if (record == nullptr || failure.retry_at == kNever) return Duration::zero();
  return Until(failure.retry_at, After(record->started, record->timings.total));
}

template <typename Out>
void PutEgressError(Out& out, const Failure& failure, const RoundTripRecord* record,
                    ErrorParts parts) {
  PutNumber(out, 1, ZeroBased(failure.reason));
  PutNumber(out, 2, ZeroBased(failure.source));
  PutNumber(out, 3, ZeroBased(failure.phase));
  PutNumber(out, 4, ZeroBased(failure.delivery));
  if (record != nullptr) PutNumber(out, 5, record->attempts);
  if (parts.exchange) {
    PutMessage(out, 6, [&](auto& inner) { PutExchange(inner, *record, parts.inside); });
  }
  PutNumber(out, 7, failure.response_status);
  PutNumber(out, 8, failure.proxy_status);
  PutBytes(out, 9, failure.field);
  if (const Duration wait = WaitAdvised(failure, record); wait > Duration::zero()) {
    PutDuration(out, 10, wait);
  }
}

// google.rpc.Status{code, message, [Any]}.
std::string Details(StatusCode code, std::string_view message, const Failure& failure,
                    const RoundTripRecord* record, ErrorParts parts) {
  return WireString([&](auto& out) {
    PutNumber(out, 1, static_cast<std::uint64_t>(code));
    PutBytes(out, 2, message);
    PutMessage(out, 3, [&](auto& any) {
      PutBytes(any, 1, kErrorType);
      PutMessage(any, 2, [&](auto& error) { PutEgressError(error, failure, record, parts); });
    });
  });
}

std::string MessageFor(const Failure& failure) {
  std::string text = failure.message.empty() ? std::string(Label(failure.reason)) : failure.message;
  if (failure.reason == Reason::kHttpResponseBodySize) {
    text += " (larger bodies: raise options.max_response_bytes, or use Stream)";
  }
  return CleanMessage(text, kMaxStatusMessage);
}

}  // namespace

StatusCode CodeFor(Reason reason, Delivery delivery) {
  const Codes& codes = kCodes.at(static_cast<std::size_t>(reason));
  const bool acted = delivery == Delivery::kUnknown || delivery == Delivery::kAnswered;
  return acted ? codes.acted : codes.harmless;
}

std::string CleanMessage(std::string_view text, std::size_t max) {
  std::string out(text);
  if (!IsUtf8(out)) {
    for (char& c : out) {
      if (static_cast<unsigned char>(c) >= 0x80) c = '?';
    }
  }
  if (out.size() <= max) return out;
  std::size_t end = max;
  while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xc0) == 0x80) --end;
  out.resize(end);
  return out;
}

grpc::Status ToStatus(const Failure& failure, const RoundTripRecord* record,
                      ExchangeDetail detail) {
  Failure clean = failure;
  clean.field = CleanMessage(failure.field, kMaxStatusMessage);
  const StatusCode code = CodeFor(failure.reason, failure.delivery);
  const std::string message = MessageFor(failure);
  ErrorParts parts;
  parts.exchange = record != nullptr && detail != ExchangeDetail::kNone;
  parts.inside = {.attempt_log = detail == ExchangeDetail::kTimeline,
                  .timeline = detail == ExchangeDetail::kTimeline};
  std::string details = Details(code, message, clean, record, parts);
  // What does not fit goes, least useful first.
  for (bool* part :
       {&parts.inside.timeline, &parts.inside.attempt_log, &parts.inside.hops, &parts.exchange}) {
    if (details.size() <= kMaxStatusDetails) break;
    *part = false;
    details = Details(code, message, clean, record, parts);
  }
  return {code, message, details};
}

}  // namespace spillway
