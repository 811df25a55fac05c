// What an Http1Connection remembers of the exchange on it.
//
// Thread safety: made by Start under the connection's mutex; the loop's alone once Start returned.

#pragma once

#include <cstdint>
#include <memory>
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
        writer(std::move(head), std::move(given.body), chunked),
        deadlines(given.limits, now),
        response_limits(*given.response_limits),
        head_request(given.head->method == "HEAD"),
        request_close(given.close || given.last) {
    result.started = now;
  }

  std::shared_ptr<ExchangeHandler> handler;
  const std::uint64_t token;
  std::shared_ptr<BodySource> body;
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
  Chunk unread;  // input that arrived before a pause took effect
  ExchangeResult result;
};

}  // namespace spillway
