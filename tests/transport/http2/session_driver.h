// Drives an Http2Session through a conversation, in virtual time, and remembers what both sides
// heard.
//
// Thread safety: none.

#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/harness/http2_frames.h"
#include "transport/base/body_source.h"
#include "transport/http2/session.h"

namespace spillway {

// What a stream's visitor heard.
struct HeardStream final : public Http2StreamVisitor {
  void OnInformational(ResponseHead head) override;
  void OnHead(ResponseHead given, BodyKind given_kind, std::uint64_t given_length) override;
  void OnData(std::string_view bytes) override;
  void OnEnd(Http2StreamEnd given) override;
  void OnPeerClosed() override { peer_closed = true; }
  void OnSent(std::size_t bytes) override { sent += bytes; }
  void OnBodyPending() override { ++pending; }
  void OnBodyReady() override { ++ready; }
  void OnRequestSent() override { request_sent = true; }

  bool complete() const { return ended && !end.failure; }
  // The reason's label, "" for a complete stream, "running" for one that is not over.
  std::string outcome() const;

  std::int32_t id = 0;
  Failure refused;                           // when id is 0: why Submit failed
  std::function<void(std::size_t)> consume;  // null: the receiver does not read
  std::vector<std::uint32_t> informational;
  ResponseHead head;
  BodyKind kind = BodyKind::kNone;
  std::uint64_t length = 0;
  std::string body;
  bool head_seen = false;
  bool ended = false;
  Http2StreamEnd end;
  std::size_t sent = 0;
  bool request_sent = false;
  bool peer_closed = false;
  int pending = 0;
  int ready = 0;
};

class SessionDriver final : private Http2Visitor {
 public:
  explicit SessionDriver(const Http2Limits& limits = {});

  // Submits; the body may be null.
  HeardStream& Send(std::string_view method = "GET", std::shared_ptr<BodySource> body = nullptr,
                    HeaderList headers = {}, Http2BodyStart start = Http2BodyStart::kAtOnce);
  // The peer's preface, our preface and its acknowledgement; what we sent so far is forgotten.
  void Handshake(std::initializer_list<std::pair<std::uint16_t, std::uint32_t>> settings = {});
  void Receive(std::string_view bytes);
  // The same, in pieces of `size` bytes.
  void ReceiveInPieces(std::string_view bytes, std::size_t size);
  void Advance(Duration by);

  // What we sent since the last time, one line a frame; see h2::Describe.
  std::vector<std::string> TakeSent();
  std::vector<h2::SeenFrame> TakeFrames();
  // The same without SETTINGS, WINDOW_UPDATE and PING, and joined by "; ".
  std::string TakeSentOfStreams();

  Http2Session& session() { return *session_; }
  const std::vector<PeerSettings>& settings() const { return settings_; }
  const std::vector<Http2GoAway>& goaways() const { return goaways_; }
  Instant now() const { return now_; }
  // "", or "flood", "protocol", ...
  std::string failure() const;

  ResponseLimits response_limits;
  bool hold_windows = false;  // streams submitted from now on do not read

 private:
  void OnPeerSettings(const PeerSettings& settings) override { settings_.push_back(settings); }
  void OnGoAway(const Http2GoAway& goaway) override { goaways_.push_back(goaway); }
  std::function<void()> WakeUpload(std::int32_t stream) override;
  void Drain();

  Instant now_{std::chrono::seconds(1000)};
  std::unique_ptr<Http2Session> session_;
  std::deque<RequestHead> heads_;
  std::deque<HeardStream> streams_;
  std::vector<PeerSettings> settings_;
  std::vector<Http2GoAway> goaways_;
  std::string sent_;
  bool preface_seen_ = false;
};

}  // namespace spillway
