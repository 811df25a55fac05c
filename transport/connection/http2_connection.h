// One HTTP/2 connection to an origin, pinned to a loop: many exchanges at once, as streams.
//
// What it is: Http2Session behind a ByteStream. Everything happens on the loop; calls from outside
// are posted there. Input is read when the socket is readable, output is gathered and written once
// per turn of the loop.
// What it owns: the socket, the stream over it, the session, the exchanges that run, one timer.
// Thread safety: as Connection says.
// Invariants: never more streams than the peer allows; an exchange that finds no room ends with
// kHttpStreamRefused and nothing sent, so that its round trip goes elsewhere. A cancelled or failed
// stream costs the connection nothing: its window is given back and the others go on.

#pragma once

#include <cstdint>
#include <memory>

#include <boost/asio/ip/tcp.hpp>

#include "transport/base/options.h"
#include "transport/connection/connection.h"
#include "transport/connection/exchange.h"
#include "transport/io/byte_stream.h"
#include "transport/io/event_loop.h"

namespace spillway {

class Http2Connection final : public Connection,
                              public std::enable_shared_from_this<Http2Connection> {
 public:
  // `stream` reads and writes the descriptor of `socket`. `max_streams`: PoolLimits::max_streams.
  Http2Connection(EventLoop& loop, asio::ip::tcp::socket socket, std::unique_ptr<ByteStream> stream,
                  const Http2Limits& limits, std::uint32_t max_streams);
  ~Http2Connection() override;

  void Open(ConnectionEvents events) override;
  std::uint32_t initial_capacity() const override;
  // Always kStarted: what is wrong is told through OnExchangeDone.
  StartResult Start(ExchangeSpec spec, std::shared_ptr<ExchangeHandler> handler,
                    std::uint64_t token) override;
  void Abort(std::uint64_t token, Failure failure) override;
  void Resume(std::uint64_t token) override;
  void Close(CloseReason reason) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace spillway
