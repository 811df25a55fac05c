// One HTTP/2 connection to an origin, pinned to a loop: many exchanges at once, as streams.
//
// What it is: Http2Session behind a ByteStream. Everything happens on the loop; calls from outside
// are posted there. Input is read when the socket is readable, output is gathered and written once
// per turn of the loop.
// What it owns: the socket, the stream over it, the session, the exchanges that run, one timer.
// Thread safety: as Connection says.
// Invariants: never more streams than the peer allows; an exchange that finds no room ends with
// kHttpStreamRefused and nothing sent, so that its round trip goes elsewhere. A cancelled or failed
// stream costs the connection nothing: its window is given back and the others go on. A complete
// response whose receiver pauses outlives the connection.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "transport/base/instant.h"
#include "transport/base/options.h"
#include "transport/connection/connection.h"
#include "transport/connection/exchange.h"
#include "transport/http2/session.h"
#include "transport/http2/visitor.h"
#include "transport/io/byte_stream.h"
#include "transport/io/event_loop.h"

namespace spillway {

class Http2Connection final : public Connection,
                              public std::enable_shared_from_this<Http2Connection>,
                              private Http2Visitor {
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
  struct Exchange;

  void OnPeerSettings(const PeerSettings& settings) override;
  void OnGoAway(const Http2GoAway& goaway) override;
  std::function<void()> WakeUpload(std::int32_t stream) override;

  // Exchanges; http2_connection.cc.
  void Attach(const std::shared_ptr<Exchange>& exchange);
  std::optional<Failure> NoRoom() const;
  void SubmitNow(Exchange& exchange);
  void SubmitHeld();
  Exchange* find(std::uint64_t token);
  void Expire(Exchange& exchange);
  void GiveUp(Exchange& exchange, Failure failure);
  void Finish(Exchange& exchange, std::optional<Failure> failure, HeaderList trailers);
  void EndUnsent(Exchange& exchange, Failure failure);
  Failure WithDelivery(const Exchange& exchange, Failure failure) const;
  void Detach(Exchange& exchange);

  // The connection as a whole; http2_connection_end.cc.
  void NoteGoingAway(CloseReason reason);
  void UpdateCapacity();
  void OnReadEnd(ByteStream::Status status);
  void FailSession();
  Failure SessionFailure() const;
  void Shut(CloseReason reason, const Failure& failure);
  void Cut(Exchange& exchange, Failure failure);
  void Outlive();
  void TellClosed();
  void CloseSocket(CloseReason reason);

  // Bytes and time; http2_connection_io.cc.
  void ScheduleFlush();
  void Flush();
  void WriteOut();
  void NoteWritten(std::size_t bytes);
  void WatchReadable();
  void WatchWritable();
  std::span<char> PickBuffer(std::shared_ptr<char[]>& owned);
  ByteStream::Status Gather(std::span<char> buffer, std::size_t& filled);
  void ReadLoop();
  void ArmTimer(Instant due);
  void OnTimer();

  EventLoop& loop_;
  const Http2Limits limits_;
  const std::uint32_t max_streams_;

  // Loop only from here.
  ConnectionEvents events_;
  asio::ip::tcp::socket socket_;
  std::unique_ptr<ByteStream> stream_;
  asio::steady_timer timer_;
  std::unique_ptr<Http2Session> session_;                                   // from Open on
  std::unordered_map<std::uint64_t, std::shared_ptr<Exchange>> exchanges_;  // by token
  // Requests that could not be repeated wait for the peer's SETTINGS, which show that it speaks
  // HTTP/2 at all (O-206).
  std::vector<std::uint64_t> held_;
  // Ended in this turn; their own functions may still be on the stack.
  std::vector<std::shared_ptr<Exchange>> ended_;
  // Heads that somebody waits for and requests that are complete in the output up to an offset, in
  // order.
  struct Unflushed {
    std::uint64_t offset;
    std::uint64_t token;
    bool head_only;
  };
  std::deque<Unflushed> unflushed_;

  // Of what is being received, when its receivers may keep it.
  std::shared_ptr<const void> read_owner_;

  Instant now_{};  // of this turn
  Instant timer_due_ = kNever;
  Instant last_write_{};  // when the socket last took bytes
  std::uint64_t uses_ = 0;
  std::uint32_t told_capacity_ = 0;
  CloseReason going_for_ = CloseReason::kGoAway;
  bool going_away_ = false;
  bool closed_ = false;
  bool flush_scheduled_ = false;
  bool watching_readable_ = false;
  bool watching_writable_ = false;
  bool write_wants_read_ = false;
  bool write_failed_ = false;
};

}  // namespace spillway
