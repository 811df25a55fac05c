// An Http2Connection on a loop of its own, the peer that the test plays, and what was heard.
//
// Thread safety: the test's thread; what is heard on the loop is handed over under a lock.

#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/transport/http2/wire_peer.h"
#include "transport/connection/http2_connection.h"

namespace spillway {

// Hears one exchange and holds its request head.
class HeardExchange final : public ExchangeHandler {
 public:
  explicit HeardExchange(std::string_view method = "GET");

  void OnInformational(ResponseHead given) override;
  Flow OnHead(ResponseHead given, BodyKind kind, std::uint64_t length) override;
  Flow OnData(const Chunk& chunk) override;
  void OnOriginClosed() override;
  void OnExchangeDone(ExchangeResult given) override;

  // Waits at most 20 s.
  bool AwaitDone();
  bool AwaitHead();
  bool AwaitBody(std::size_t bytes);
  bool AwaitOriginClosed();
  bool AwaitInformational();
  // "" when the response is complete; "running"; else the reason's label.
  std::string outcome();
  // After AwaitDone.
  const ExchangeResult& result() const { return result_; }
  std::string body();

  RequestHead request;
  ResponseLimits limits;
  std::function<Flow(std::size_t total)> on_data;  // null: goes on
  std::function<void()> on_done;                   // called on the loop
  // What came with an owner, and where in the body; after AwaitDone.
  std::vector<std::pair<std::size_t, Chunk>> kept;
  std::vector<std::uint32_t> informational;
  ResponseHead head;
  BodyKind kind = BodyKind::kNone;

 private:
  bool Await(const std::function<bool()>& condition);

  std::mutex mu_;
  std::condition_variable changed_;
  bool head_seen_ = false;
  bool origin_closed_ = false;
  std::string body_;
  bool done_ = false;
  ExchangeResult result_;
};

class ConnectionDriver {
 public:
  explicit ConnectionDriver(const Http2Limits& limits = {}, std::uint32_t max_streams = 100,
                            bool small_buffers = false);
  ~ConnectionDriver();

  std::shared_ptr<HeardExchange> Start(std::shared_ptr<HeardExchange> handler,
                                       std::shared_ptr<BodySource> body = nullptr,
                                       const ExchangeLimits& limits = {});
  // Of `spec`, head and response limits are the handler's.
  std::shared_ptr<HeardExchange> Run(std::shared_ptr<HeardExchange> handler, ExchangeSpec spec);
  std::shared_ptr<HeardExchange> Get(const ExchangeLimits& limits = {}) {
    return Start(std::make_shared<HeardExchange>(), nullptr, limits);
  }
  // Of the exchange begun last.
  std::uint64_t token() const { return next_token_ - 1; }
  void Abort(std::uint64_t token);
  // Runs `during` on this thread while the loop, which was idle, does nothing: what comes of it
  // waits there in its order, what was posted before what was sent.
  void WhileHeld(const std::function<void()>& during);
  // Runs what was posted before.
  void Settle();

  bool AwaitClosed();
  CloseReason closed_for();
  bool AwaitCapacity(std::uint32_t capacity);
  bool AwaitGoingAway();

  Http2Connection& connection() { return *connection_; }
  WirePeer& peer() { return *peer_; }

 private:
  bool Await(const std::function<bool()>& condition);

  EventLoop loop_;
  std::unique_ptr<WirePeer> peer_;
  std::shared_ptr<Http2Connection> connection_;
  std::uint64_t next_token_ = 1;

  std::mutex mu_;
  std::condition_variable changed_;
  std::optional<ConnectionEnd> end_;
  std::vector<std::uint32_t> capacities_;
  bool going_away_ = false;
};

}  // namespace spillway
