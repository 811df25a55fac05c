// What an Http2Connection remembers of one of its exchanges: a stream, and who hears of it.
//
// Thread safety: made by Start on any thread; the loop's alone from then on.
// Invariants: while the receiver pauses, at most a stream's window of bytes is kept for it. The
// body source is not touched once the handler has heard the end.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "transport/base/bytes.h"
#include "transport/connection/exchange.h"
#include "transport/connection/http2_connection.h"
#include "transport/http2/visitor.h"
#include "transport/retry/deadlines.h"

namespace spillway {

struct Http2Connection::Exchange final : public Http2StreamVisitor {
  Exchange(Http2Connection& owner, ExchangeSpec&& given, std::shared_ptr<ExchangeHandler> receiver,
           std::uint64_t name, Instant now);

  void OnInformational(ResponseHead head) override;
  void OnHead(ResponseHead head, BodyKind kind, std::uint64_t length) override;
  void OnData(std::string_view bytes) override;
  void OnPeerClosed() override;
  void OnEnd(Http2StreamEnd end) override;
  void OnSent(std::size_t bytes) override;
  void OnBodyPending() override;
  void OnBodyReady() override;
  void OnRequestSent() override;

  // Its head, or the whole request, was taken by the socket.
  void OnHeadFlushed();
  void OnRequestFlushed();
  // The receiver goes on.
  void Resume();
  // What the handler wanted; false: it takes nothing more for now.
  bool Obey(Flow flow);
  void NoteFirstByte();
  // Tells of the end, if that has come and nothing is in its way any more.
  void TryFinish();
  // The response is complete and only its receiver holds it up: what becomes of the connection does
  // not matter to it.
  bool only_receiver_is_missing() const { return paused && end.has_value() && !unsent_tail(); }
  // Of a tunnel: its end is not with the socket yet.
  bool unsent_tail() const;
  // When its time is over, or its body need not wait for the origin's 100 any more.
  Instant next_due() const { return std::min(deadlines.Next(), continue_due); }

  Http2Connection& connection;
  const ExchangeSpec spec;
  const std::shared_ptr<ExchangeHandler> handler;
  const std::uint64_t token;
  Deadlines deadlines;
  std::int32_t stream = 0;        // 0: none yet
  std::uint64_t head_offset = 0;  // of the output, where the request begins
  std::uint64_t sent_offset = 0;  // of the output, where what was sent of it last ends
  std::uint32_t status = 0;
  Instant last_progress{};  // of its writing
  // When the body is sent though the origin did not ask for it (E2).
  Instant continue_due = kNever;
  bool head_sent = false;
  bool tunnel = false;         // it is open
  bool origin_closed = false;  // of a tunnel; not heard yet because of the pause
  bool over = false;           // the handler has heard the end
  bool suspect = false;        // its end says that the connection had better carry nothing new
  bool paused = false;
  std::size_t owed = 0;               // bytes delivered whose window is given back when it resumes
  Chunk kept;                         // arrived during a pause and is being handed out
  std::string unread;                 // the same, later
  std::optional<Http2StreamEnd> end;  // complete, but not heard yet because of the pause
  ExchangeResult result;
};

}  // namespace spillway
