// Http2Connection: bytes in and out, and time; all of it on the loop.

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "transport/connection/http2_connection.h"
#include "transport/connection/http2_exchange.h"
#include "transport/io/clock.h"

namespace spillway {
namespace {

// Reads, and writes, in one go before other connections of the loop get their turn.
constexpr int kMaxReadsPerTurn = 8;
constexpr int kMaxWritesPerTurn = 8;

constexpr std::size_t kBodyBufferBytes = std::size_t{64} * 1024;
// A buffer that is filled this far is handed on with what is in it; what a receiver holds is then
// at most a third more than what it counts, once it has all of it.
constexpr std::size_t kAdoptBytes = kBodyBufferBytes / 4 * 3;

// The kernel gives up on unacknowledged data after this, not after its 15 minutes (O-123).
constexpr int kUserTimeoutMs = 60'000;

void SetSocketOptions(int descriptor) {
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  ::setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &kUserTimeoutMs, sizeof(kUserTimeoutMs));
}

}  // namespace

void Http2Connection::Open(ConnectionEvents events) {
  events_ = std::move(events);
  told_capacity_ = initial_capacity();
  SetSocketOptions(socket_.native_handle());
  now_ = last_write_ = Now();
  Http2Visitor& visitor = *this;
  session_ = std::make_unique<Http2Session>(limits_, visitor, now_);
  ScheduleFlush();
  // Bytes may have come with the handshake, and no readiness would tell of them.
  loop_.Post([self = shared_from_this()] { self->ReadLoop(); });
}

// --- Writing ---

// Once per turn of the loop, however many exchanges have something to say.
void Http2Connection::ScheduleFlush() {
  if (flush_scheduled_ || closed_) return;
  flush_scheduled_ = true;
  loop_.Post([self = shared_from_this()] { self->Flush(); });
}

void Http2Connection::Flush() {
  flush_scheduled_ = false;
  ended_.clear();
  if (closed_) return;
  now_ = Now();
  if (!session_->failure() && !write_failed_) WriteOut();
  if (closed_) return;
  if (session_->failure()) return FailSession();
  if (session_->going_away()) NoteGoingAway(CloseReason::kGoAway);
  // H19: at once, or after the last.
  if (going_away_ && exchanges_.empty()) {
    return Shut(going_for_, Failure{Reason::kConnectionTerminated});
  }
  UpdateCapacity();
  ArmTimer(session_->next_deadline());
}

void Http2Connection::WriteOut() {
  for (int turn = 0; turn < kMaxWritesPerTurn; ++turn) {
    session_->Fill();
    const std::string_view output = session_->output();
    if (output.empty() || watching_writable_) return;
    // The stream does not write through the pointer.
    const iovec part{const_cast<char*>(output.data()), output.size()};
    const ByteStream::Io written = stream_->Write({&part, 1});
    switch (written.status) {
      case ByteStream::Status::kOk:
        NoteWritten(written.bytes);
        continue;
      case ByteStream::Status::kWantWrite:
        return WatchWritable();
      case ByteStream::Status::kWantRead:
        write_wants_read_ = true;
        return;
      default:
        // What the origin said before it went away comes first (O-101, W2).
        write_failed_ = true;
        return ReadLoop();
    }
  }
  ScheduleFlush();
}

void Http2Connection::NoteWritten(std::size_t bytes) {
  last_write_ = now_;
  session_->Written(bytes);
  while (!unflushed_.empty() && unflushed_.front().offset <= session_->flushed()) {
    const Unflushed flushed = unflushed_.front();
    unflushed_.pop_front();
    Exchange* exchange = find(flushed.token);
    if (exchange == nullptr) continue;
    if (flushed.head_only) {
      exchange->OnHeadFlushed();
    } else {
      exchange->OnRequestFlushed();
    }
  }
}

void Http2Connection::WatchWritable() {
  if (watching_writable_) return;
  watching_writable_ = true;
  socket_.async_wait(asio::ip::tcp::socket::wait_write,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       self->watching_writable_ = false;
                       if (error || self->closed_) return;
                       self->Flush();
                       // TLS may have wanted to write in order to read.
                       self->ReadLoop();
                     });
}

// --- Reading ---

void Http2Connection::WatchReadable() {
  if (watching_readable_) return;
  watching_readable_ = true;
  socket_.async_wait(asio::ip::tcp::socket::wait_read,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       self->watching_readable_ = false;
                       if (!error) self->ReadLoop();
                     });
}

// The loop's shared scratch buffer serves heads, small bodies and many streams side by side. Where
// all that comes belongs to one body, it is read into memory of its own, which the receiver can
// keep.
std::span<char> Http2Connection::PickBuffer(std::shared_ptr<char[]>& owned) {
  if (exchanges_.size() != 1 || exchanges_.begin()->second->status == 0) return loop_.scratch();
  if (owned == nullptr || owned.use_count() > 1) {
    owned = std::make_shared_for_overwrite<char[]>(kBodyBufferBytes);
  }
  return {owned.get(), kBodyBufferBytes};
}

// Reads what there is: TLS gives it record by record. `filled`: how much it was, whatever is
// answered.
ByteStream::Status Http2Connection::Gather(std::span<char> buffer, std::size_t& filled) {
  do {
    const ByteStream::Io read = stream_->Read(buffer.subspan(filled));
    if (read.status != ByteStream::Status::kOk) return read.status;
    filled += read.bytes;
  } while (filled < kAdoptBytes);
  return ByteStream::Status::kOk;
}

void Http2Connection::ReadLoop() {
  std::shared_ptr<char[]> owned;
  for (int turn = 0; turn < kMaxReadsPerTurn; ++turn) {
    if (closed_) return;
    const std::span<char> buffer = PickBuffer(owned);
    std::size_t filled = 0;
    const ByteStream::Status status = Gather(buffer, filled);
    now_ = Now();
    if (filled > 0) {
      const bool adopt = buffer.data() == owned.get() && filled >= kAdoptBytes;
      read_owner_ = adopt ? owned : nullptr;
      session_->Receive({buffer.data(), filled}, now_);
      read_owner_ = nullptr;
      UpdateCapacity();
      if (session_->failure()) return ScheduleFlush();
    }
    switch (status) {
      case ByteStream::Status::kOk:
        continue;
      case ByteStream::Status::kWantRead:
        if (write_failed_) return OnReadEnd(ByteStream::Status::kError);
        if (std::exchange(write_wants_read_, false) || turn > 0 || filled > 0) ScheduleFlush();
        return WatchReadable();
      case ByteStream::Status::kWantWrite:
        if (filled > 0) ScheduleFlush();
        return WatchWritable();
      default:
        return OnReadEnd(status);
    }
  }
  ScheduleFlush();
  // There may be more inside the stream, which the socket would not tell of.
  loop_.Post([self = shared_from_this()] { self->ReadLoop(); });
}

// --- Time ---

void Http2Connection::ArmTimer(Instant due) {
  // Only ever made earlier: most exchanges end before their limits and need not touch it.
  if (due >= timer_due_ || (closed_ && exchanges_.empty())) return;
  timer_due_ = due;
  timer_.expires_after(Until(due, Now()));
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error) self->OnTimer();
  });
}

void Http2Connection::OnTimer() {
  timer_due_ = kNever;
  now_ = Now();
  std::vector<std::shared_ptr<Exchange>> due;
  for (const auto& [token, exchange] : exchanges_) {
    if (exchange->next_due() <= now_) due.push_back(exchange);
  }
  for (const std::shared_ptr<Exchange>& exchange : due) {
    if (exchange->over) continue;
    if (exchange->continue_due <= now_) {
      exchange->continue_due = kNever;
      session_->ReleaseBody(exchange->stream);
    }
    if (exchange->deadlines.Next() <= now_) Expire(*exchange);
  }
  Instant next = kNever;
  for (const auto& [token, exchange] : exchanges_) next = std::min(next, exchange->next_due());
  if (!closed_) {
    session_->OnTimer(now_);
    next = std::min(next, session_->next_deadline());
  }
  ArmTimer(next);
  ScheduleFlush();
}

}  // namespace spillway
