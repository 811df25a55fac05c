#include "transport/connection/http1_connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <utility>

#include "transport/base/check.h"
#include "transport/connect/http_connect.h"
#include "transport/connection/http1_exchange.h"
#include "transport/http1/request_encoder.h"
#include "transport/io/clock.h"

namespace spillway {
namespace {

// The kernel gives up on unacknowledged data after this, not after its 15 minutes (O-123).
constexpr int kUserTimeoutMs = 60'000;

void SetSocketOptions(int descriptor) {
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  ::setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &kUserTimeoutMs, sizeof(kUserTimeoutMs));
}

}  // namespace

Http1Connection::Http1Connection(EventLoop& loop, asio::ip::tcp::socket socket,
                                 std::unique_ptr<ByteStream> stream, ProxyServerPtr forward_proxy)
    : loop_(loop),
      timer_(loop.context()),
      timer_due_(kNever.time_since_epoch().count()),
      socket_(std::move(socket)),
      descriptor_(socket_.native_handle()),
      stream_(std::move(stream)),
      forward_proxy_(std::move(forward_proxy)),
      proxy_authorization_(forward_proxy_ == nullptr ? "" : ProxyAuthorization(*forward_proxy_)) {
  loop_.AddConnection();
}

Http1Connection::~Http1Connection() { loop_.RemoveConnection(); }

void Http1Connection::Open(ConnectionEvents events) {
  on_closed_ = std::move(events.closed);
  SetSocketOptions(descriptor_);
  WatchReadable();
}

StartResult Http1Connection::Start(ExchangeSpec spec, std::shared_ptr<ExchangeHandler> handler,
                                   std::uint64_t token) {
  const Instant now = Now();
  EncodeOptions options;
  const bool switching = spec.switching != ProtocolSwitch::kNone;
  if (!switching) {
    options.framing = FramingFor(spec.head->method, spec.body == nullptr ? 0 : spec.body->length());
  }
  options.switching = spec.switching;
  options.close = spec.close;
  options.absolute_form = forward_proxy_ != nullptr;
  options.proxy_authorization = proxy_authorization_;
  std::string head;
  EncodeRequestHead(*spec.head, options, head);
  const bool chunked = options.framing.kind == RequestFraming::Kind::kChunked;
  auto exchange = std::make_shared<Exchange>(std::move(spec), std::move(head), chunked,
                                             std::move(handler), token, now);
  {
    MutexLock lock(mu_);
    if (closed_ || doomed_) return StartResult::kStale;
    SPILLWAY_CHECK_NOTE(exchange_ == nullptr, "one exchange at a time on HTTP/1");
    if (IsFitToStart()) {
      const WriteStatus status = exchange->writer.Write(*stream_, WriteAgain(*exchange));
      const bool untouched = status == WriteStatus::kStreamError && exchange->writer.sent() == 0;
      if (!untouched) {
        exchange_ = exchange;
        exchange->first = uses_.fetch_add(1, std::memory_order_relaxed) == 0;
        AfterWrite(*exchange, status);
        const Instant due = exchange->next_due();
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

// Under mu_. Nobody may have spoken since the last response. Before the first request, in TLS 1.3,
// the origin may: it sends tickets, of which a part may have come, and only now does it judge our
// certificate; its refusal is what waits to be read (O-242), and a new connection would meet it
// too.
bool Http1Connection::IsFitToStart() {
  if (stream_->Quiet()) return true;
  if (uses_.load(std::memory_order_relaxed) != 0) return false;
  std::array<char, 1> unwanted{};
  const ByteStream::Status status = stream_->Read(unwanted).status;
  if (status == ByteStream::Status::kWantRead) return true;
  doomed_ = true;
  if (status != ByteStream::Status::kError) return false;
  Failure failure = stream_->failure();
  if (failure.reason != Reason::kTlsAlertReceived) return false;
  failure.phase = Phase::kTls;
  failure.delivery = Delivery::kUnprocessed;
  stale_failure_ = std::move(failure);
  return false;
}

std::optional<Failure> Http1Connection::stale_failure() const {
  MutexLock lock(mu_);
  return stale_failure_;
}

void Http1Connection::Abort(std::uint64_t token, Failure failure) {
  loop_.Post([self = shared_from_this(), token, failure = std::move(failure)]() mutable {
    const Exchange* exchange = self->current();
    if (exchange == nullptr || exchange->token != token) return;
    self->GiveUp(std::move(failure));
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
  loop_.Post([self = shared_from_this(), reason] { self->Shut(reason); });
}

Http1Connection::Exchange* Http1Connection::current() {
  MutexLock lock(mu_);
  return exchange_.get();
}

// --- Writing ---

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
      if (exchange.tunnel) return OnCallerClosed(exchange);
      exchange.result.written = Now();
      exchange.deadlines.OnWritten(exchange.result.written);
      exchange.writer.Release();
      return;
    case WriteStatus::kHeld:
      OnHeadWritten(exchange);
      return;
    case WriteStatus::kPending: {
      const Instant now = Now();
      exchange.deadlines.OnSourcePending(now);
      exchange.NoteHeadWritten(now);
      return;
    }
    case WriteStatus::kBlocked: {
      const Instant now = Now();
      exchange.deadlines.OnSourceGave(now);
      exchange.NoteHeadWritten(now);
      loop_.Post([self = shared_from_this()] { self->WatchWritable(); });
      return;
    }
    case WriteStatus::kBlockedRead:
      exchange.deadlines.OnSourceGave(Now());
      loop_.Post([self = shared_from_this()] {
        self->write_wants_read_ = true;
        self->WatchReadable();
      });
      return;
    case WriteStatus::kStreamError:
      // A response may be waiting behind the error; it is preferred (O-101, W2). The read side
      // finds it, or the end of the connection.
      exchange.write_failed = true;
      exchange.deadlines.OnWritingOver();
      loop_.Post([self = shared_from_this()] { self->ReadLoop(); });
      return;
    case WriteStatus::kSourceError:
      loop_.Post([self = shared_from_this(), token = exchange.token] {
        const Exchange* running = self->current();
        if (running == nullptr || running->token != token) return;
        self->FailExchange(running->writer.source_failure(), CloseReason::kCancelled);
      });
      return;
  }
}

void Http1Connection::WatchWritable() {
  // A body may have more to say while the socket takes nothing.
  if (watching_writable_) return;
  watching_writable_ = true;
  socket_.async_wait(asio::ip::tcp::socket::wait_write,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       self->watching_writable_ = false;
                       if (!error) self->ContinueWriting();
                     });
}

void Http1Connection::ContinueWriting() {
  Exchange* exchange = current();
  if (exchange == nullptr || exchange->writer.done() || exchange->write_failed) return;
  const std::uint64_t before = exchange->writer.sent();
  WriteStatus status = WriteStatus::kStreamError;
  {
    MutexLock lock(mu_);
    if (closed_) return;
    status = exchange->writer.Write(*stream_, WriteAgain(*exchange));
  }
  if (exchange->writer.sent() != before) exchange->deadlines.OnWriteProgress(Now());
  AfterWrite(*exchange, status);
  ArmTimer();
}

// --- Time ---

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
  const Instant due = exchange->next_due();
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
  if (now >= exchange->expect_until) ReleaseBody();
  exchange = current();
  if (exchange == nullptr) return;
  if (now < exchange->next_due()) return ArmTimer();
  if (exchange->drain) {
    Failure unwanted = std::move(current()->drain->failure);
    return FailExchange(std::move(unwanted), CloseReason::kCancelled);
  }
  FailExchange(exchange->deadlines.Expired(now), CloseReason::kError);
}

}  // namespace spillway
