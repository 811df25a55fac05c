// Http1Connection: the read side, all of it on the loop.

#include <utility>

#include "transport/connection/http1_connection.h"
#include "transport/connection/http1_exchange.h"
#include "transport/http1/proxy_answer.h"
#include "transport/io/clock.h"

namespace spillway {
namespace {

// Reads in one go before other connections of the loop get their turn.
constexpr int kMaxReadsPerTurn = 8;
constexpr std::size_t kBodyBufferBytes = 64 * 1024;
// A piece that fills most of its buffer is handed over with it; a smaller one is copied, so that
// what a receiver holds is at most a third more than what it counts.
constexpr std::size_t kAdoptBytes = kBodyBufferBytes / 4 * 3;

Failure ReceiverEnded() {
  return Failure{Reason::kCancelled, Source::kCaller, Phase::kBody, Delivery::kAnswered,
                 "the receiver ended the exchange"};
}

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

// TLS has something to send before it can read on.
void Http1Connection::ReadWhenWritable() {
  socket_.async_wait(asio::ip::tcp::socket::wait_write,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       if (!error) self->ReadLoop();
                     });
}

Http1Connection::ReadResult Http1Connection::ReadSome(std::span<char> buffer) {
  MutexLock lock(mu_);
  ReadResult read;
  read.busy = exchange_ != nullptr;
  read.closed = closed_;
  if (closed_) return read;
  const ByteStream::Io io = stream_->Read(buffer);
  read.status = io.status;
  read.bytes = std::string_view(buffer.data(), io.bytes);
  if (io.status == ByteStream::Status::kError) read.failure = stream_->failure();
  read.holds_more = stream_->holds_bytes();
  const bool nothing =
      io.status == ByteStream::Status::kWantRead || io.status == ByteStream::Status::kWantWrite;
  if (!read.busy && !nothing) doomed_ = true;
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
    ReadResult read = ReadSome(buffer);
    if (read.closed) return;
    stream_ended_ = read.holds_more;
    if (std::exchange(write_wants_read_, false)) {
      loop_.Post([self = shared_from_this()] { self->ContinueWriting(); });
    }
    switch (read.status) {
      case ByteStream::Status::kWantRead:
        ArmTimer();
        return WatchReadable();
      case ByteStream::Status::kWantWrite:
        ArmTimer();
        return ReadWhenWritable();
      case ByteStream::Status::kEnd:
      case ByteStream::Status::kTruncated:
      case ByteStream::Status::kError:
        return OnReadEnd(std::move(read));
      case ByteStream::Status::kOk:
        break;
    }
    if (!read.busy) return OnUnsolicited(read);
    const bool adopt = owned != nullptr && read.bytes.size() >= kAdoptBytes;
    if (Consume(read.bytes, adopt ? owned : nullptr) == Next::kStop) return;
    if (read.bytes.size() < buffer.size() && !read.holds_more) {
      ArmTimer();
      return WatchReadable();
    }
  }
  // The others' turn. What the stream holds would not make the socket readable again.
  ArmTimer();
  loop_.Post([self = shared_from_this()] { self->ReadLoop(); });
}

void Http1Connection::OnUnsolicited(const ReadResult&) {
  // Nobody asked: whatever it says, it must never reach a caller (O-107, I12).
  Shut(CloseReason::kUnsolicited);
}

void Http1Connection::OnReadEnd(ReadResult read) {
  const bool error = read.status == ByteStream::Status::kError;
  const CloseReason reason = error ? CloseReason::kPeerReset : CloseReason::kPeerFin;
  if (!read.busy) return Shut(reason);
  Exchange* exchange = current();
  if (exchange->drain) return FailExchange(std::move(exchange->drain->failure), reason);
  if (exchange->tunnel && read.status == ByteStream::Status::kEnd) return OnTunnelEnd(*exchange);
  if (decoder_ == nullptr || !exchange->decoding || !decoder_->saw_any_byte()) {
    Failure failure = CutShort(read);
    failure.phase = exchange->result.written == kNever ? Phase::kWrite : Phase::kFirstByte;
    return FailExchange(std::move(failure), reason);
  }
  // Without an orderly end nobody knows whether a body that ends with the connection is whole.
  if (read.status == ByteStream::Status::kEnd) {
    if (decoder_->OnEof() == DecodeEvent::kDone) return CompleteExchange(false, true);
    return FailExchange(decoder_->failure(), reason);
  }
  Failure failure = CutShort(read);
  if (failure.reason == Reason::kConnectionTerminated) {
    failure.reason = Reason::kHttpResponseIncomplete;
    failure.message = read.status == ByteStream::Status::kTruncated
                          ? "the origin's TLS ended without close_notify within its response"
                          : "the origin reset the connection in the middle of its response";
  }
  failure.phase = decoder_->head_complete() ? Phase::kBody : Phase::kFirstByte;
  FailExchange(std::move(failure), reason);
}

// Why nothing more will come.
Failure Http1Connection::CutShort(ReadResult& read) {
  if (read.failure.has_value() && read.failure->source == Source::kTls) {
    return *std::move(read.failure);
  }
  return Failure{Reason::kConnectionTerminated, Source::kOrigin, Phase::kFirstByte,
                 Delivery::kUnknown,
                 read.status == ByteStream::Status::kError
                     ? "the origin reset the connection before a response"
                     : "the origin closed the connection before a response"};
}

Http1Connection::Next Http1Connection::Consume(std::string_view input,
                                               const std::shared_ptr<const void>& owner) {
  Exchange& exchange = *current();
  if (!exchange.decoding) {
    exchange.decoding = true;
    exchange.result.first_byte = Now();
    if (decoder_ == nullptr) {
      decoder_ = std::make_unique<ResponseDecoder>(exchange.response_limits, exchange.head_request,
                                                   exchange.switching);
    } else {
      decoder_->Reset(exchange.head_request, exchange.switching);
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
        if (forward_proxy_ != nullptr) RemoveProxyFields(decoder_->head().headers);
        if (decoder_->head().status == 100 && exchange.expect_continue > Duration::zero()) {
          if (exchange.result.got_100 == kNever) exchange.result.got_100 = Now();
          loop_.Post([self = shared_from_this(), token = exchange.token] {
            const Exchange* running = self->current();
            if (running != nullptr && running->token == token) self->ReleaseBody();
          });
        }
        exchange.handler->OnInformational(std::move(decoder_->head()));
        continue;
      case DecodeEvent::kHead: {
        if (forward_proxy_ != nullptr) {
          auto refused = FailureOfProxyAnswer(decoder_->head(), forward_proxy_->Text());
          if (refused.has_value()) {
            FailExchange(*std::move(refused), CloseReason::kError);
            return Next::kStop;
          }
          RemoveProxyFields(decoder_->head().headers);
        }
        exchange.head_delivered = true;
        OnFinalHead(exchange, decoder_->body_kind());
        NoteHead(exchange);
        flow = exchange.handler->OnHead(std::move(decoder_->head()), decoder_->body_kind(),
                                        decoder_->body_length());
        break;
      }
      case DecodeEvent::kData:
        if (exchange.drain) {
          flow = DropData(exchange, decoder_->data().size());
        } else {
          flow = exchange.handler->OnData({decoder_->data(), owner});
        }
        break;
      case DecodeEvent::kDone:
        CompleteExchange(!input.empty(), false);
        return Next::kStop;
      case DecodeEvent::kFailed:
        FailExchange(decoder_->failure(), CloseReason::kError);
        return Next::kStop;
    }
    if (flow == Flow::kContinue) continue;
    if (flow == Flow::kAbort && BeginDrain(exchange, ReceiverEnded())) continue;
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

Flow Http1Connection::DropData(Exchange& exchange, std::size_t bytes) {
  if (bytes > exchange.drain->left) return Flow::kAbort;
  exchange.drain->left -= bytes;
  return Flow::kContinue;
}

// The receiver does not want to go on just now.
Http1Connection::Next Http1Connection::Deliver(Flow flow, std::string_view rest,
                                               const std::shared_ptr<const void>& owner) {
  Exchange& exchange = *current();
  if (flow == Flow::kAbort) {
    Failure failure = exchange.drain ? std::move(exchange.drain->failure) : ReceiverEnded();
    FailExchange(std::move(failure), CloseReason::kCancelled);
    return Next::kStop;
  }
  exchange.paused = true;
  exchange.deadlines.OnPaused(Now());
  ArmTimer();
  if (!rest.empty()) {
    exchange.unread = owner != nullptr ? Chunk{rest, owner} : Chunk::Own(std::string(rest));
    exchange.result.bytes_received -= rest.size();  // counted again when consumed
  }
  return Next::kStop;
}

}  // namespace spillway
