// Http1Connection: how an exchange ends, and the connection.

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <utility>

#include "transport/connection/http1_connection.h"
#include "transport/connection/http1_exchange.h"
#include "transport/io/clock.h"

namespace spillway {
namespace {

// R6: as much, and for as long, is read of a response that nobody wants.
constexpr std::uint64_t kMaxDrainBytes = std::uint64_t{256} * 1024;
constexpr Duration kMaxDrainTime = std::chrono::milliseconds(50);

// A plain close would leave it to the kernel to deliver what it still holds: the origin would go on
// receiving a request that nobody waits for, and one that stopped reading would never be told.
void ResetIfUnsent(int descriptor) {
  int unsent = 0;
  if (::ioctl(descriptor, SIOCOUTQ, &unsent) != 0 || unsent == 0) return;
  const linger now{1, 0};
  ::setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

// The delivery of a failed exchange follows from what was seen of it.
Delivery DeliveryOf(bool head_complete, std::uint64_t bytes_sent) {
  if (head_complete) return Delivery::kAnswered;
  return bytes_sent == 0 ? Delivery::kNotSent : Delivery::kUnknown;
}

}  // namespace

std::shared_ptr<Http1Connection::Exchange> Http1Connection::Detach() {
  MutexLock lock(mu_);
  return std::exchange(exchange_, nullptr);
}

void Http1Connection::CompleteExchange(bool surplus_bytes, bool eof) {
  Exchange& exchange = *current();
  ExchangeResult& result = exchange.result;
  ExchangeFacts facts;
  facts.request_close = exchange.request_close;
  facts.request_fully_written = exchange.writer.done();
  facts.response_complete = true;
  facts.surplus_bytes = surplus_bytes;
  facts.eof_seen = eof || stream_ended_;
  const bool reusable = !exchange.tunnel && exchange.verdict.reusable && AllowReuse(facts);
  result.reusable = reusable;
  result.idle_hint = exchange.verdict.idle_hint;
  result.trailers = std::move(decoder_->trailers());
  result.bytes_sent = exchange.writer.sent();
  result.ended = Now();
  if (!reusable) {
    result.why_not = surplus_bytes ? CloseReason::kUnsolicited : CloseReason::kOriginClose;
  }
  if (exchange.drain) {
    result.failure = std::move(exchange.drain->failure);
    result.failure->delivery = Delivery::kAnswered;
    result.failure->response_status = exchange.status;
  }
  // Detached before anybody hears of it: who releases the connection may start the next exchange.
  const std::shared_ptr<Exchange> finished = Detach();
  // What was sent into a tunnel last may still be on its way: it ends in order, not with a reset.
  if (!reusable) Shut(result.why_not, finished->tunnel ? Unsent::kDeliver : Unsent::kReset);
  finished->handler->OnExchangeDone(std::move(result));
  if (reusable) WatchReadable();
}

void Http1Connection::FailExchange(Failure failure, CloseReason reason) {
  const std::shared_ptr<Exchange> failed = Detach();
  Shut(reason);
  EndFailed(*failed, std::move(failure), reason);
}

void Http1Connection::EndFailed(Exchange& failed, Failure failure, CloseReason reason) {
  ExchangeResult& result = failed.result;
  result.bytes_sent = failed.writer.sent();
  result.why_not = reason;
  result.ended = Now();
  // A proxy that answers for itself has said what became of the request.
  if (failure.source != Source::kProxy) {
    failure.delivery = DeliveryOf(failed.head_delivered, result.bytes_sent);
  }
  // In TLS 1.3 the origin judges our certificate only when we are already sending: its refusal
  // comes instead of the first response, and nobody looked at the request (O-242).
  if (failure.reason == Reason::kTlsAlertReceived && failed.first && !result.any_response_byte) {
    failure.delivery = Delivery::kUnprocessed;
  }
  failure.response_status = failed.status;
  result.failure = std::move(failure);
  failed.handler->OnExchangeDone(std::move(result));
}

void Http1Connection::Shut(CloseReason reason, Unsent unsent) {
  std::shared_ptr<Exchange> cut;
  {
    MutexLock lock(mu_);
    if (closed_) return;
    closed_ = true;
    // One may have been attached since the loop last looked.
    cut = std::exchange(exchange_, nullptr);
    if (unsent == Unsent::kReset) ResetIfUnsent(descriptor_);
    stream_->Shutdown();
    boost::system::error_code ignored;
    socket_.close(ignored);
  }
  timer_.cancel();
  if (const auto on_closed = std::exchange(on_closed_, nullptr)) {
    on_closed(ConnectionEnd{reason, uses_.load(std::memory_order_relaxed)});
  }
  if (cut == nullptr) return;
  const bool ours = reason == CloseReason::kDrain;
  Failure failure{ours ? Reason::kDraining : Reason::kConnectionTerminated,
                  ours ? Source::kService : Source::kOrigin, cut->deadlines.phase(),
                  Delivery::kUnknown, "the connection closed under the exchange"};
  EndFailed(*cut, std::move(failure), reason);
}

// We end it. A response whose rest is small is read to its end, which saves the connection (R6).
void Http1Connection::GiveUp(Failure failure) {
  Exchange& exchange = *current();
  failure.phase = exchange.deadlines.phase();
  if (!BeginDrain(exchange, failure)) {
    return FailExchange(std::move(failure), CloseReason::kCancelled);
  }
  exchange.paused = false;
  const Chunk unread = std::exchange(exchange.unread, {});
  if (Consume(unread.bytes, unread.owner) == Next::kStop) return;
  ArmTimer();
  ReadLoop();
}

bool Http1Connection::BeginDrain(Exchange& exchange, const Failure& failure) {
  if (exchange.drain || !exchange.head_delivered || exchange.tunnel) return false;
  if (!exchange.writer.done() || exchange.request_close || !exchange.verdict.reusable) return false;
  if (decoder_->body_left().value_or(0) > kMaxDrainBytes) return false;
  exchange.drain = {failure, kMaxDrainBytes, After(Now(), kMaxDrainTime)};
  return true;
}

}  // namespace spillway
