#include "transport/connection/http2_exchange.h"

#include <algorithm>
#include <utility>

#include "transport/base/bytes.h"

namespace spillway {
namespace {

// What was kept during a pause is handed on in pieces of the size that reads have.
constexpr std::size_t kPieceBytes = std::size_t{64} * 1024;

// A smaller piece is better copied than kept with the whole buffer that it came in.
constexpr std::size_t kKeptPieceBytes = std::size_t{4} * 1024;

constexpr std::size_t kFrameHeaderBytes = 9;

Failure ReceiverAborted() {
  return Failure{Reason::kCancelled, Source::kCaller, Phase::kBody, Delivery::kAnswered,
                 "the receiver ended the exchange"};
}

}  // namespace

Http2Connection::Exchange::Exchange(Http2Connection& owner, ExchangeSpec&& given,
                                    std::shared_ptr<ExchangeHandler> receiver, std::uint64_t name,
                                    Instant now)
    : connection(owner),
      spec(std::move(given)),
      handler(std::move(receiver)),
      token(name),
      deadlines(spec.limits, now) {
  result.started = now;
}

void Http2Connection::Exchange::NoteFirstByte() {
  if (result.any_response_byte) return;
  result.any_response_byte = true;
  result.first_byte = connection.now_;
}

void Http2Connection::Exchange::OnInformational(ResponseHead head) {
  NoteFirstByte();
  if (head.status == 100) {
    continue_due = kNever;
    if (result.waited_100 != kNever && result.got_100 == kNever) result.got_100 = connection.now_;
  }
  handler->OnInformational(std::move(head));
}

void Http2Connection::Exchange::OnHead(ResponseHead head, BodyKind kind, std::uint64_t length) {
  NoteFirstByte();
  status = head.status;
  result.bytes_received += kFrameHeaderBytes;
  for (const HeaderField& field : head.headers) {
    result.bytes_received += field.name.size() + field.value.size();
  }
  // A body that still waits for its 100 is sent now, or never (E7).
  continue_due = kNever;
  if (status > 299) deadlines.OnRefused();
  tunnel = kind == BodyKind::kTunnel;
  if (tunnel) {
    deadlines.OnTunnel(connection.now_);
  } else {
    deadlines.OnHead(connection.now_);
  }
  connection.ArmTimer(deadlines.Next());
  Obey(handler->OnHead(std::move(head), kind, length));
}

void Http2Connection::Exchange::OnData(std::string_view bytes) {
  result.bytes_received += bytes.size();
  deadlines.OnBodyProgress(connection.now_);
  if (paused) {
    unread.append(bytes);
    return;
  }
  owed += bytes.size();
  const bool keep = bytes.size() >= kKeptPieceBytes;
  if (!Obey(handler->OnData({bytes, keep ? connection.read_owner_ : nullptr}))) return;
  connection.session_->Consume(stream, std::exchange(owed, 0));
}

bool Http2Connection::Exchange::Obey(Flow flow) {
  switch (flow) {
    case Flow::kContinue:
      return !over;
    case Flow::kPause:
      paused = true;
      deadlines.OnPaused(connection.now_);
      connection.ArmTimer(deadlines.Next());
      return false;
    case Flow::kAbort:
      connection.GiveUp(*this, ReceiverAborted());
      return false;
  }
  return false;
}

void Http2Connection::Exchange::OnPeerClosed() {
  if (over) return;
  if (paused) {
    origin_closed = true;
    return;
  }
  handler->OnOriginClosed();
}

void Http2Connection::Exchange::OnEnd(Http2StreamEnd ended) {
  if (over) return;
  suspect = ended.suspect;
  // A failure does not wait for a receiver that may never resume.
  if (ended.failure) return connection.Finish(*this, std::move(ended.failure), {});
  end = std::move(ended);
  TryFinish();
}

bool Http2Connection::Exchange::unsent_tail() const {
  return tunnel && sent_offset > connection.session_->flushed();
}

void Http2Connection::Exchange::TryFinish() {
  if (over || !end || paused || unsent_tail()) return;
  Http2StreamEnd ended = *std::exchange(end, std::nullopt);
  connection.Finish(*this, std::nullopt, std::move(ended.trailers));
}

void Http2Connection::Exchange::OnSent(std::size_t bytes) {
  result.bytes_sent += bytes;
  sent_offset = connection.session_->produced();
  last_progress = connection.now_;
  deadlines.OnWriteProgress(last_progress);
  if (std::exchange(head_sent, true)) return;
  result.headers_written = connection.now_;
  const bool waits = spec.expect_continue > Duration::zero();
  if (waits || spec.switching == ProtocolSwitch::kConnect) {
    connection.unflushed_.push_back({sent_offset, token, true});
  }
}

void Http2Connection::Exchange::OnBodyPending() {
  deadlines.OnSourcePending(connection.now_);
  connection.ArmTimer(deadlines.Next());
}

void Http2Connection::Exchange::OnBodyReady() {
  deadlines.OnWriteProgress(connection.now_);
  connection.ArmTimer(deadlines.Next());
}

void Http2Connection::Exchange::OnRequestSent() {
  sent_offset = connection.session_->produced();
  connection.unflushed_.push_back({sent_offset, token, false});
}

void Http2Connection::Exchange::OnHeadFlushed() {
  if (spec.switching == ProtocolSwitch::kConnect) return OnRequestFlushed();
  if (status != 0) return;
  result.headers_written = result.waited_100 = connection.now_;
  // Never so long that the origin would be blamed for taking nothing.
  continue_due =
      After(connection.now_, std::min(spec.expect_continue, spec.limits.write_stall / 2));
  connection.ArmTimer(continue_due);
}

// A CONNECT is written with its head: what goes into the tunnel comes after the answer.
void Http2Connection::Exchange::OnRequestFlushed() {
  if (result.written == kNever) result.written = connection.now_;
  deadlines.OnWritten(connection.now_);
  connection.ArmTimer(deadlines.Next());
  TryFinish();
}

void Http2Connection::Exchange::Resume() {
  paused = false;
  deadlines.OnResumed(connection.now_);
  connection.session_->Consume(stream, std::exchange(owed, 0));
  while (!kept.bytes.empty() || !unread.empty()) {
    if (kept.bytes.empty()) kept = Chunk::Own(std::exchange(unread, {}));
    const Chunk piece{kept.bytes.substr(0, kPieceBytes), kept.owner};
    kept.bytes.remove_prefix(piece.bytes.size());
    if (kept.bytes.empty()) kept = Chunk{};
    owed += piece.bytes.size();
    if (!Obey(handler->OnData(piece))) return;
    connection.session_->Consume(stream, std::exchange(owed, 0));
  }
  if (std::exchange(origin_closed, false)) handler->OnOriginClosed();
  TryFinish();
  if (!over) connection.ArmTimer(deadlines.Next());
}

}  // namespace spillway
