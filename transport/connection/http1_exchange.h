// What an Http1Connection remembers of the exchange on it.
//
// Thread safety: made by Start under the connection's mutex; the loop's alone once Start returned.

#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "transport/connection/exchange.h"
#include "transport/connection/http1_connection.h"
#include "transport/connection/request_writer.h"
#include "transport/http1/keep_alive.h"

namespace spillway {

struct Http1Connection::Exchange {
  // `head` is the encoded request head.
  Exchange(ExchangeSpec&& given, std::string head, bool chunked,
           std::shared_ptr<ExchangeHandler> receiver, std::uint64_t name, Instant now)
      : handler(std::move(receiver)),
        token(name),
        body(given.body),
        switching(given.switching),
        expect_continue(given.expect_continue),
        head_bytes(head.size()),
        writer(std::move(head), std::move(given.body),
               switching != ProtocolSwitch::kNone ? BodyCoding::kRaw
               : chunked                          ? BodyCoding::kChunked
                                                  : BodyCoding::kPlain,
               switching != ProtocolSwitch::kNone || expect_continue > Duration::zero()
                   ? BodyStart::kHeld
                   : BodyStart::kAtOnce),
        deadlines(given.limits, now),
        response_limits(*given.response_limits),
        head_request(given.head->method == "HEAD"),
        request_close(given.close || given.last) {
    result.started = now;
  }

  // What is left of a response that nobody wants is read and dropped (R6).
  struct Drain {
    Failure failure;         // why nobody wants it
    std::uint64_t left = 0;  // bytes that are read at most
    Instant until{};
  };

  // The body will take longer.
  void NoteHeadWritten(Instant now) {
    if (result.headers_written == kNever && writer.sent() >= head_bytes) {
      result.headers_written = now;
    }
  }

  Instant next_due() const {
    const Instant other = std::min(expect_until, drain ? drain->until : kNever);
    return std::min(deadlines.Next(), other);
  }

  std::shared_ptr<ExchangeHandler> handler;
  const std::uint64_t token;
  std::shared_ptr<BodySource> body;
  const ProtocolSwitch switching;
  const Duration expect_continue;
  Instant expect_until = kNever;  // then the body is sent though the origin did not say 100
  const std::size_t head_bytes;
  RequestWriter writer;
  Deadlines deadlines;
  const ResponseLimits& response_limits;
  const bool head_request;
  const bool request_close;
  KeepAliveVerdict verdict;  // as far as the final head decides it
  std::uint32_t status = 0;
  bool first = false;  // of its connection
  bool decoding = false;
  bool head_delivered = false;
  bool write_failed = false;
  bool paused = false;
  bool tunnel = false;         // the head opened it
  bool origin_closed = false;  // of a tunnel: only the caller's side is still open
  std::optional<Drain> drain;
  Chunk unread;  // input that arrived before a pause took effect
  ExchangeResult result;
};

}  // namespace spillway
