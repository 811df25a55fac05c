// One HTTP/1.x connection to an origin, pinned to a loop.
//
// What it is: a permanent read side on the loop, and a write side owned by whoever holds the lease.
// A warm exchange is started on the lease holder's own thread: it checks the socket for unsolicited
// bytes or EOF, attaches itself and sends, all under the connection's mutex, so that no response
// byte read before that moment can ever be taken for its answer (O-107 to O-109, decision 3). What
// the kernel does not take at once is sent from the loop.
// What it owns: the socket, the decoder, one timer. While idle it holds no buffers.
// Thread safety: Start, Abort, Resume, Close from any thread; the rest on the loop.
// Invariants: reads happen under the mutex; the descriptor is closed under the mutex, hence never
// while a writer is inside; at most one exchange; `on_closed` runs exactly once, on the loop.

#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "transport/base/mutex.h"
#include "transport/base/proxy.h"
#include "transport/connection/connection.h"
#include "transport/connection/exchange.h"
#include "transport/connection/request_writer.h"
#include "transport/http1/response_decoder.h"
#include "transport/io/byte_stream.h"
#include "transport/io/event_loop.h"

namespace spillway {

class Http1Connection final : public Connection,
                              public std::enable_shared_from_this<Http1Connection> {
 public:
  // `stream` reads and writes on `socket`, which stays here for waiting and closing.
  // `forward_proxy`, when given, gets absolute-form requests with its credentials (P3, P4).
  Http1Connection(EventLoop& loop, asio::ip::tcp::socket socket, std::unique_ptr<ByteStream> stream,
                  ProxyServerPtr forward_proxy);
  ~Http1Connection() override;

  void Open(ConnectionEvents events) override;
  std::uint32_t initial_capacity() const override { return 1; }
  StartResult Start(ExchangeSpec spec, std::shared_ptr<ExchangeHandler> handler,
                    std::uint64_t token) override;
  std::optional<Failure> stale_failure() const override;
  void Abort(std::uint64_t token, Failure failure) override;
  void Resume(std::uint64_t token) override;
  void Close(CloseReason reason) override;

 private:
  struct Exchange;

  // What one look at the socket gave.
  struct ReadResult {
    ByteStream::Status status = ByteStream::Status::kWantRead;
    std::string_view bytes;
    bool closed = false;  // by us
    bool busy = false;    // an exchange was attached when the bytes were read
    bool holds_more = false;
    std::optional<Failure> failure = {};  // of the stream
  };
  // What reading goes on with.
  enum class Next : std::uint8_t { kReadMore, kStop };

  // Loop only, but for what Start does under the mutex.
  void WatchReadable();
  void ReadWhenWritable();
  void ReadLoop();
  ReadResult ReadSome(std::span<char> buffer);
  std::span<char> PickBuffer(std::shared_ptr<char[]>& owned);
  void OnUnsolicited(const ReadResult& read);
  void OnReadEnd(ReadResult read);
  Failure CutShort(ReadResult& read);
  Next Consume(std::string_view input, const std::shared_ptr<const void>& owner);
  void NoteHead(Exchange& exchange);
  static Flow DropData(Exchange& exchange, std::size_t bytes);
  Next Deliver(Flow flow, std::string_view rest, const std::shared_ptr<const void>& owner);
  void CompleteExchange(bool surplus_bytes, bool eof);
  void FailExchange(Failure failure, CloseReason reason);
  void GiveUp(Failure failure);
  bool BeginDrain(Exchange& exchange, const Failure& failure);
  static void EndFailed(Exchange& failed, Failure failure, CloseReason reason);
  std::shared_ptr<Exchange> Detach();
  Exchange* current();

  bool IsFitToStart() SPILLWAY_REQUIRES(mu_);
  void WatchWritable();
  void ContinueWriting();
  void AfterWrite(Exchange& exchange, WriteStatus status);
  std::function<void()> WriteAgain(const Exchange& exchange);

  // The body that waits, and tunnels; http1_connection_hold.cc.
  void OnHeadWritten(Exchange& exchange);
  void ReleaseBody();
  void OnFinalHead(Exchange& exchange, BodyKind kind);
  void OnTunnelEnd(Exchange& exchange);
  void OnCallerClosed(Exchange& exchange);

  void RequestTimer(Instant due);
  void ArmTimer();
  void OnTimer();
  // What becomes of bytes that the kernel has taken and the origin has not.
  enum class Unsent : std::uint8_t { kReset, kDeliver };
  void Shut(CloseReason reason, Unsent unsent = Unsent::kReset);

  EventLoop& loop_;
  std::function<void(const ConnectionEnd&)> on_closed_;
  asio::steady_timer timer_;
  // When the timer fires; only ever made earlier, so most exchanges need not touch it.
  std::atomic<Instant::rep> timer_due_;

  mutable Mutex mu_;
  asio::ip::tcp::socket socket_;  // closed and written to under mu_
  int descriptor_;
  std::unique_ptr<ByteStream> stream_ SPILLWAY_GUARDED_BY(mu_);
  const ProxyServerPtr forward_proxy_;
  const std::string proxy_authorization_;
  // Null while idle. Set by Start; detached by the loop alone, so the loop may use the object it
  // points to without the mutex.
  std::shared_ptr<Exchange> exchange_ SPILLWAY_GUARDED_BY(mu_);
  bool closed_ SPILLWAY_GUARDED_BY(mu_) = false;
  // Bytes or an end were read while it was idle: nothing may start on it any more.
  bool doomed_ SPILLWAY_GUARDED_BY(mu_) = false;
  std::optional<Failure> stale_failure_ SPILLWAY_GUARDED_BY(mu_);
  std::atomic<std::uint64_t> uses_{0};  // exchanges attached

  // Loop only.
  std::unique_ptr<ResponseDecoder> decoder_;
  bool watching_ = false;
  bool watching_writable_ = false;
  bool stream_ended_ = false;      // the stream holds its end behind the bytes that were read last
  bool write_wants_read_ = false;  // TLS: writing goes on after the next read
};

}  // namespace spillway
