// The named time limits of an exchange: which one fires next, when, and what it is called.
//
// What it is: a value that is told of progress and answers with the earliest limit in force. The
// deadline of the whole round trip always counts; the others depend on how far the exchange is (T4,
// api.md "The earlier of gRPC deadline and options.timeout shrinks every phase"). A request that is
// still being written when its response has begun keeps its own clock beside the response's.
// Thread safety: a plain value.

#pragma once

#include <cstdint>

#include "transport/base/failure.h"
#include "transport/base/instant.h"

namespace spillway {

struct ExchangeLimits {
  Instant deadline = kNever;        // of the whole round trip
  bool deadline_is_callers = true;  // false: it came from Timeouts::total
  Duration write_stall = kForever;
  Duration response_header = kForever;
  Duration body_stall = kForever;
  Duration caller_stall =
      kForever;  // for the caller to give more of its body, or take more of the response
  Duration tunnel_idle = kForever;
};

class Deadlines {
 public:
  Deadlines() = default;
  Deadlines(const ExchangeLimits& limits, Instant now)
      : limits_(limits), since_(now), write_since_(now) {}

  // Some of the request was taken; there may be more.
  void OnWriteProgress(Instant now) {
    since_ = write_since_ = now;
    awaiting_caller_ = false;
    writing_ = !refused_;
  }
  // The body has nothing now: the origin is not to blame for what the caller does not send.
  void OnSourcePending(Instant now) {
    if (!awaiting_caller_) since_ = write_since_ = now;
    awaiting_caller_ = true;
  }
  // The body has something again, though none of it was taken yet: that is up to the origin.
  void OnSourceGave(Instant now) {
    if (awaiting_caller_) since_ = write_since_ = now;
    awaiting_caller_ = false;
  }
  // The head may have arrived before the request was written (O-100).
  void OnWritten(Instant now) {
    awaiting_caller_ = false;
    writing_ = false;
    if (stage_ == Stage::kWriting) Enter(Stage::kAwaiting, now);
  }
  // No more of it will be written although it is not complete: the response alone counts now.
  void OnWritingOver() { writing_ = false; }
  // The origin wants no more of it, whether or not we go on: the same, for good (O-100, W2).
  void OnRefused() {
    refused_ = true;
    writing_ = false;
  }
  void OnHead(Instant now) { Enter(Stage::kBody, now); }
  // A caller that takes the response is there, though it sends nothing at the moment.
  void OnBodyProgress(Instant now) {
    since_ = now;
    if (awaiting_caller_) write_since_ = now;
  }
  // Instead of OnHead when the head opened a tunnel.
  void OnTunnel(Instant now) { Enter(Stage::kTunnel, now); }
  // While the receiver does not take data, an origin that gives or takes nothing is not to blame
  // (C-042).
  void OnPaused(Instant now) {
    paused_ = true;
    since_ = now;
  }
  void OnResumed(Instant now) {
    paused_ = false;
    since_ = write_since_ = now;
  }

  // The earliest limit in force.
  Instant Next() const;
  // What to report when `now` has reached Next(). `delivery` is left to the caller.
  Failure Expired(Instant now) const;
  Phase phase() const;

 private:
  enum class Stage : std::uint8_t { kWriting, kAwaiting, kBody, kTunnel };
  void Enter(Stage stage, Instant now) {
    stage_ = stage;
    since_ = now;
  }
  Instant WriteLimit() const;
  Instant BodyLimit() const;
  Instant StageLimit() const;
  Failure ExpiredWriting() const;
  Failure ExpiredBody(Instant now) const;

  ExchangeLimits limits_;
  Stage stage_ = Stage::kWriting;
  bool paused_ = false;
  bool writing_ = true;
  bool refused_ = false;
  bool awaiting_caller_ = false;  // while writing
  Instant since_{};               // of either direction
  Instant write_since_{};
};

}  // namespace spillway
