// Http1Connection: the read side, all of it on the loop.

#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "transport/connection/http1_connection.h"
#include "transport/connection/http1_exchange.h"
#include "transport/io/clock.h"

namespace spillway {
namespace {

// Reads in one go before other connections of the loop get their turn.
constexpr int kMaxReadsPerTurn = 8;
constexpr std::size_t kBodyBufferBytes = 64 * 1024;
// A piece that fills most of its buffer is handed over with it; a smaller one is copied, so that
// what a receiver holds is at most a third more than what it counts.
constexpr std::size_t kAdoptBytes = kBodyBufferBytes / 4 * 3;

}  // namespace

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
  if (!read.busy && read.status != ReadResult::Status::kWouldBlock) doomed_ = true;
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
        NoteHead(exchange);
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
void Http1Connection::NoteHead(Exchange& exchange) {
  const ResponseHead& head = decoder_->head();
  exchange.verdict =
      JudgeHead(head, decoder_->body_kind(), exchange.response_limits.keep_alive_http10);
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

}  // namespace spillway
