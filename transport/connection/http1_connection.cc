#include "transport/connection/http1_connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "transport/base/check.h"
#include "transport/http1/keep_alive.h"
#include "transport/io/clock.h"

namespace spillway {
namespace {

// Reads in one go before other connections of the loop get their turn.
constexpr int kMaxReadsPerTurn = 8;
// A body piece at least this big is handed over with its buffer instead of being copied.
constexpr std::size_t kAdoptBytes = 16 * 1024;
constexpr std::size_t kBodyBufferBytes = 64 * 1024;
// The kernel gives up on unacknowledged data after this, not after its 15 minutes (O-123).
constexpr int kUserTimeoutMs = 60'000;

void SetSocketOptions(int descriptor) {
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  ::setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &kUserTimeoutMs, sizeof(kUserTimeoutMs));
}

// The delivery of a failed exchange follows from what was seen of it.
Delivery DeliveryOf(bool head_complete, std::uint64_t bytes_sent) {
  if (head_complete) return Delivery::kAnswered;
  return bytes_sent == 0 ? Delivery::kNotSent : Delivery::kUnknown;
}

}  // namespace

struct Http1Connection::Exchange {
  Exchange(ExchangeSpec&& given, std::shared_ptr<ExchangeHandler> receiver, std::uint64_t name,
           Instant now)
      : handler(std::move(receiver)),
        token(name),
        body(given.body),
        writer(std::move(given.head), std::move(given.body), given.chunked),
        deadlines(given.limits, now),
        response_limits(*given.response_limits),
        head_request(given.head_request),
        request_close(given.close) {
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
  bool decoding = false;
  bool head_delivered = false;
  bool write_failed = false;
  bool paused = false;
  Chunk unread;  // input that arrived before a pause took effect
  ExchangeResult result;
};

Http1Connection::Http1Connection(EventLoop& loop, asio::ip::tcp::socket socket)
    : loop_(loop),
      timer_(loop.context()),
      timer_due_(kNever.time_since_epoch().count()),
      socket_(std::move(socket)),
      descriptor_(socket_.native_handle()) {
  loop_.AddConnection();
}

Http1Connection::~Http1Connection() { loop_.RemoveConnection(); }

void Http1Connection::Open(OnClosed on_closed) {
  on_closed_ = std::move(on_closed);
  SetSocketOptions(descriptor_);
  WatchReadable();
}

StartResult Http1Connection::Start(ExchangeSpec spec, std::shared_ptr<ExchangeHandler> handler,
                                   std::uint64_t token) {
  const Instant now = Now();
  auto exchange = std::make_shared<Exchange>(std::move(spec), std::move(handler), token, now);
  {
    MutexLock lock(mu_);
    if (closed_) return StartResult::kStale;
    SPILLWAY_CHECK_NOTE(exchange_ == nullptr, "one exchange at a time on HTTP/1");
    char byte = 0;
    const ssize_t seen = ::recv(descriptor_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    const bool quiet = seen < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    if (quiet) {
      const WriteStatus status = exchange->writer.Write(descriptor_, WriteAgain(*exchange));
      const bool untouched = status == WriteStatus::kSocketError && exchange->writer.sent() == 0;
      if (!untouched) {
        exchange_ = exchange;
        AfterWrite(*exchange, status);
        const Instant due = exchange->deadlines.Next();
        if (due.time_since_epoch().count() < timer_due_.load(std::memory_order_relaxed)) {
          RequestTimer(due);
        }
        return StartResult::kStarted;
      }
    }
  }
  // The read side of the loop finds out what happened and says why the connection closes.
  loop_.Post([self = shared_from_this()] { self->ReadLoop(); });
  return StartResult::kStale;
}

void Http1Connection::Abort(std::uint64_t token, Failure failure) {
  loop_.Post([self = shared_from_this(), token, failure = std::move(failure)]() mutable {
    const Exchange* exchange = self->current();
    if (exchange == nullptr || exchange->token != token) return;
    self->FailExchange(std::move(failure), CloseReason::kCancelled);
  });
}

void Http1Connection::Resume(std::uint64_t token) {
  loop_.Post([self = shared_from_this(), token] {
    Exchange* exchange = self->current();
    if (exchange == nullptr || exchange->token != token || !exchange->paused) return;
    exchange->paused = false;
    exchange->deadlines.OnResumed(Now());
    const Chunk unread = std::exchange(exchange->unread, {});
    // Also when nothing is unread: the end of the message may not have been told yet.
    if (self->Consume(unread.bytes, unread.owner) == Next::kStop) return;
    self->ArmTimer();
    self->ReadLoop();
  });
}

void Http1Connection::Close(CloseReason reason) {
  loop_.Post([self = shared_from_this(), reason] {
    if (self->current() == nullptr) return self->Shut(reason);
    Failure failure{Reason::kDraining, Source::kService, Phase::kNone, Delivery::kNotSent,
                    "the connection was closed by the service"};
    self->FailExchange(std::move(failure), reason);
  });
}

Http1Connection::Exchange* Http1Connection::current() {
  MutexLock lock(mu_);
  return exchange_.get();
}

// ---- Reading
// -------------------------------------------------------------------------------------

void Http1Connection::WatchReadable() {
  if (watching_) return;
  watching_ = true;
  // Waiting for readiness instead of reading keeps idle connections free of buffers, and leaves the
  // read itself to ReadSome, under the mutex.
  socket_.async_wait(asio::ip::tcp::socket::wait_read,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       self->watching_ = false;
                       if (!error) self->ReadLoop();
                     });
}

Http1Connection::ReadResult Http1Connection::ReadSome(std::span<char> buffer) {
  MutexLock lock(mu_);
  ReadResult read;
  read.busy = exchange_ != nullptr;
  if (closed_) {
    read.status = ReadResult::Status::kClosed;
    return read;
  }
  ssize_t got = 0;
  do {
    got = ::recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got > 0) {
    read.status = ReadResult::Status::kData;
    read.bytes = std::string_view(buffer.data(), static_cast<std::size_t>(got));
  } else if (got == 0) {
    read.status = ReadResult::Status::kEof;
  } else if (errno != EAGAIN && errno != EWOULDBLOCK) {
    read.status = ReadResult::Status::kError;
    read.error = errno;
  }
  return read;
}

// The loop's shared scratch buffer serves heads and small bodies; a body that is under way is read
// into memory of its own, which the receiver can keep.
std::span<char> Http1Connection::PickBuffer(std::shared_ptr<char[]>& owned) {
  const Exchange* exchange = current();
  if (exchange == nullptr || !exchange->head_delivered) return loop_.scratch();
  if (owned == nullptr || owned.use_count() > 1) {
    owned = std::make_shared_for_overwrite<char[]>(kBodyBufferBytes);
  }
  return {owned.get(), kBodyBufferBytes};
}

void Http1Connection::ReadLoop() {
  std::shared_ptr<char[]> owned;
  for (int turn = 0; turn < kMaxReadsPerTurn; ++turn) {
    if (const Exchange* exchange = current(); exchange != nullptr && exchange->paused) return;
    const std::span<char> buffer = PickBuffer(owned);
    const ReadResult read = ReadSome(buffer);
    switch (read.status) {
      case ReadResult::Status::kClosed:
        return;
      case ReadResult::Status::kWouldBlock:
        return WatchReadable();
      case ReadResult::Status::kEof:
      case ReadResult::Status::kError:
        return OnReadEnd(read);
      case ReadResult::Status::kData:
        break;
    }
    if (!read.busy) return OnUnsolicited(read);
    const bool adopt = owned != nullptr && read.bytes.size() >= kAdoptBytes;
    if (Consume(read.bytes, adopt ? owned : nullptr) == Next::kStop) return;
    if (read.bytes.size() < buffer.size()) break;
  }
  ArmTimer();
  WatchReadable();
}

void Http1Connection::OnUnsolicited(const ReadResult&) {
  // Nobody asked: whatever it says, it must never reach a caller (O-107, I12).
  Shut(CloseReason::kUnsolicited);
}

void Http1Connection::OnReadEnd(const ReadResult& read) {
  const bool reset = read.status == ReadResult::Status::kError;
  if (!read.busy) return Shut(reset ? CloseReason::kPeerReset : CloseReason::kPeerFin);
  Exchange* exchange = current();
  if (decoder_ == nullptr || !exchange->decoding || !decoder_->saw_any_byte()) {
    Failure failure{Reason::kConnectionTerminated, Source::kOrigin,
                    exchange->result.written == kNever ? Phase::kWrite : Phase::kFirstByte,
                    Delivery::kUnknown,
                    reset ? "the origin reset the connection before a response"
                          : "the origin closed the connection before a response"};
    return FailExchange(std::move(failure),
                        reset ? CloseReason::kPeerReset : CloseReason::kPeerFin);
  }
  if (!reset && decoder_->OnEof() == DecodeEvent::kDone) return CompleteExchange(false, true);
  Failure failure;
  if (!reset) {
    failure = decoder_->failure();
  } else {
    failure.reason = Reason::kHttpResponseIncomplete;
    failure.source = Source::kOrigin;
    failure.phase = decoder_->head_complete() ? Phase::kBody : Phase::kFirstByte;
    failure.message = "the origin reset the connection in the middle of its response";
  }
  FailExchange(std::move(failure), reset ? CloseReason::kPeerReset : CloseReason::kPeerFin);
}

Http1Connection::Next Http1Connection::Consume(std::string_view input,
                                               const std::shared_ptr<const void>& owner) {
  Exchange& exchange = *current();
  if (!exchange.decoding) {
    exchange.decoding = true;
    exchange.result.first_byte = Now();
    if (decoder_ == nullptr) {
      decoder_ = std::make_unique<ResponseDecoder>(exchange.response_limits, exchange.head_request);
    } else {
      decoder_->Reset(exchange.head_request);
    }
  }
  exchange.result.any_response_byte = true;
  const std::size_t before = input.size();
  exchange.result.bytes_received += before;
  if (exchange.head_delivered) exchange.deadlines.OnBodyProgress(Now());
  while (true) {
    Flow flow = Flow::kContinue;
    switch (decoder_->Next(input)) {
      case DecodeEvent::kNeedMore:
        return Next::kReadMore;
      case DecodeEvent::kInformational:
        exchange.handler->OnInformational(std::move(decoder_->head()));
        continue;
      case DecodeEvent::kHead: {
        exchange.head_delivered = true;
        exchange.deadlines.OnHead(Now());
        JudgeHead(exchange);
        flow = exchange.handler->OnHead(std::move(decoder_->head()), decoder_->body_kind(),
                                        decoder_->body_length());
        break;
      }
      case DecodeEvent::kData:
        flow = exchange.handler->OnData({decoder_->data(), owner});
        break;
      case DecodeEvent::kDone:
        CompleteExchange(!input.empty(), false);
        return Next::kStop;
      case DecodeEvent::kFailed:
        FailExchange(decoder_->failure(), CloseReason::kError);
        return Next::kStop;
    }
    if (flow == Flow::kContinue) continue;
    return Deliver(flow, input, owner);
  }
}

// The head is handed on, so what the keep-alive verdict needs of it is decided now; what only the
// end of the exchange can tell is added by CompleteExchange.
void Http1Connection::JudgeHead(Exchange& exchange) {
  ExchangeFacts facts;
  facts.request_close = exchange.request_close;
  facts.request_fully_written = true;
  facts.response_complete = true;
  const ResponseHead& head = decoder_->head();
  exchange.verdict = JudgeKeepAlive(head, decoder_->body_kind(), facts,
                                    exchange.response_limits.keep_alive_http10);
  exchange.status = head.status;
}

// The receiver does not want to go on just now.
Http1Connection::Next Http1Connection::Deliver(Flow flow, std::string_view rest,
                                               const std::shared_ptr<const void>& owner) {
  if (flow == Flow::kAbort) {
    Failure failure{Reason::kCancelled, Source::kCaller, Phase::kBody, Delivery::kAnswered,
                    "the receiver ended the exchange"};
    FailExchange(std::move(failure), CloseReason::kCancelled);
    return Next::kStop;
  }
  Exchange& exchange = *current();
  exchange.paused = true;
  exchange.deadlines.OnPaused();
  if (!rest.empty()) {
    exchange.unread = owner != nullptr ? Chunk{rest, owner} : Chunk::Own(std::string(rest));
    exchange.result.bytes_received -= rest.size();  // counted again when consumed
  }
  return Next::kStop;
}

// ---- Ending
// --------------------------------------------------------------------------------------

std::shared_ptr<Http1Connection::Exchange> Http1Connection::Detach() {
  MutexLock lock(mu_);
  return std::exchange(exchange_, nullptr);
}

void Http1Connection::CompleteExchange(bool surplus_bytes, bool eof) {
  Exchange& exchange = *current();
  ExchangeResult& result = exchange.result;
  const bool reusable =
      exchange.verdict.reusable && exchange.writer.done() && !surplus_bytes && !eof;
  result.reusable = reusable;
  result.idle_hint = exchange.verdict.idle_hint;
  result.trailers = std::move(decoder_->trailers());
  result.bytes_sent = exchange.writer.sent();
  result.ended = Now();
  if (!reusable) {
    result.why_not = surplus_bytes ? CloseReason::kUnsolicited
                     : eof         ? CloseReason::kPeerFin
                                   : CloseReason::kOriginClose;
  }
  ++uses_;
  // Detached before anybody hears of it: who releases the connection may start the next exchange.
  const std::shared_ptr<Exchange> finished = Detach();
  if (!reusable) Shut(result.why_not);
  finished->handler->OnExchangeDone(std::move(result));
  if (reusable) WatchReadable();
}

void Http1Connection::FailExchange(Failure failure, CloseReason reason) {
  const std::shared_ptr<Exchange> failed = Detach();
  ExchangeResult& result = failed->result;
  result.bytes_sent = failed->writer.sent();
  result.why_not = reason;
  result.ended = Now();
  failure.delivery = DeliveryOf(failed->head_delivered, result.bytes_sent);
  failure.response_status = failed->status;
  result.failure = std::move(failure);
  ++uses_;
  Shut(reason);
  failed->handler->OnExchangeDone(std::move(result));
}

void Http1Connection::Shut(CloseReason reason) {
  {
    MutexLock lock(mu_);
    if (closed_) return;
    closed_ = true;
    boost::system::error_code ignored;
    socket_.close(ignored);
  }
  timer_.cancel();
  if (const OnClosed on_closed = std::exchange(on_closed_, nullptr)) {
    on_closed(ConnectionEnd{reason, uses_});
  }
}

// ---- Writing
// -------------------------------------------------------------------------------------

std::function<void()> Http1Connection::WriteAgain(const Exchange& exchange) {
  if (exchange.body == nullptr || exchange.body->buffered() != nullptr) return nullptr;
  return [weak = weak_from_this()] {
    if (const auto self = weak.lock()) {
      self->loop_.Post([self] { self->ContinueWriting(); });
    }
  };
}

// Under mu_ in Start, on the loop later.
void Http1Connection::AfterWrite(Exchange& exchange, WriteStatus status) {
  switch (status) {
    case WriteStatus::kDone:
      exchange.result.written = Now();
      exchange.deadlines.OnWritten(exchange.result.written);
      exchange.writer.Release();
      return;
    case WriteStatus::kPending:
      return;
    case WriteStatus::kBlocked:
      loop_.Post([self = shared_from_this()] { self->WatchWritable(); });
      return;
    case WriteStatus::kSocketError:
      // A response may be waiting behind the error; it is preferred (O-101, W2). The read side
      // finds it, or the end of the connection.
      exchange.write_failed = true;
      loop_.Post([self = shared_from_this()] { self->ReadLoop(); });
      return;
    case WriteStatus::kSourceError:
      loop_.Post([self = shared_from_this(), token = exchange.token] {
        const Exchange* running = self->current();
        if (running == nullptr || running->token != token) return;
        self->FailExchange(running->body->failure(), CloseReason::kCancelled);
      });
      return;
  }
}

void Http1Connection::WatchWritable() {
  socket_.async_wait(asio::ip::tcp::socket::wait_write,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       if (!error) self->ContinueWriting();
                     });
}

void Http1Connection::ContinueWriting() {
  Exchange* exchange = current();
  if (exchange == nullptr || exchange->writer.done() || exchange->write_failed) return;
  const std::uint64_t before = exchange->writer.sent();
  const WriteStatus status = exchange->writer.Write(descriptor_, WriteAgain(*exchange));
  if (exchange->writer.sent() != before) exchange->deadlines.OnWriteProgress(Now());
  AfterWrite(*exchange, status);
  ArmTimer();
}

// ---- Time
// ----------------------------------------------------------------------------------------

void Http1Connection::RequestTimer(Instant due) {
  timer_due_.store(due.time_since_epoch().count(), std::memory_order_relaxed);
  loop_.Post([self = shared_from_this()] {
    self->timer_due_.store(kNever.time_since_epoch().count(), std::memory_order_relaxed);
    self->ArmTimer();
  });
}

void Http1Connection::ArmTimer() {
  const Exchange* exchange = current();
  if (exchange == nullptr) return;
  const Instant due = exchange->deadlines.Next();
  if (due.time_since_epoch().count() >= timer_due_.load(std::memory_order_relaxed)) return;
  timer_due_.store(due.time_since_epoch().count(), std::memory_order_relaxed);
  timer_.expires_after(Until(due, Now()));
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error) self->OnTimer();
  });
}

void Http1Connection::OnTimer() {
  timer_due_.store(kNever.time_since_epoch().count(), std::memory_order_relaxed);
  const Exchange* exchange = current();
  if (exchange == nullptr) return;
  const Instant now = Now();
  if (now < exchange->deadlines.Next()) return ArmTimer();
  FailExchange(exchange->deadlines.Expired(now), CloseReason::kError);
}

}  // namespace spillway
