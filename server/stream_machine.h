// The rules of one Stream call: which frame may come when, when the exchange starts, who waits for
// whom, how it ends.
//
// What it is: a pure state machine. Events say what happened on the caller's side and on the
// origin's; each answers with what to do now. It counts bytes and holds none.
// Thread safety: none; its call serializes the events.
// Invariants: at most one read and one write are under way; no read is asked for while the queued
// request bytes are at the limit; `start` and `finish` (or `refuse`) come at most once, and finish
// only after the last queued frame was written or given up; a body that ends badly is failed, never
// ended (C-018, C-019).

#pragma once

#include <cstdint>
#include <optional>

#include "transport/base/failure.h"
#include "transport/base/instant.h"
#include "transport/base/options.h"

namespace spillway {

// How long a head without a length waits for the frame after it (F3).
inline constexpr Duration kStreamProbe = milliseconds(200);

// What a head frame says of the body that follows it.
struct StreamPlan {
  std::optional<std::uint64_t> length;
  std::uint64_t first_piece = 0;   // bytes of it that came with the head
  std::uint64_t first_weight = 0;  // what they hold in memory
  bool tunnel = false;             // asks the connection to become one
  bool expect_continue = false;    // its body must not be touched yet (F4)
};

class StreamMachine {
 public:
  enum class Start : std::uint8_t {
    kNo,
    kNoBody,
    kWhole,     // with what has come so far, which is all of it
    kStreamed,  // with the plan's length, if it has one; else with an unknown one
  };

  // Done in this order.
  struct Todo {
    bool probe = false;      // tell OnProbeOver after kStreamProbe
    bool push = false;       // the frame's data goes to the body
    bool end_body = false;   // with the trailers that came, if any
    bool fail_body = false;  // with failure(), or as cancelled
    Start start = Start::kNo;
    bool cancel = false;   // the exchange
    bool drop = false;     // frames that wait for the caller
    bool cut_off = false;  // what the exchange ended with will not reach the caller
    bool resume = false;   // the origin
    bool read = false;
    bool write = false;   // the next frame
    bool refuse = false;  // settle with failure(), or as cancelled: nothing was started
    bool finish = false;  // with what was settled
    bool pause = false;   // the origin; the answer to what it just sent
  };

  // The call is open.
  Todo OnOpen();

  // --- of the caller ---
  bool awaits_head() const { return caller_ == Caller::kHead; }
  // `buffer_bytes`: the most that is queued in either direction.
  Todo OnHeadFrame(const StreamPlan& plan, std::uint64_t buffer_bytes);
  // `bytes` of the body, which hold `weight` in memory.
  Todo OnDataFrame(std::uint64_t bytes, std::uint64_t weight);
  // `wrong`: with what it holds; its being out of place is told first.
  Todo OnTrailersFrame(std::optional<Failure> wrong = std::nullopt);
  // A frame that is none, or breaks a rule that is not about order; or the call has to end for a
  // reason of ours.
  Todo OnFault(Failure failure);
  Todo OnHalfClose();
  // The call was cancelled, or its connection broke.
  Todo OnCallerGone();
  Todo OnProbeOver();
  Todo OnWriteDone(bool ok, std::uint64_t bytes, bool queue_empty);
  // The frame being written is the last one of the queue. True: it may carry the end of the call,
  // and no OnWriteDone is awaited.
  bool OnLastWrite();

  // --- of the exchange ---
  // It took of the body what weighed so much.
  Todo OnPulled(std::uint64_t weight);
  // False: what the origin sends is of no use any more.
  bool wants_response() const { return exchange_ == Exchange::kRunning && !spoilt(); }
  // A frame of so many bytes waits for the caller.
  Todo OnFrameQueued(std::uint64_t bytes);
  // It ended, and the outcome is settled.
  Todo OnExchangeOver(bool queue_empty);

  // Why the call ends, when neither the exchange nor the caller's going says so.
  const std::optional<Failure>& failure() const { return failure_; }
  std::uint64_t queued_to_origin() const { return in_bytes_; }
  std::uint64_t queued_to_caller() const { return out_bytes_; }
  // The caller keeps the origin, or the end of the call, waiting for much.
  bool presses() const {
    return paused_ || (exchange_ == Exchange::kOver && out_bytes_ > buffer_bytes_ / 4);
  }

 private:
  enum class Caller : std::uint8_t { kHead, kProbe, kBody, kTrailed, kClosed };
  enum class Exchange : std::uint8_t { kNone, kRunning, kOver };

  bool spoilt() const { return gone_ || failure_.has_value(); }
  // A frame came that nobody waits for any more.
  bool Ignored();
  Todo OutOfPlace(std::string_view field, std::string_view why);
  // The call cannot end well any more.
  Todo Spoil();
  Todo Begin(Start how, Todo todo);
  Todo Take(std::uint64_t bytes, std::uint64_t weight);
  // Adds a read if one is due.
  Todo Reading(Todo todo);

  Caller caller_ = Caller::kHead;
  Exchange exchange_ = Exchange::kNone;
  StreamPlan plan_;
  std::optional<Failure> failure_;
  bool gone_ = false;
  bool reading_ = false;
  bool writing_ = false;
  bool paused_ = false;
  bool finished_ = false;
  std::uint64_t buffer_bytes_ = StreamLimits{}.buffer_bytes;
  std::uint64_t received_ = 0;   // of the body
  std::uint64_t in_bytes_ = 0;   // held of the body, not yet taken
  std::uint64_t out_bytes_ = 0;  // frames that wait, with the one being written
};

}  // namespace spillway
