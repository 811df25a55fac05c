#include "transport/connection/http2_connection.h"

#include <algorithm>
#include <utility>

#include "transport/base/body_source.h"
#include "transport/base/buffered_body.h"
#include "transport/connection/http2_exchange.h"
#include "transport/http2/settings.h"
#include "transport/io/clock.h"

namespace spillway {
namespace {

Failure Refused(std::string_view message) {
  Failure failure;
  failure.reason = Reason::kHttpStreamRefused;
  failure.source = Source::kPool;
  failure.phase = Phase::kWrite;
  failure.delivery = Delivery::kNotSent;
  failure.message = message;
  return failure;
}

// However much of it was read. One that streams can be sent again only up to a limit.
bool CanBeRepeated(const BodySource* body) {
  return body == nullptr || (body->replayable() && body->buffered() != nullptr);
}

}  // namespace

Http2Connection::Http2Connection(EventLoop& loop, asio::ip::tcp::socket socket,
                                 std::unique_ptr<ByteStream> stream, const Http2Limits& limits,
                                 std::uint32_t max_streams)
    : loop_(loop),
      limits_(limits),
      max_streams_(max_streams),
      socket_(std::move(socket)),
      stream_(std::move(stream)),
      timer_(loop.context()) {
  loop_.AddConnection();
}

Http2Connection::~Http2Connection() { loop_.RemoveConnection(); }

std::uint32_t Http2Connection::initial_capacity() const {
  return UsableStreams(PeerSettings{}, max_streams_);
}

StartResult Http2Connection::Start(ExchangeSpec spec, std::shared_ptr<ExchangeHandler> handler,
                                   std::uint64_t token) {
  auto exchange =
      std::make_shared<Exchange>(*this, std::move(spec), std::move(handler), token, Now());
  loop_.Post([self = shared_from_this(), exchange = std::move(exchange)] {
    self->now_ = Now();
    self->Attach(exchange);
  });
  return StartResult::kStarted;
}

void Http2Connection::Abort(std::uint64_t token, Failure failure) {
  loop_.Post([self = shared_from_this(), token, failure = std::move(failure)]() mutable {
    self->now_ = Now();
    if (Exchange* exchange = self->find(token)) self->GiveUp(*exchange, std::move(failure));
  });
}

void Http2Connection::Resume(std::uint64_t token) {
  loop_.Post([self = shared_from_this(), token] {
    Exchange* exchange = self->find(token);
    if (exchange == nullptr || !exchange->paused) return;
    self->now_ = Now();
    exchange->Resume();
    self->ScheduleFlush();
  });
}

Http2Connection::Exchange* Http2Connection::find(std::uint64_t token) {
  const auto found = exchanges_.find(token);
  return found == exchanges_.end() ? nullptr : found->second.get();
}

// --- Beginning ---

void Http2Connection::Attach(const std::shared_ptr<Exchange>& exchange) {
  // Else the pool would give the same connection to whoever comes next.
  if (!closed_ && session_ != nullptr && session_->failure()) FailSession();
  if (std::optional<Failure> why = NoRoom()) return EndUnsent(*exchange, *std::move(why));
  exchanges_.emplace(exchange->token, exchange);
  ++uses_;
  if (!session_->settings_received() && !CanBeRepeated(exchange->spec.body.get())) {
    held_.push_back(exchange->token);
  } else {
    SubmitNow(*exchange);
  }
  if (exchange->spec.close || exchange->spec.last) NoteGoingAway(CloseReason::kOriginClose);
  ArmTimer(exchange->deadlines.Next());
  ScheduleFlush();
}

// Why nothing can start here now. The pool has not yet heard of it, or it just came about.
std::optional<Failure> Http2Connection::NoRoom() const {
  if (session_ != nullptr && session_->failure() && !session_->settings_received()) {
    // Its own doing, however early: it does not speak HTTP/2 (O-128), and is not asked for ever.
    Failure failure = SessionFailure();
    failure.phase = Phase::kWrite;
    failure.delivery = Delivery::kNotSent;
    return failure;
  }
  if (closed_ || session_ == nullptr) return Refused("the connection closed before the request");
  if (going_away_ || session_->going_away()) {
    return Refused("the origin takes no new streams on this connection");
  }
  if (exchanges_.size() >= UsableStreams(session_->peer_settings(), max_streams_)) {
    return Refused("the connection carries as many streams as it may");
  }
  if (session_->output().size() > kMaxBacklogBytes) {
    return Refused("the origin does not read what it was sent");
  }
  return std::nullopt;
}

void Http2Connection::SubmitNow(Exchange& exchange) {
  exchange.head_offset = session_->produced();
  const ExchangeSpec& spec = exchange.spec;
  Http2Request request{spec.head, spec.body, spec.response_limits};
  if (spec.switching == ProtocolSwitch::kConnect) {
    request.start = Http2BodyStart::kInTunnel;
    if (request.body == nullptr) request.body = std::make_shared<BufferedBody>(Body());
  } else if (spec.expect_continue > Duration::zero()) {
    request.start = Http2BodyStart::kWhenAsked;
  }
  Result<std::int32_t> stream = session_->Submit(request, exchange, now_);
  if (stream.has_value()) {
    exchange.stream = *stream;
    return;
  }
  EndUnsent(exchange, stream.error());
}

void Http2Connection::SubmitHeld() {
  for (const std::uint64_t token : std::exchange(held_, {})) {
    if (Exchange* exchange = find(token)) SubmitNow(*exchange);
  }
  ScheduleFlush();
}

void Http2Connection::OnPeerSettings(const PeerSettings&) {
  // Not from within the session's own call.
  if (!held_.empty()) {
    loop_.Post([self = shared_from_this()] {
      self->now_ = Now();
      if (!self->closed_) self->SubmitHeld();
    });
  }
  UpdateCapacity();
}

std::function<void()> Http2Connection::WakeUpload(std::int32_t stream) {
  return [weak = weak_from_this(), stream] {
    const auto self = weak.lock();
    if (self == nullptr) return;
    self->loop_.Post([self, stream] {
      if (self->closed_) return;
      self->now_ = Now();
      self->session_->ResumeUpload(stream);
      self->ScheduleFlush();
    });
  };
}

// --- Ending ---

// Its time is over.
void Http2Connection::Expire(Exchange& exchange) {
  Failure failure = exchange.deadlines.Expired(now_);
  const bool stalled = failure.reason == Reason::kConnectionWriteTimeout;
  const bool in_output = exchange.sent_offset > session_->flushed();
  if (stalled && in_output && last_write_ > exchange.last_progress) {
    // What is ahead of it in the output moves: slow, but no stall (H11).
    exchange.last_progress = last_write_;
    return exchange.deadlines.OnWriteProgress(last_write_);
  }
  // Another stream would fare no better: nothing is written (O-203, H11), or nothing of it could be
  // heard behind the header block that does not end (O-183).
  const bool unwritable =
      stalled && watching_writable_ && After(last_write_, exchange.spec.limits.write_stall) <= now_;
  const bool deaf = session_->in_header_block();
  GiveUp(exchange, std::move(failure));
  if (!unwritable && !deaf) return;
  Failure lost{Reason::kConnectionTerminated, Source::kOrigin, Phase::kNone, Delivery::kUnknown,
               unwritable ? "the origin stopped reading from the connection"
                          : "the origin began a header block and did not end it"};
  Shut(CloseReason::kError, lost);
}

// We end it; the connection goes on.
void Http2Connection::GiveUp(Exchange& exchange, Failure failure) {
  if (exchange.stream != 0 && !closed_) {
    session_->Reset(exchange.stream, Http2Session::ResetCode::kCancel);
    session_->OnAbandoned(exchange.result.started, now_);
  }
  failure.phase = exchange.deadlines.phase();
  failure.delivery = Delivery::kUnknown;
  Finish(exchange, std::move(failure), {});
}

void Http2Connection::Detach(Exchange& exchange) {
  exchange.over = true;
  const auto found = exchanges_.find(exchange.token);
  if (found == exchanges_.end()) return;
  ended_.push_back(std::move(found->second));
  exchanges_.erase(found);
}

void Http2Connection::Finish(Exchange& exchange, std::optional<Failure> failure,
                             HeaderList trailers) {
  if (exchange.over) return;
  Detach(exchange);
  // Before the receiver gives its place back, so that the pool knows what that place is worth.
  UpdateCapacity();
  ExchangeResult& result = exchange.result;
  result.trailers = std::move(trailers);
  result.ended = now_;
  result.reusable = !closed_ && !going_away_ && !exchange.suspect;
  result.why_not = going_away_ ? going_for_ : CloseReason::kError;
  // It is served, however its connection ended in the meantime.
  if (closed_ && !failure) result.why_not = CloseReason::kOriginClose;
  if (failure) {
    failure->phase = exchange.deadlines.phase();
    const auto& goaway = session_->goaway();
    result.left_out = failure->delivery == Delivery::kUnprocessed && goaway &&
                      goaway->last_stream > 0 && exchange.stream > goaway->last_stream;
    result.failure = WithDelivery(exchange, *std::move(failure));
  }
  ScheduleFlush();
  exchange.handler->OnExchangeDone(std::move(result));
  if (closed_) loop_.Post([self = shared_from_this()] { self->TellClosed(); });
}

// Nothing of it was sent, nor its body read: it goes elsewhere.
void Http2Connection::EndUnsent(Exchange& exchange, Failure failure) {
  Detach(exchange);
  ExchangeResult& result = exchange.result;
  result.ended = now_;
  result.reusable = !closed_ && !going_away_;
  result.why_not = going_for_;
  result.failure = std::move(failure);
  ScheduleFlush();
  exchange.handler->OnExchangeDone(std::move(result));
}

Failure Http2Connection::WithDelivery(const Exchange& exchange, Failure failure) const {
  failure.response_status = exchange.status;
  if (exchange.status != 0) {
    failure.delivery = Delivery::kAnswered;
  } else if (exchange.stream == 0) {
    failure.delivery = Delivery::kNotSent;
  } else if (failure.delivery != Delivery::kUnprocessed) {
    // A stream has its number before its first frame is made, which may never be.
    failure.delivery = exchange.head_sent ? Delivery::kUnknown : Delivery::kNotSent;
  }
  return failure;
}

}  // namespace spillway
