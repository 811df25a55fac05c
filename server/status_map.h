// Failure -> grpc::Status, as one table (api.md "Errors").
//
// What it is: the only place that chooses gRPC codes. UNAVAILABLE is for what a plain retry may
// repeat, because stock gRPC retry policies do so without looking further; what an origin may have
// acted on is ABORTED or worse.
// Thread safety: pure functions.
// Invariants: the message is at most kMaxStatusMessage bytes of valid UTF-8; the details are at
// most kMaxStatusDetails bytes and hold exactly one EgressError.

#pragma once

#include <grpcpp/support/status.h>

#include "transport/records.h"

namespace spillway {

inline constexpr std::size_t kMaxStatusMessage = 512;
inline constexpr std::size_t kMaxStatusDetails = 4 * 1024;

// How much the caller wants to know about the exchange (spillway.v1.ExchangeDetail).
enum class ExchangeDetail : std::uint8_t { kNone, kSummary, kTimeline };

grpc::StatusCode CodeFor(Reason reason, Delivery delivery);

// `record` may be null: then the failure came before the transport.
grpc::Status ToStatus(const Failure& failure, const RoundTripRecord* record, ExchangeDetail detail);

// Shortens to `max` bytes without cutting a character, and replaces what is not UTF-8.
std::string CleanMessage(std::string_view text, std::size_t max);

}  // namespace spillway
