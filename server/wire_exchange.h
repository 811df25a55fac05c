// Puts spillway.v1.Exchange: how a round trip went, out of its record.
//
// Thread safety: pure function templates over the sinks of server/wire_out.h.

#pragma once

#include "server/wire_out.h"
#include "transport/base/header_list.h"
#include "transport/base/trace_context.h"
#include "transport/records.h"

namespace spillway {

// How much of an exchange is told.
struct ExchangeParts {
  bool hops = true;
  bool attempt_log = false;
  bool timeline = false;
};

template <typename Out>
void PutHeaders(Out& out, std::uint32_t field, const HeaderList& headers) {
  for (const HeaderField& header : headers) {
    PutMessage(out, field, [&header](auto& inner) {
      PutBytes(inner, 1, header.name);
      PutBytes(inner, 2, header.value);
    });
  }
}

// Leaves out a phase that did not happen.
template <typename Out>
void PutPhase(Out& out, std::uint32_t field, Duration length) {
  if (length > Duration::zero()) PutDuration(out, field, length);
}

template <typename Out>
void PutTimings(Out& out, const Timings& timings) {
  PutPhase(out, 1, timings.queue);
  PutPhase(out, 2, timings.dns);
  PutPhase(out, 3, timings.connect);
  PutPhase(out, 4, timings.proxy);
  PutPhase(out, 5, timings.tls);
  PutPhase(out, 6, timings.write);
  PutPhase(out, 7, timings.first_byte);
  PutPhase(out, 8, timings.total);
}

// The wire's enums begin with UNSPECIFIED; those of ours that do not are one lower.
template <typename Enum>
constexpr std::uint64_t OneBased(Enum value) {
  return static_cast<std::uint64_t>(value) + 1;
}
template <typename Enum>
constexpr std::uint64_t ZeroBased(Enum value) {
  return static_cast<std::uint64_t>(value);
}

template <typename Out>
void PutSpanId(Out& out, std::uint32_t field, std::uint64_t span_id) {
  if (span_id != 0) PutBytes(out, field, SpanIdText(span_id));
}

template <typename Out>
void PutAttempt(Out& out, const AttemptRecord& attempt, Instant began) {
  PutNumber(out, 1, OneBased(attempt.kind));
  PutNumber(out, 2, attempt.reused ? 1 : 0);
  PutNumber(out, 3, attempt.connection_id);
  PutPhase(out, 4, attempt.started - began);
  PutPhase(out, 5, attempt.ended - attempt.started);
  PutNumber(out, 6, ZeroBased(attempt.error));
  PutNumber(out, 7, ZeroBased(attempt.delivery));
  PutNumber(out, 8, attempt.status);
  PutPhase(out, 9, attempt.backoff);
  PutSpanId(out, 10, attempt.span_id);
}

template <typename Out>
void PutEvent(Out& out, const TimelineEvent& event, Instant began) {
  PutNumber(out, 1, OneBased(event.kind));
  PutDuration(out, 2, event.at - began);
  PutNumber(out, 3, event.attempt);
  PutNumber(out, 4, event.status);
  PutBytes(out, 5, event.note);
  PutSpanId(out, 6, event.span_id);
}

template <typename Out>
void PutTls(Out& out, const TlsFacts& tls) {
  PutBytes(out, 1, tls.version);
  PutBytes(out, 2, tls.cipher);
  PutNumber(out, 3, tls.resumed ? 1 : 0);
}

template <typename Out>
void PutExchange(Out& out, const RoundTripRecord& record, ExchangeParts parts) {
  const ConnectionInfo* connection = record.connection.get();
  PutBytes(out, 1, record.url);
  if (parts.hops) {
    for (const HopRecord& hop : record.hops) {
      PutMessage(out, 2, [&hop](auto& inner) {
        PutBytes(inner, 1, hop.url);
        PutNumber(inner, 2, hop.status);
      });
    }
  }
  PutNumber(out, 3, record.attempts);
  if (connection != nullptr) PutNumber(out, 4, connection->id);
  PutNumber(out, 5, record.reused ? 1 : 0);
  PutPhase(out, 6, record.idle_time);
  PutMessage(out, 7, [&record](auto& inner) { PutTimings(inner, record.timings); });
  if (connection != nullptr) {
    PutBytes(out, 8, connection->local_address);
    PutBytes(out, 9, connection->remote_address);
    PutBytes(out, 10, connection->proxy);
    if (connection->tls.has_value()) {
      PutMessage(out, 11, [connection](auto& inner) { PutTls(inner, *connection->tls); });
    }
  }
  PutNumber(out, 12, record.bytes_sent);
  PutNumber(out, 13, record.bytes_received);
  PutNumber(out, 14, record.uncompressed ? 1 : 0);
  if (record.destination != nullptr) PutBytes(out, 15, *record.destination);
  if (record.rule != nullptr) PutBytes(out, 16, *record.rule);
  if (parts.attempt_log) {
    for (const AttemptRecord& attempt : record.attempt_log) {
      PutMessage(out, 17, [&](auto& inner) { PutAttempt(inner, attempt, record.started); });
    }
  }
  if (parts.timeline) {
    for (const TimelineEvent& event : record.timeline) {
      PutMessage(out, 18, [&](auto& inner) { PutEvent(inner, event, record.started); });
    }
  }
  PutNumber(out, 19, record.policy_version);
  if (connection != nullptr) PutBytes(out, 20, connection->alpn);
}

}  // namespace spillway
