// Http1Connection: bodies that wait for the origin's word (Expect, E1 to E7), and tunnels (U1, U5).

#include <utility>

#include "transport/connection/http1_connection.h"
#include "transport/connection/http1_exchange.h"
#include "transport/io/clock.h"

namespace spillway {

// Under mu_ in Start, on the loop later. The body waits.
void Http1Connection::OnHeadWritten(Exchange& exchange) {
  const Instant now = Now();
  if (exchange.switching != ProtocolSwitch::kNone) {
    // The request is complete; what the caller sends belongs into the tunnel.
    exchange.result.written = now;
    exchange.deadlines.OnWritten(now);
    return;
  }
  exchange.deadlines.OnSourcePending(now);
  if (exchange.expect_until != kNever) return;
  exchange.expect_until = After(now, exchange.expect_continue);
  exchange.result.headers_written = exchange.result.waited_100 = now;
}

// The origin said 100, or let its time go by (E2).
void Http1Connection::ReleaseBody() {
  Exchange* exchange = current();
  exchange->expect_until = kNever;
  if (!exchange->writer.held_back()) return;
  exchange->writer.ReleaseBody();
  exchange->deadlines.OnWriteProgress(Now());
  ContinueWriting();
}

// Before the receiver hears of it.
void Http1Connection::OnFinalHead(Exchange& exchange, BodyKind kind) {
  const Instant now = Now();
  exchange.expect_until = kNever;
  exchange.tunnel = kind == BodyKind::kTunnel;
  if (exchange.tunnel) {
    exchange.deadlines.OnTunnel(now);
    exchange.writer.ReleaseBody();
    loop_.Post([self = shared_from_this()] { self->ContinueWriting(); });
    return;
  }
  exchange.deadlines.OnHead(now);
  if (decoder_->head().status > 299) {
    exchange.deadlines.OnRefused();
  } else if (exchange.writer.held_back()) {
    exchange.deadlines.OnWritingOver();
  }
  // A tunnel that was refused: the request had no body. One that was expected and not asked for is
  // not sent either, and as it was announced the connection cannot go on (E5).
  if (exchange.switching != ProtocolSwitch::kNone) exchange.writer.DropBody();
}

// The origin sends no more. What the caller sends still goes there.
void Http1Connection::OnTunnelEnd(Exchange& exchange) {
  if (exchange.writer.done()) return CompleteExchange(false, true);
  if (exchange.write_failed) {
    Failure failure{Reason::kConnectionTerminated, Source::kOrigin, Phase::kBody,
                    Delivery::kAnswered, "the origin closed the tunnel before it took everything"};
    return FailExchange(std::move(failure), CloseReason::kPeerFin);
  }
  if (std::exchange(exchange.origin_closed, true)) return;
  exchange.handler->OnOriginClosed();
}

void Http1Connection::OnCallerClosed(Exchange& exchange) {
  exchange.writer.Release();
  {
    MutexLock lock(mu_);
    stream_->Shutdown();
  }
  if (exchange.origin_closed) CompleteExchange(false, true);
}

}  // namespace spillway
