// Http2Connection: its capacity, and how it ends.

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "transport/connection/http2_connection.h"
#include "transport/connection/http2_exchange.h"

namespace spillway {
namespace {

// The kernel would go on sending to a peer that has stopped reading, or is gone.
void ResetIfUnsent(int descriptor) {
  int unsent = 0;
  if (::ioctl(descriptor, SIOCOUTQ, &unsent) != 0 || unsent == 0) return;
  const linger now{1, 0};
  ::setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

Failure Lost(std::string message) {
  return Failure{Reason::kConnectionTerminated, Source::kOrigin, Phase::kNone, Delivery::kUnknown,
                 std::move(message)};
}

Failure ClosedByUs(CloseReason reason) {
  const bool ours = reason == CloseReason::kDrain;
  return Failure{ours ? Reason::kDraining : Reason::kConnectionTerminated,
                 ours ? Source::kService : Source::kOrigin, Phase::kNone, Delivery::kUnknown,
                 "the connection closed under the exchange"};
}

}  // namespace

void Http2Connection::Close(CloseReason reason) {
  loop_.Post([self = shared_from_this(), reason] {
    self->Shut(reason, ClosedByUs(reason));
    // Who closes waits for nobody, nor for those that were to outlive the connection.
    for (const auto& [token, exchange] : std::exchange(self->exchanges_, {})) {
      self->Cut(*exchange, ClosedByUs(reason));
    }
    self->TellClosed();
  });
}

void Http2Connection::OnGoAway(const Http2GoAway&) { NoteGoingAway(CloseReason::kGoAway); }

void Http2Connection::NoteGoingAway(CloseReason reason) {
  if (going_away_ || closed_) return;
  going_away_ = true;
  going_for_ = reason;
  if (events_.going_away) events_.going_away();
  ScheduleFlush();
}

void Http2Connection::UpdateCapacity() {
  if (going_away_ || closed_) return;
  std::uint32_t capacity = UsableStreams(session_->peer_settings(), max_streams_);
  // Streams given up in silence keep their places until the origin shows life, so that a dead
  // connection fills up and others are made (H10). Never to zero, which would say that the origin
  // allows none and hold back dials.
  if (const std::uint32_t ghosts = session_->ghosts(); ghosts > 0 && capacity > 0) {
    capacity = capacity > ghosts ? capacity - ghosts : 1;
  }
  if (capacity == told_capacity_) return;
  told_capacity_ = capacity;
  if (events_.capacity) events_.capacity(capacity);
}

void Http2Connection::OnReadEnd(ByteStream::Status status) {
  const bool in_order = status != ByteStream::Status::kError;
  Failure failure = in_order ? Lost("the origin closed the connection") : stream_->failure();
  // Y14: the origin's last words explain more than the end of the connection does.
  if (session_->goaway()) failure.message += " after " + session_->goaway()->text;
  if (session_->goaway() && exchanges_.empty()) return Shut(CloseReason::kGoAway, failure);
  Shut(in_order ? CloseReason::kPeerFin : CloseReason::kPeerReset, failure);
}

Failure Http2Connection::SessionFailure() const {
  using Kind = Http2SessionFailure::Kind;
  const Http2SessionFailure& why = *session_->failure();
  Failure failure = Lost(why.message);
  if (why.kind == Kind::kPingTimeout) return failure;
  failure.reason = Reason::kHttpProtocolError;
  // A server begins with its SETTINGS: who never sent them has processed nothing (O-128, O-130).
  if (!session_->settings_received() && why.kind != Kind::kFlood) {
    failure.reason = Reason::kHttpStreamRefused;
    failure.delivery = Delivery::kUnprocessed;
  }
  return failure;
}

void Http2Connection::FailSession() {
  using Kind = Http2SessionFailure::Kind;
  CloseReason reason = CloseReason::kError;
  if (session_->failure()->kind == Kind::kFlood) reason = CloseReason::kFlood;
  if (session_->failure()->kind == Kind::kPingTimeout) reason = CloseReason::kPingTimeout;
  Shut(reason, SessionFailure());
}

// Never from within a call of the session's.
void Http2Connection::Shut(CloseReason reason, const Failure& failure) {
  if (closed_) return;
  closed_ = true;
  going_for_ = reason;
  held_.clear();
  auto cut = std::exchange(exchanges_, {});
  for (auto at = cut.begin(); at != cut.end();) {
    const auto next = std::next(at);
    Exchange& exchange = *at->second;
    if (exchange.only_receiver_is_missing()) {
      exchanges_.insert(cut.extract(at));
    } else {
      exchange.over = true;
      if (exchange.stream != 0) session_->Reset(exchange.stream, Http2Session::ResetCode::kCancel);
    }
    at = next;
  }
  CloseSocket(reason);
  Outlive();
  for (const auto& [token, exchange] : cut) Cut(*exchange, failure);
  TellClosed();
}

// What is left waits for nothing but its receivers and deadlines; the pool hears of the end when
// they have heard of theirs.
void Http2Connection::Outlive() {
  timer_.cancel();
  timer_due_ = kNever;
  if (exchanges_.empty()) return;
  for (const auto& [token, exchange] : exchanges_) ArmTimer(exchange->next_due());
  if (!std::exchange(going_away_, true) && events_.going_away) events_.going_away();
}

void Http2Connection::Cut(Exchange& exchange, Failure failure) {
  exchange.over = true;
  failure.phase = exchange.deadlines.phase();
  failure = WithDelivery(exchange, std::move(failure));
  const bool sent = exchange.stream != 0 && session_->flushed() > exchange.head_offset;
  if (!sent) {
    failure.delivery = Delivery::kNotSent;
    exchange.result.bytes_sent = 0;
  }
  const bool cut_short = failure.reason == Reason::kConnectionTerminated ||
                         failure.reason == Reason::kHttpStreamRefused;
  if (exchange.status != 0 && cut_short) failure.reason = Reason::kHttpResponseIncomplete;
  exchange.result.ended = now_;
  exchange.result.why_not = going_for_;
  exchange.result.failure = std::move(failure);
  exchange.handler->OnExchangeDone(std::move(exchange.result));
}

// Once the last exchange is over.
void Http2Connection::TellClosed() {
  if (!closed_ || !exchanges_.empty()) return;
  timer_.cancel();
  ended_.clear();
  const ConnectionEvents events = std::exchange(events_, {});
  if (events.closed) events.closed(ConnectionEnd{going_for_, uses_});
}

// Says good-bye as far as that needs no waiting (H20).
void Http2Connection::CloseSocket(CloseReason reason) {
  if (session_ != nullptr && !write_failed_ && !watching_writable_) {
    session_->GoAway();
    session_->Fill();
    const std::string_view output = session_->output();
    if (!output.empty()) {
      // The stream does not write through the pointer.
      const iovec part{const_cast<char*>(output.data()), output.size()};
      if (stream_->Write({&part, 1}).status == ByteStream::Status::kOk) stream_->Shutdown();
    }
  }
  if (reason == CloseReason::kPingTimeout || reason == CloseReason::kError) {
    ResetIfUnsent(socket_.native_handle());
  }
  boost::system::error_code ignored;
  socket_.close(ignored);
}

}  // namespace spillway
